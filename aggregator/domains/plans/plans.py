"""Applying a plan: all of it or nothing, and only on top of the version that its planner knew."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, SenselessError
from aggregator.store.places import SQL as PLACES
from aggregator.store.places import put_place, remove_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE
from shared.errors import ConfigError
from shared.ids import check_name

SQL = load_queries(__package__)
Rows = Sequence[Mapping[str, str]]
Sheets = Mapping[str, Rows]
_KEPT = 20
"""Versions: plans name people and their telephones, and are not kept for ever."""
_OF_PEOPLE = ("code", "location", "responsible")
_Fact = tuple[str, str, str]
"""Site, box and sensor."""


class PlanVersion(Entity):
    """A plan that was applied."""

    version: int
    made_at: datetime
    made_by: str
    why: str


class Plan(PlanVersion):
    """With its sheets: rows of texts, by the key of each column."""

    sheets: dict[str, list[dict[str, str]]]


class Applied(Entity):
    """What became of a plan."""

    version: int
    why: str
    is_new: bool
    """False: it says what the plan in force says, and nothing was done."""
    places_added: int
    places_changed: int
    places_removed: int
    sensors_named: int

    @property
    def audit_subject(self) -> str:
        """What the audit says that it was about."""
        return f"plan {self.version}"

    @property
    def audit_detail(self) -> str:
        """Not the plan: it is kept itself."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class _Change:
    made: frozenset[str]
    added: int = 0
    changed: int = 0
    removed: int = 0


def newest(connection: Connection) -> dict[str, Any] | None:
    """The plan in force; None where none was applied."""
    return connection.execute(SQL["newest"]).fetchone()


def plan(connection: Connection, version: int | None) -> Plan:
    """One that was applied; by default the one in force.

    Raises:
        MissingError: it is not there, or not any more.
    """
    row = newest(connection) if version is None else connection.execute(SQL["plan"], {"version": version}).fetchone()
    if row is None:
        raise MissingError("no plan was applied" if version is None else f"plan {version} does not exist")
    return Plan(**{key: row[key] for key in Plan.model_fields})


def apply(connection: Connection, by: str, why: str, based_on: int, sheets: Sheets) -> Applied:
    """Have a plan in force.

    Args:
        by: who applies it.
        why: in words.
        based_on: the version that its planner knew; 0: none.
        sheets: of it.

    Raises:
        ConflictError: another one was applied meanwhile; a place still holds something; or what the plan changes was
            changed by hand to something else.
        SenselessError: a name is none, or places do not hang together.
    """
    connection.execute(SQL["lock_plans"])
    before = newest(connection)
    digest = hashlib.sha256(_canonical(sheets)).digest()
    if before and bytes(before["sha256"]) == digest:
        nothing = dict.fromkeys(("places_added", "places_changed", "places_removed", "sensors_named"), 0)
        return Applied(version=before["version"], why=why, is_new=False, **nothing)
    known = before["version"] if before else 0
    if based_on != known:
        who = f"plan {known} of {before['made_by']} is in force" if before else "no plan is in force"
        raise ConflictError(f"{who}, and this one is based on {based_on}: look at the difference, and apply on that")
    old: Sheets = before["sheets"] if before else {}
    made = frozenset(before["made"]) if before else frozenset[str]()
    places = _places(connection, made, old.get("places", ()), sheets.get("places", ()))
    named = _facts(connection, by, old.get("sensors", ()), sheets.get("sensors", ()))
    kept = {"sheets": Jsonb(dict(sheets)), "made": sorted(places.made)}
    row = connection.execute(SQL["add_plan"], {"by": by, "why": why, "sha256": digest, **kept}).fetchone()
    assert row  # noqa: S101 - the statement returns it
    connection.execute(SQL["forget_old"], {"kept": _KEPT})
    connection.execute(SQL["ungroup"])
    connection.execute(SQL["group"], {"boxes": Jsonb(list(sheets.get("boxes", ())))})
    return Applied(
        version=row["version"],
        why=why,
        is_new=True,
        places_added=places.added,
        places_changed=places.changed,
        places_removed=places.removed,
        sensors_named=named,
    )


