"""Bytes as released versions wrote them decode for ever: a box one release behind keeps reporting.

`tests/fixtures/wire/VERSION.json` holds, for everything that a version sends, its bytes and what they mean. A new
version adds a file of its own (`python -m tests.unit.test_wire_fixtures VERSION`); none is ever changed.
"""

import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from shared.desired import (
    Armed,
    Arming,
    BypassOrder,
    BypassWay,
    Configuration,
    DesiredState,
    PartitionDeed,
    PartitionOrder,
    Partitions,
    SectionState,
    section,
)
from shared.envelope import (
    Acknowledgement,
    Header,
    decode_event,
    decode_header,
    decode_message,
    decode_rows,
    encode_batch,
    encode_event,
    encode_message,
)
from shared.events import (
    AggregatorState,
    BoxState,
    CameraChanged,
    CameraHealth,
    CameraState,
    ConfigApplied,
    ConfigurationHealth,
    Direction,
    Event,
    EvidenceReady,
    Health,
    Lane,
    LineCrossed,
    LineRule,
    LineSpec,
    ListHit,
    LookHealth,
    LossReason,
    PartitionChanged,
    PartitionState,
    PlateColour,
    RangeLost,
    SensorChanged,
    SensorState,
    SightChanged,
    SightFault,
    VehicleClass,
    VehiclePassed,
    WatchRule,
    ZoneAlarm,
)
from shared.objects import ObjectClass

ARMED = Armed("gate", "北门", armed=False)
FOLDER = Path(__file__).parents[1] / "fixtures" / "wire"
AT_MS = 1_790_000_000_123
EVENTS: list[Event] = [
    LineCrossed(AT_MS, 3, 17, Direction.LEFT_TO_RIGHT, 41, 260, 2, 480),
    CameraChanged(AT_MS, 3, 1, CameraState.STALLED, "no frame for 4 s"),
    ConfigApplied(AT_MS, 3, ("大门",), (LineSpec(0, "北门", ((0.25, 0.5), (1.0, 0.5)), "both", 2, LineRule.TRIPWIRE),)),
    EvidenceReady(AT_MS, Lane.ALARM, 7, bytes(range(32)), 50_000),
    RangeLost(AT_MS, Lane.BULK, 5, 2**40, LossReason.EVICTED),
    ZoneAlarm(AT_MS, 3, 18, WatchRule.LOITERING, 41, 261, 1, 60_000),
    ListHit(AT_MS, 3, 17, Direction.RIGHT_TO_LEFT, 41, 262, 1, 480, 2, 9, 1234, 998),
    VehiclePassed(AT_MS, 3, 17, Direction.RIGHT_TO_LEFT, 41, 263, VehicleClass.LORRY, 0, PlateColour.YELLOW, True),
    SensorChanged(AT_MS, "东墙红外", "infrared", SensorState.ALARM, 1, "beam 2"),
    LineCrossed(AT_MS, 3, 17, Direction.LEFT_TO_RIGHT, 41, 264, 2, 480, ObjectClass.PERSON, 87),
    ZoneAlarm(AT_MS, 3, 18, WatchRule.INTRUSION, 41, 265, 1, 1_000, ObjectClass.BUS, 55),
    SightChanged(AT_MS, 3, 1, SightFault.MOVED, True, 52, False, "by 5 % to the right"),
    SightChanged(AT_MS, 3, 1, SightFault.DARK, True, 4_000, True),
    SensorChanged(AT_MS, "东墙红外", "infrared", SensorState.BYPASSED, 2, "by keeper: broken; active", True),
    PartitionChanged(AT_MS, "house", PartitionState.DISARMED, "li", ("窗", "door"), "not armed away", True, 17, 3, 4),
    PartitionChanged(AT_MS, "house", PartitionState.ARMED_NIGHT, "schedule", ()),
]
MESSAGES: list[msgspec.Struct] = [
    Acknowledgement(1, 0xDEADBEEF, Lane.ALARM, 99, ((101, 104), (200, 200)), 64),
    BoxState(12, alive=True, at_ms=AT_MS, version="0.1.0", health_interval_s=30.0, epoch=0xDEADBEEF),
    Health(
        *(AT_MS, 12, 3600.5, 0xDEADBEEF),
        (CameraHealth("gate", "blind", 9.8, 1, 35_000, AT_MS, sight="covered"),),
        *(1, 20, 3, 10**10),
        sections=(SectionState("arming", 4, 5, "no such line"),),
        looks=LookHealth(False, "model objects was not built here", 12, 3, 41.5),
        throttled="too little voltage",
        configuration=ConfigurationHealth(17, "0123abcd", ("scene-门.toml",), 18),
    ),
    Configuration(17, "0123abcd", "4567cdef"),
    DesiredState(4, (ARMED,), (section("arming", 4, Arming((ARMED,))),)),
    Partitions(
        (PartitionOrder(17, "house", PartitionDeed.NIGHT, 3, "li", ("窗",)),),
        (BypassOrder(3, "door", BypassWay.UNTIL_CLOSED, AT_MS + 3_600_000, "li", "玻璃破了"),),
    ),
    AggregatorState("0123abcd", alive=True),
]
KINDS: dict[str, type[Any]] = {type(one).__name__: type(one) for one in (*EVENTS, *MESSAGES)}
RENAMED = {"Order": DesiredState}
HEADER = Header(Lane.ALARM, 0xDEADBEEF, 100, len(EVENTS), 90, AT_MS + 900)


def plain(value: object) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(msgspec.to_builtins(value, enc_hook=msgspec.msgpack.decode)))


def record() -> list[dict[str, Any]]:
    """What this version sends."""
    rows = [{"kind": type(e).__name__, "bytes": encode_event(e).hex(), "means": plain(e)} for e in EVENTS]
    rows += [{"kind": type(m).__name__, "bytes": encode_message(m).hex(), "means": plain(m)} for m in MESSAGES]
    batch = encode_batch(HEADER, [encode_event(event) for event in EVENTS])
    return [*rows, {"kind": "batch", "bytes": batch.hex(), "means": len(EVENTS)}]


def fixtures() -> list[Any]:
    found = [(path.stem, row) for path in sorted(FOLDER.glob("*.json")) for row in json.loads(path.read_text("utf-8"))]
    return [pytest.param(row, id=f"{version}-{row['kind']}") for version, row in found]


@pytest.mark.parametrize("row", fixtures())
def test_what_a_released_version_wrote_means_the_same(row: dict[str, Any]) -> None:
    payload = bytes.fromhex(row["bytes"])
    if row["kind"] == "batch":
        header = decode_header(payload)
        assert header.count == row["means"]
        assert len([decode_event(event) for event in decode_rows(header, payload)]) == header.count
        return
    kind = KINDS.get(row["kind"]) or RENAMED[row["kind"]]
    found: Any = decode_event(payload) if kind in {type(event) for event in EVENTS} else decode_message(payload, kind)
    assert type(found) is kind
    means, now = row["means"], plain(found)
    if isinstance(means, list):
        assert now[: len(means)] == means, "later versions only append"
    else:
        assert {name: now[name] for name in means} == means


def test_every_kind_has_a_recording() -> None:
    recorded = {param.values[0]["kind"] for param in fixtures()}
    assert recorded >= {*KINDS, "batch"}
    assert set(get_args(Event)) == {type(event) for event in EVENTS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{sys.argv[1]}.json").write_text(json.dumps(record(), ensure_ascii=False, indent=0) + "\n", "utf-8")
