"""Targets: what the project has promised in figures, and what was measured against it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points

import msgspec

from shared.envelope import Header, encode_batch, encode_event
from shared.events import Direction, Event, Lane, LineCrossed, ListHit, kind_of
from shared.objects import ObjectClass

GROUP = "hawkline.targets"


@dataclass(frozen=True, slots=True)
class Target:
    """One figure against its target. Without a figure it was not measured, and `note` says why."""

    name: str
    figure: float | None
    limit: float
    unit: str
    at_most: bool = True
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `missed` or `not measured`."""
        if self.figure is None:
            return "not measured"
        return "met" if (self.figure <= self.limit if self.at_most else self.figure >= self.limit) else "missed"


Measure = Callable[[bool], Iterator[Target]]
"""Measures the targets of one part; True asks for the quick way."""


def find() -> dict[str, Measure]:
    """The measuring functions of all installed parts, by name."""
    return {entry.name: entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def measure(quick: bool) -> Iterator[Target]:  # noqa: ARG001 - counting bytes is quick either way
    """Bytes on the wire, and those of the same in JSON."""
    crossed = LineCrossed(1_790_000_000_123, 200, 90, Direction.LEFT_TO_RIGHT, 50_000, 40_000, 2, 1_480)
    place = 1_790_000_000_123, 200, 90, Direction.LEFT_TO_RIGHT, 50_000, 40_000, 1, 1_480
    hit = ListHit(*place, list_number=300, list_version=70_000, entry=70_000, likeness=997)
    seen = msgspec.structs.replace(crossed, object=ObjectClass.PERSON, score=87)
    for name, event, limit in (
        ("tripwire event", crossed, 25),
        ("tripwire event with what it was", seen, 27),
        ("list hit", hit, 45),
    ):
        yield Target(f"{name}, payload", len(encode_event(event)), limit, "bytes", note=f"{len(_json(event))} as JSON")
    batch = encode_batch(Header(Lane.BULK, 1, 1, 20, 1, 0), [encode_event(crossed)] * 20)
    named = f"{(len(_json(crossed)) * 20 + 40) / 20:g} as JSON without a header"
    yield Target("batch of 20 with header, an event", len(batch) / 20, 35, "bytes", note=named)


def _json(event: Event) -> bytes:
    """The event as JSON with names, as others send it."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return msgspec.json.encode({"kind": kind_of(event), **fields})
