"""Every struct of the wire at its bounds and beyond, field by field, through ingest, alerting and heartbeats for real.

What is made follows from the structs' own types, so a field that is added is fuzzed without a word here.
"""

import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
from msgspec import inspect

from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.domains.boxes.heartbeat_receiver import HeartbeatReceiver
from aggregator.ingest.arrivals import shortened
from aggregator.ingest.box_quota import BoxQuota
from aggregator.ingest.worker import IngestWorker
from aggregator.store import Database
from shared.clock import to_ms
from shared.envelope import MAX_BATCH_BYTES
from shared.events import BoxState, Health, Lane, kinds, number_of
from shared.mqtt import Message

_EDGES = (0, 1, -1, 2**7, 2**15, 2**31 - 1, 2**31, 2**53, 2**62, 2**63 - 1, -(2**63), 2**64 - 1)
_TEXTS = (
    "",
    "gate",
    "\0",
    "\x1b[31m",
    "北门",
    "a" * 64,
    "a" * 65,
    "a" * 200,
    "a" * 201,
    "\U0001f6a8" * 64,
    "x" * 60_000,
)
_REALS = (0.0, 1.0, -1.0, 1.0000001, float("nan"), float("inf"), -float("inf"), 1e308, 5e-324)
_ODD: tuple[Any, ...] = (None, True, b"\xff", [], {}, [[]] * 100, "1", 1.5, {"a": 1})
_WHOLE = 0.7
"""Part of the fields that are as they should be: else nothing gets any further than the first."""
_ROWS = 50
MOST_STATEMENTS = 25
"""Of one message in ingest, or of one turn of alerting."""


@dataclass(slots=True)
class Cost:
    """What came of one kind.

    Attributes:
        sent: how many were made.
        read: how many were taken as events, at their bounds.
        batches: in which they came.
        statements: of the transaction that had most.
        seconds: of the one that took longest.
    """

    sent: int = 0
    read: int = 0
    batches: int = 0
    statements: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    """What was raised and should not be."""


def value(of: inspect.Type, rng: random.Random) -> Any:
    """Something for a field: nearly always within its bounds, or at them; else beyond, or of another type."""
    if rng.random() > _WHOLE:
        return rng.choice((rng.choice(_EDGES), rng.choice(_TEXTS), rng.choice(_REALS), rng.choice(_ODD)))
    match of:
        case inspect.IntType(ge=least, lt=below, le=most):
            highest = below - 1 if below is not None else most if most is not None else 2**40
            return rng.choice((least or 0, highest, rng.randint(least or 0, max(least or 0, min(highest, 10**6)))))
        case inspect.FloatType():
            return rng.choice((0.0, 0.5, 1.0))
        case inspect.StrType(min_length=least, max_length=most):
            return rng.choice("ab门\0") * rng.choice((least or 0, most or 20, min(most or 20, 5)))
        case inspect.BytesType(min_length=least):
            return rng.randbytes(least or 4)
        case inspect.BoolType():
            return rng.random() < 0.5
        case inspect.EnumType(cls=words):
            return rng.choice(list(words)).value
        case inspect.VarTupleType(item_type=item, max_length=most):
            count = rng.choice((0, 1, 2, most or 3)) if rng.random() < 0.9 else (most or 3) + 1
            return [value(item, rng) for _ in range(count)] if count < 10 else [value(item, rng)] * count
        case inspect.TupleType(item_types=items):
            return [value(item, rng) for item in items]
        case inspect.StructType(cls=kind):
            return fields(kind, rng)
        case inspect.UnionType(types=types):
            return value(rng.choice(types), rng)
        case _:
            return None


