"""Lists of plates (布控): drawn up, submitted, approved by another person, withdrawn, ended.

What an entry says is sealed at rest, and opened only for who says what for. A list that has ended keeps no entry.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from psycopg.rows import class_row

from aggregator.people.grants import is_one_hand, person_behind
from aggregator.people.principal import Principal
from aggregator.people.sealing import Sealer
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, NotYoursError, SenselessError
from aggregator.store.places import is_ours, require_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import NOWHERE, Scope
from shared.events import LineRule
from shared.plates import as_stamped, kinds_of

SQL = load_queries(__package__)
USUAL, LONGEST = timedelta(days=30), timedelta(days=90)
"""A list lasts no longer than the first, unless its approver may approve longer ones; none does than the second."""
MOST_ENTRIES = 10_000
_MOST_NAMED = 100
_BETWEEN = str.maketrans("", "", " \t·•.-\u3000")

Kind = Literal["watch", "known"]
State = Literal["draft", "submitted", "approved", "refused", "withdrawn", "expired", "unconfirmed", "lapsed"]


class NoListError(MissingError):
    """There is no such list that is theirs."""


class EntryError(SenselessError):
    """Some of the texts are no plates; nothing was changed."""


class PlateList(Entity):
    """A list, without what its entries say."""

    number: int
    kind: Literal["watch", "known", "cordon"]
    title: str
    purpose: str
    case_number: str
    place: str
    priority: int
    instructions: str
    ends_at: datetime
    version: int
    state: State
    drawn_by: str
    drawn_at: datetime
    submitted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    why: str
    """Why it was refused or withdrawn, in words."""
    entries: int

    @property
    def audit_subject(self) -> str:
        """What the audit calls it."""
        return f"list {self.number}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it: no plate."""
        said = f"version {self.version}, {self.state}, {self.entries} entries, {self.case_number}: {self.purpose}"
        return f"{said}; {self.why}" if self.why else said


class ListEntry(Entity):
    """What an entry says."""

    entry: int
    plate: str


class LookedAt(Entity):
    """Entries that somebody looked at, and what for."""

    number: int
    purpose: str
    entry: int | None
    """Which was asked for; None: all."""
    entries: list[ListEntry]

    @property
    def audit_subject(self) -> str:
        """What the audit calls it."""
        return f"list {self.number}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it: no plate."""
        looked = f"{len(self.entries)} entries" if self.entry is None else f"entry {self.entry}"
        return f"{looked}: {self.purpose}"


class ListAtBox(Entity):
    """What a checkpoint's box says of a list that is in force there, or was."""

    site: str
    agent: str
    box_state: str
    state: Literal["held", "waiting", "refused", "released"]
    error: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a list is drawn up with."""

    kind: Kind
    title: str
    purpose: str
    case_number: str
    place: str
    priority: int
    instructions: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of a list's version, and why."""

    approved: bool
    version: int
    why: str = ""


def without_plates(text: str) -> str:
    """A text that stands in the open; a plate in it would, too.

    Raises:
        ValueError: it holds what may be a plate.
    """
    plain = _plain(text)
    for length in (7, 8):
        if any(kinds_of(as_stamped(plain[at : at + length])) for at in range(len(plain) - length + 1)):
            raise ValueError("it holds a plate, which would stand in the open: plates are what entries are for")
    return text


def _plain(text: str) -> str:
    """As plates are written: without what people put between, large, and of one breadth."""
    return unicodedata.normalize("NFKC", text).translate(_BETWEEN).upper()


def plates_of(texts: Sequence[str]) -> list[str]:
    """Texts as entries have them: without what people write between, letters large, each once.

    Raises:
        EntryError: some are no plates of GA 36; the message names each, by its place and what it says.
    """
    found, wrong = dict[str, None](), list[str]()
    for number, text in enumerate(texts, start=1):
        plate = as_stamped(_plain(text))
        if kinds_of(plate):
            found[plate] = None
        else:
            wrong.append(f"{number}: {text[:20]!r}")
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        named = "; ".join(wrong[:_MOST_NAMED])
        raise EntryError(f"{len(wrong)} of {len(texts)} are no plates of GA 36, and nothing was changed: {named}{more}")
    if len(found) > MOST_ENTRIES:
        raise EntryError(f"{len(found)} plates: a list has {MOST_ENTRIES} at most, draw up another one")
    return list(found)