def _canonical(sheets: Sheets) -> bytes:
    told = {
        key: [{name: text for name, text in row.items() if text} for row in rows]
        for key, rows in sheets.items()
        if rows
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _places(connection: Connection, made: frozenset[str], old: Rows, new: Rows) -> _Change:
    """Change in the tree of places what a plan changes of the one before it."""
    connection.execute(PLACES["lock_places"])
    there = {row["name"]: (row["above"] or "", row["title"]) for row in connection.execute(SQL["places"])}
    before, added, changed = {name: said for name, *said in _downwards(old)}, set[str](), 0
    for name, *said in _downwards(new):
        if name not in there:
            put_place(connection, EVERYWHERE, name, above=said[0] or None, title=said[1])
            added.add(name)
            continue
        is_now = list(there[name])
        becomes = _merged(f"place {name}", ("above", "title"), before.get(name, ["", ""]), said, is_now)
        if becomes != is_now:
            put_place(connection, EVERYWHERE, name, above=becomes[0] or None, title=becomes[1])
            changed += 1
    stays = {row.get("place", "") for row in new}
    gone = [
        name for name, *_ in reversed(list(_downwards(old))) if name not in stays and name in made and name in there
    ]
    for name in gone:
        remove_place(connection, EVERYWHERE, name)
    return _Change((made | added) - set(gone), len(added), changed, len(gone))


def _merged(
    what: str, columns: Sequence[str], old: Sequence[str], new: Sequence[str], is_now: Sequence[str]
) -> list[str]:
    """What becomes of something: the plan's change where it makes one, and else what stands there.

    Raises:
        ConflictError: it was changed by hand to a third thing.
    """
    becomes = list[str]()
    for column, was, wanted, stands in zip(columns, old, new, is_now, strict=True):
        if wanted != was and stands not in (was, wanted):
            said = f"{what}: its {column} was changed by hand to {stands!r}, and the plan says {wanted!r}"
            raise ConflictError(f"{said}: write {stands!r} into the plan, or change it by hand first")
        becomes.append(stands if wanted == was else wanted)
    return becomes


def _downwards(rows: Rows) -> Iterator[tuple[str, str, str]]:
    """Name, place above and title of each, a place behind the one that it lies in.

    Raises:
        SenselessError: a name is none, is there twice, or lies in itself.
    """
    wanted = dict[str, tuple[str, str]]()
    for row in rows:
        name = row.get("place", "")
        try:
            check_name(name, "place")
        except ConfigError as error:
            raise SenselessError(str(error)) from None
        if name in wanted:
            raise SenselessError(f"place {name!r} is there twice")
        wanted[name] = row.get("above", ""), row.get("title", "")[:200]
    told = set[str]()
    while len(told) < len(wanted):
        free = [
            name for name, (above, _) in wanted.items() if name not in told and (above not in wanted or above in told)
        ]
        if not free:
            left = ", ".join(sorted(wanted.keys() - told)[:5])
            raise SenselessError(f"places lie in themselves: {left}")
        for name in free:
            told.add(name)
            yield (name, *wanted[name])


def _facts(connection: Connection, by: str, old: Rows, new: Rows) -> int:
    """Change what is said of sensors as far as a plan changes the one before it."""
    before, after = _said(old), _said(new)
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    if not keys:
        return 0
    stand = {
        (row["site"], row["agent"], row["sensor"]): [row[column] for column in _OF_PEOPLE]
        for row in connection.execute(SQL["facts"], _columns(keys))
    }
    told, nothing = dict[_Fact, list[str]](), ["", "", ""]
    for key in keys:
        is_now = stand.get(key, nothing)
        merged = _merged(
            f"sensor {'/'.join(key)}", _OF_PEOPLE, before.get(key, nothing), after.get(key, nothing), is_now
        )
        if merged != is_now:
            told[key] = merged
    if gone := sorted(key for key, facts in told.items() if not any(facts)):
        connection.execute(SQL["forget_facts"], _columns(gone))
    if keys := sorted(told.keys() - set(gone)):
        codes, locations, responsible = (list(column) for column in zip(*(told[key] for key in keys), strict=True))
        values = {**_columns(keys), "codes": codes, "locations": locations, "responsible": responsible, "by": by}
        try:
            connection.execute(SQL["put_facts"], values)
        except psycopg.errors.UniqueViolation as error:
            raise ConflictError(f"a code is that of another sensor: {error.diag.message_detail or ''}") from None
    return len(told)


def _said(rows: Rows) -> dict[_Fact, list[str]]:
    found = dict[_Fact, list[str]]()
    for row in rows:
        facts = [row.get(column, "") for column in _OF_PEOPLE]
        if any(facts):
            found[row.get("site", ""), row.get("box", ""), row.get("sensor", "")] = facts
    return found


def _columns(keys: Sequence[_Fact]) -> dict[str, list[str]]:
    return {
        "sites": [site for site, _, _ in keys],
        "agents": [agent for _, agent, _ in keys],
        "sensors": [sensor for _, _, sensor in keys],
    }