def fields(kind: type[Any], rng: random.Random) -> Any:
    """A struct as its parts, as a list or a map as it travels; now and then with some too few or too many."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)  # noqa: S101 - of a struct
    parts = [value(each.type, rng) for each in told.fields]
    if not told.array_like:
        names = [each.encode_name for each in told.fields]
        return {name: part for name, part in zip(names, parts, strict=True) if rng.random() < 0.95}
    if rng.random() < 0.05:
        return parts[: rng.randrange(len(parts))]
    if rng.random() < 0.05:
        parts += [rng.choice((0, "x" * 3000, [[]] * 500))]
    return parts


def events(kind: type[Any], count: int, rng: random.Random) -> Iterator[bytes]:
    """Encoded events of one kind."""
    for _ in range(count):
        body = fields(kind, rng)
        yield msgspec.msgpack.encode([number_of(kind), *body] if isinstance(body, list) else body)


def batches(rows: Iterator[bytes], epoch: int) -> Iterator[tuple[int, bytes]]:
    """Batches of rows as large as a message may be, each with how many it holds."""
    first, held, size = 1, list[bytes](), 0
    for row in rows:
        if held and (size + len(row) > MAX_BATCH_BYTES - 64 or len(held) == _ROWS):
            yield len(held), _batch(epoch, first, held)
            first, held, size = first + len(held), [], 0
        held.append(row)
        size += len(row)
    if held:
        yield len(held), _batch(epoch, first, held)


def _batch(epoch: int, first: int, rows: Sequence[bytes]) -> bytes:
    """By hand: what is too large goes, too."""
    body = b"\xdc" + len(rows).to_bytes(2, "big") + b"".join(rows)
    head = struct.pack(">BBHIQQq", 1, Lane.ALARM, len(rows), epoch, first, 1, to_ms(time.time()))
    return head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "big") + body


class _Counting:
    """Counts the statements of this process while it is entered."""

    def __init__(self) -> None:
        self.number = 0
        self._execute: Any = psycopg.Cursor.execute

    def __enter__(self) -> "_Counting":
        execute = self._execute

        def counted(cursor: Any, *arguments: Any, **more: Any) -> Any:
            self.number += 1
            return execute(cursor, *arguments, **more)

        psycopg.Cursor.execute = counted  # type: ignore[method-assign,assignment]
        return self

    def __exit__(self, *_: object) -> None:
        psycopg.Cursor.execute = self._execute  # type: ignore[method-assign]


def through_ingest(database: Database, kind: type[Any], count: int, seed: int = 1) -> Cost:
    """Every event of a kind through reading, the transaction, and alerting, each as the product does it."""
    cost, rng, name = Cost(), random.Random(f"{seed} {kind.__name__}"), f"box-{number_of(kind)}"
    quota = BoxQuota(events_a_day=100_000_000, letters_a_day=100_000_000)
    worker = IngestWorker("fuzz", Lane.ALARM, database, ("127.0.0.1", 1), lambda: None, quota=quota)
    engine = AlertingEngine(database, Publishing(), timedelta(minutes=1))
    with database.connect("fuzz") as connection, database.connect("fuzz-alerting") as other:
        for held, payload in batches(events(kind, count, rng), seed):
            message = shortened(Message(f"hl/1/fuzz/{name}/up/alarm", payload, False, time.time()))
            cost.sent, cost.batches = cost.sent + held, cost.batches + 1
            _timed(cost, lambda message=message: worker._commit(connection, [message]))  # type: ignore[misc]
            _timed(cost, lambda: engine.take(other))
        while engine.take(other):
            pass
    with database.connect("fuzz", autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) AS read FROM events JOIN producers p ON p.id = producer_id WHERE agent = %s", (name,)
        ).fetchone()
    cost.read = row["read"] if row else 0
    return cost


def through_presence(database: Database, kind: type[Any], count: int, seed: int = 1) -> Cost:
    """Heartbeats, or births, through what notes them."""
    cost, rng = Cost(), random.Random(f"{seed} {kind.__name__}")
    receiver, channel = HeartbeatReceiver(database, ("127.0.0.1", 1)), "up/health" if kind is Health else "state"
    with database.connect("fuzz", autocommit=True) as connection:
        for _ in range(count):
            payload = msgspec.msgpack.encode(fields(kind, rng))
            message = Message(f"hl/1/fuzz/presence/{channel}", payload, False, time.time())
            cost.sent, cost.batches = cost.sent + 1, cost.batches + 1
            _timed(cost, lambda message=message: receiver._note(connection, message))  # type: ignore[misc]
    return cost


def _timed(cost: Cost, work: Callable[[], object]) -> None:
    """Do one piece of work, and note what it took at worst."""
    began_s = time.monotonic()
    with _Counting() as counting:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            cost.faults.append(f"{type(error).__name__}: {str(error)[:200]}")
    cost.statements = max(cost.statements, counting.number)
    cost.seconds = max(cost.seconds, time.monotonic() - began_s)


def measure(database: Database, each: int) -> Iterator[dict[str, Any]]:
    """A row of a table for each struct."""
    for kind in kinds():
        yield _row(kinds()[kind], through_ingest(database, kind, each))
    for kind in (Health, BoxState):
        yield _row(kind.__name__.lower(), through_presence(database, kind, each))


def _row(name: str, cost: Cost) -> dict[str, Any]:
    bounded = cost.statements <= MOST_STATEMENTS and not cost.faults
    return {
        "struct": name,
        "sent": cost.sent,
        "read": cost.read,
        "batches": cost.batches,
        "most_statements": cost.statements,
        "longest_ms": round(1000 * cost.seconds, 1),
        "faults": len(cost.faults),
        "first_fault": cost.faults[0] if cost.faults else "",
        "verdict": "met" if bounded else "missed",
    }