def draw(connection: Connection, sealer: Sealer, who: Principal, drawn: Drawn, texts: Sequence[str]) -> PlateList:
    """Draw up a list; it is a draft.

    Raises:
        EntryError: some of the texts are no plates.
        SenselessError: it would end too late, or has ended.
        UnknownPlaceError: there is no such place there.
    """
    plates, now = plates_of(texts), datetime.now(UTC)
    if not now < drawn.ends_at <= now + LONGEST:
        raise SenselessError(f"ends_at: expected a time within the next {LONGEST.days} days")
    require_place(connection, who.scope, drawn.place)
    values = {name: getattr(drawn, name) for name in Drawn.__slots__}
    row = connection.execute(SQL["draw"], {**values, "by": who.name}).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING returns
    number = int(row["number"])
    put_entries(connection, sealer, number, plates)
    note_hand(connection, who, number)
    return one(connection, who.scope, number)


def change_entries(
    connection: Connection, sealer: Sealer, who: Principal, number: int, texts: Sequence[str]
) -> PlateList:
    """Give a list that nobody has approved other entries. What was refused is a draft again.

    Raises:
        NoListError, EntryError, ConflictError: it is submitted, in force or over.
    """
    plates, there = plates_of(texts), _locked(connection, who.scope, number)
    if there["state"] not in ("draft", "refused"):
        raise ConflictError(f"list {number} is {there['state']}: what is to be approved anew is drawn up anew")
    connection.execute(SQL["redraw"], {"number": number})
    put_entries(connection, sealer, number, plates)
    note_hand(connection, who, number)
    return one(connection, who.scope, number)


def submit(connection: Connection, who: Principal, number: int) -> PlateList:
    """Ask for a list's approval.

    Raises:
        NoListError: there is none of theirs.
        ConflictError: it is no draft, or has no entries.
    """
    there = _locked(connection, who.scope, number)
    if there["state"] != "draft":
        raise ConflictError(f"list {number} is {there['state']}, and no draft that could be submitted")
    row = connection.execute(SQL["count_entries"], {"number": number}).fetchone()
    if row is None or not row["n"]:
        raise ConflictError(f"list {number} has no entries")
    connection.execute(SQL["submit"], {"number": number})
    note_hand(connection, who, number)
    return one(connection, who.scope, number)


def decide(connection: Connection, who: Principal, number: int, decided: Decided, long: Scope = NOWHERE) -> PlateList:
    """Approve a list, refuse it, or take back that it was approved.

    Args:
        long: where who decides may approve a list that lasts longer than usual.

    Raises:
        NoListError: there is none of theirs.
        NotYoursError: they had a hand in it, or it lasts too long for them.
        ConflictError: it is not submitted, or has changed since they looked at it.
    """
    there, approved = _locked(connection, who.scope, number), decided.approved
    if there["state"] != "submitted" and (approved or there["state"] != "approved"):
        raise ConflictError(f"list {number} is {there['state']}, and waits for nobody's approval")
    if there["version"] != decided.version:
        raise ConflictError(f"list {number} has changed since: look at version {there['version']}")
    if approved:
        require_other_hand(connection, who, number)
    if approved and there["long"] and not is_ours(connection, long, there["place"]):
        raise NotYoursError(f"list {number} lasts over {USUAL.days} days: the right lists.approve-long is missing")
    state = "approved" if approved else "refused"
    connection.execute(SQL["decide"], {"number": number, "state": state, "by": who.name, "why": decided.why})
    return one(connection, who.scope, number)


def require_other_hand(connection: Connection, who: Principal, number: int) -> None:
    """See to it that who decides had no hand in a list.

    Raises:
        NotYoursError: they drew it up, or have made the account that did, or were made by it.
    """
    hands = connection.execute(SQL["hands"], {"number": number}).fetchall()
    if any(
        who.name == hand["who"] or (hand["themselves"] and is_one_hand(connection, who.name, hand["who"]))
        for hand in hands
    ):
        raise NotYoursError(
            f"list {number}: who draws up a list does not approve it, nor who made that account, or was made by it"
        )


def withdraw(connection: Connection, who: Principal, number: int, why: str) -> PlateList:
    """End a list now; its entries go.

    Raises:
        NoListError: there is none of theirs, or it is over.
    """
    _locked(connection, who.scope, number)
    connection.execute(SQL["withdraw"], {"number": number, "why": why})
    connection.execute(SQL["end_entries"])
    return one(connection, who.scope, number)


