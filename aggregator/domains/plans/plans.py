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
        ConflictError: another one was applied meanwhile; or places hold what the plan has no more.
        SenselessError: a name is none, or places do not hang together.
    """
    connection.execute(SQL["lock_plans"])
    before = newest(connection)
    digest = hashlib.sha256(_canonical(sheets)).digest()
    if before and bytes(before["sha256"]) == digest:
        nothing = dict.fromkeys(("places_added", "places_changed", "places_removed", "sensors_named"), 0)
        return Applied(version=before["version"], is_new=False, **nothing)
    known = before["version"] if before else 0
    if based_on != known:
        who = f"plan {known} of {before['made_by']} is in force" if before else "no plan is in force"
        raise ConflictError(f"{who}, and this one is based on {based_on}: look at the difference, and apply on that")
    old: Sheets = before["sheets"] if before else {}
    places = _places(connection, old.get("places", ()), sheets.get("places", ()))
    named = _facts(connection, by, old.get("sensors", ()), sheets.get("sensors", ()))
    row = connection.execute(
        SQL["add_plan"], {"by": by, "why": why, "sha256": digest, "sheets": Jsonb(dict(sheets))}
    ).fetchone()
    assert row  # noqa: S101 - the statement returns it
    connection.execute(SQL["forget_old"], {"kept": _KEPT})
    return Applied(
        version=row["version"],
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


def _places(connection: Connection, old: Rows, new: Rows) -> _Change:
    """Have the tree of places as the plan has it; places that no plan had stay as they are."""
    there = {row["name"]: (row["above"] or "", row["title"]) for row in connection.execute(SQL["places"])}
    added = changed = removed = 0
    for name, above, title in _downwards(new):
        if name not in there:
            added += 1
        elif there[name] == (above, title):
            continue
        else:
            changed += 1
        put_place(connection, EVERYWHERE, name, above=above or None, title=title)
    stays = {row.get("place", "") for row in new}
    for name, _, _ in reversed(list(_downwards(old))):
        if name not in stays and name in there:
            remove_place(connection, EVERYWHERE, name)
            removed += 1
    return _Change(added, changed, removed)


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
    """Have what is said of sensors as the plan has it."""
    before, after = _said(old), _said(new)
    gone = sorted(before.keys() - after.keys())
    if gone:
        connection.execute(SQL["forget_facts"], _columns(gone))
    told = {key: facts for key, facts in after.items() if before.get(key) != facts}
    if told:
        keys = sorted(told)
        codes, locations, responsible = (list(column) for column in zip(*(told[key] for key in keys), strict=True))
        values = {**_columns(keys), "codes": codes, "locations": locations, "responsible": responsible, "by": by}
        try:
            connection.execute(SQL["put_facts"], values)
        except psycopg.errors.UniqueViolation as error:
            raise ConflictError(f"a code is that of another sensor: {error.diag.message_detail or ''}") from None
    return len(told)


def _said(rows: Rows) -> dict[_Fact, tuple[str, str, str]]:
    found = dict[_Fact, tuple[str, str, str]]()
    for row in rows:
        facts = row.get("code", ""), row.get("location", ""), row.get("responsible", "")
        if any(facts):
            found[row.get("site", ""), row.get("box", ""), row.get("sensor", "")] = facts
    return found


def _columns(keys: Sequence[_Fact]) -> dict[str, list[str]]:
    return {
        "sites": [site for site, _, _ in keys],
        "agents": [agent for _, agent, _ in keys],
        "sensors": [sensor for _, _, sensor in keys],
    }
