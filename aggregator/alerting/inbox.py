"""The one inbox: what judges and ingest leave for alerting, in the transaction of what they know."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from aggregator.signals.declarations import OURS, Judge, domains
from aggregator.signals.occurrence import Occurrence, read_occurrence
from aggregator.signals.signal import Signal
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.errors import WireError
from shared.topics import Address

log = logging.getLogger(__name__)
SQL = load_queries(__package__)
_signal = msgspec.msgpack.Decoder(Signal).decode
T = TypeVar("T")
TURNS = 2
"""Rows of one box in one transaction: the others wait behind it."""
_LONGEST = 400
"""Letters of a name, or of what tells an occurrence from another."""


def put(connection: Connection, signals: Sequence[Signal]) -> None:
    """Leave signals for alerting within the caller's transaction."""
    if signals:
        connection.execute(SQL["add_signals"], {"body": msgspec.msgpack.encode(list(signals))})


@dataclass(frozen=True, slots=True)
class Taken:
    """What was in the inbox.

    Attributes:
        rows: how many.
        signals: what just happened first, then what came late.
        worked_on: anything is under maintenance.
    """

    rows: int
    signals: list[Signal]
    worked_on: bool


class Boxes:
    """Whose a producer is: that never changes, so it is asked once. For one database."""

    def __init__(self) -> None:
        self._known: dict[int, Address] = {}

    def of(self, connection: Connection, producers: set[int]) -> Mapping[int, Address]:
        """The boxes of these producers, at least."""
        if unknown := producers - self._known.keys():
            rows = connection.execute(SQL["boxes_of"], {"producer_ids": list(unknown)})
            self._known.update((row["id"], Address(row["site"], row["agent"])) for row in rows)
        return self._known


def take(connection: Connection, limit: int, boxes: Boxes | None = None, noted: list[int] | None = None) -> Taken:
    """Take rows out, and hear what judges say of the events among them.

    Args:
        connection: in the transaction that acts on them.
        limit: of rows.
        boxes: that are known already.
        noted: gets the numbers of the rows, also where what follows fails.
    """
    asked = {"limit": limit, "turns": TURNS, "salt": random.getrandbits(31)}
    rows = connection.execute(SQL["take_inbox"], asked).fetchall()
    if noted is not None:
        noted += [row["id"] for row in rows]
    signals, occurrences = list[Signal](), list[Occurrence]()
    for row in sorted(rows, key=lambda row: (row["late"], row["id"])):
        if row["form"] == "signals":
            signals += _read(connection, row["body"], _signal)
        else:
            occurrences += _read(connection, row["body"], read_occurrence)
    said = [*signals, *judged(connection, occurrences, boxes)]
    declared = [signal for signal in said if _is_declared(connection, signal)]
    return Taken(len(rows), declared, any(row["worked_on"] for row in rows))


def bury(connection: Connection, number: int, why: str) -> int:
    """Put a row aside.

    Returns:
        How many that were: 1, or 0 where it is not there any more.
    """
    rows = connection.execute(SQL["take_one"], {"id": number}).fetchall()
    for row in rows:
        _bury(connection, f"an inbox row cannot be taken: {why}", row["body"])
    return len(rows)


def _read(connection: Connection, body: bytes, what: Callable[[msgspec.Raw], T]) -> list[T]:
    """What a row holds, but for what another version wrote, or a domain that was taken out."""
    try:
        parts = msgspec.msgpack.decode(body, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        _bury(connection, f"an inbox row cannot be read: {error}", body)
        return []
    found = list[T]()
    for part in parts:
        try:
            found.append(what(part))
        except (msgspec.DecodeError, WireError) as error:
            _bury(connection, f"a part of an inbox row cannot be read: {error}", bytes(part))
    return found


def judged(connection: Connection, occurrences: Sequence[Occurrence], boxes: Boxes | None = None) -> list[Signal]:
    """What judges say of events, each judge in their order."""
    if not occurrences:
        return []
    of = (boxes or Boxes()).of(connection, {each.producer_id for each in occurrences})
    judges = domains().judges
    said = list[Signal]()
    for judge in {id(judge): judge for judge in judges.values()}.values():
        if theirs := [each for each in occurrences if judges.get(type(each.event)) is judge]:
            ours = judge.say.__module__.startswith(f"{OURS}.")
            said += judge.say(connection, theirs, of) if ours else _heard(connection, judge, theirs, of)
    return said


def _heard(
    connection: Connection, judge: Judge, occurrences: list[Occurrence], boxes: Mapping[int, Address]
) -> list[Signal]:
    """What a judge from outside says. Whatever it does, it must not keep ours from being heard."""
    try:
        with connection.transaction():
            return [_fit(signal) for signal in judge.say(connection, occurrences, boxes)]
    except Exception as error:  # noqa: BLE001 - it is not our code
        _bury(connection, f"{judge.say.__module__} failed: {error!r}", msgspec.msgpack.encode(occurrences))
        return []


def _fit(signal: Signal) -> Signal:
    """A signal from outside, as the tables take it.

    Raises:
        ValueError: it cannot be kept; the message says why.
    """
    texts = (*msgspec.structs.astuple(signal.subject), signal.condition, signal.occurrence)
    if any("\0" in text or len(text) > _LONGEST for text in texts):
        raise ValueError(f"{signal.condition}: a name holds a NUL or is longer than {_LONGEST}")
    if not 0 <= signal.priority <= 4:
        raise ValueError(f"{signal.condition}: priority {signal.priority}: expected 1 to 4, or 0 where it has none")
    if signal.at.tzinfo is None:
        raise ValueError(f"{signal.condition}: a time without a zone")
    return signal


def _is_declared(connection: Connection, signal: Signal) -> bool:
    """Whether a domain knows the condition; one that was taken out may have left some behind."""
    if signal.condition in domains().conditions:
        return True
    _bury(connection, f"no domain declares the condition {signal.condition!r}", msgspec.msgpack.encode([signal]))
    return False


def _bury(connection: Connection, why: str, payload: bytes) -> None:
    log.error("alerting: %s", why)
    connection.execute(SQL["bury_inbox"], {"detail": why[:500], "payload": payload})