def look(
    connection: Connection, sealer: Sealer, who: Principal, number: int, purpose: str, entry: int | None = None
) -> LookedAt:
    """What a list's entries say.

    Args:
        entry: of a hit; None: all.

    Raises:
        NoListError: there is none of theirs, or no such entry in it.
    """
    one(connection, who.scope, number)
    rows = connection.execute(SQL["entries"], {"number": number, "entry": entry}).fetchall()
    if entry is not None and not rows:
        raise NoListError(f"list {number} has no entry {entry}; one that is over has none")
    said = [
        ListEntry(entry=row["entry"], plate=plate_of(sealer, number, row["entry"], bytes(row["sealed"])))
        for row in rows
    ]
    return LookedAt(number=number, purpose=purpose, entry=entry, entries=said)


def listed(connection: Connection, scope: Scope, *, over: bool, limit: int) -> list[PlateList]:
    """Lists of a scope, the newest first.

    Args:
        over: also those that were withdrawn or have ended.
    """
    asked = {"number": None, "scope": scope.cut, "over": over, "limit": limit}
    with connection.cursor(row_factory=class_row(PlateList)) as cursor:
        return cursor.execute(SQL["lists"], asked).fetchall()


def one(connection: Connection, scope: Scope, number: int) -> PlateList:
    """One list.

    Raises:
        NoListError: there is none of theirs.
    """
    asked = {"number": number, "scope": scope.cut, "over": True, "limit": 1}
    with connection.cursor(row_factory=class_row(PlateList)) as cursor:
        found = cursor.execute(SQL["lists"], asked).fetchone()
    if found is None:
        raise NoListError("there is no such list of yours")
    return found


def boxes_of(connection: Connection, scope: Scope, number: int) -> list[ListAtBox]:
    """Checkpoints' boxes where a list is in force, or was; none of a list that was not approved.

    Raises:
        NoListError: there is none of theirs.
    """
    one(connection, scope, number)
    asked = {"number": number, "scope": scope.cut, "rule": int(LineRule.LANE)}
    with connection.cursor(row_factory=class_row(ListAtBox)) as cursor:
        return cursor.execute(SQL["boxes_of_list"], asked).fetchall()


def end_entries(connection: Connection) -> int:
    """Forget the entries of lists that are over; returns how many."""
    return connection.execute(SQL["end_entries"]).rowcount


def _locked(connection: Connection, scope: Scope, number: int) -> dict[str, Any]:
    """A list that is about to change, and is not over."""
    one(connection, scope, number)
    row = connection.execute(SQL["lock"], {"number": number, "long": USUAL}).fetchone()
    if row is None or row["expired"] or row["state"] in ("withdrawn", "lapsed"):
        raise ConflictError(f"list {number} is over: draw up another one")
    if row["kind"] == "cordon":
        raise ConflictError(f"list {number} is a cordon: `hawkline cordon confirm` and `end` are for it")
    return dict(row)


def note_hand(connection: Connection, who: Principal, number: int) -> None:
    """Write down who does something with a list; of a program whoever made its key, too."""
    for name in {who.name, person_behind(connection, who.name)}:
        values = {"number": number, "who": name, "themselves": name == who.name}
        connection.execute(SQL["note_hand"], values)


def put_entries(connection: Connection, sealer: Sealer, number: int, plates: Sequence[str]) -> None:
    """Give a list these entries and no others; each is sealed."""
    connection.execute(SQL["forget_entries"], {"number": number})
    entries = range(1, len(plates) + 1)
    sealed = [sealer.seal(_seal_of(number, entry), plate) for entry, plate in zip(entries, plates, strict=True)]
    values = {"number": number, "entries": arrays.of_ints(entries), "sealed": arrays.of_bytes(sealed)}
    connection.execute(SQL["add_entries"], values)


def plate_of(sealer: Sealer, number: int, entry: int, sealed: bytes) -> str:
    """What an entry of a list says."""
    return sealer.open(_seal_of(number, entry), sealed, str)


def _seal_of(number: int, entry: int) -> str:
    """What an entry is sealed for: it opens nowhere else."""
    return f"list {number} entry {entry}"
