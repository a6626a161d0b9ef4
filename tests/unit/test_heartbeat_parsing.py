"""What boxes say of themselves, cut to bounds."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.ingest import heartbeat_parsing
from shared.desired import SectionState
from shared.envelope import encode_message
from shared.errors import WireError
from shared.events import BoxState, CameraHealth, ConfigurationHealth, Health, LookHealth

WHOLE = st.integers(-(2**63), 2**64 - 1)
REAL = st.floats(allow_nan=True, allow_infinity=True)
TEXT = st.text(max_size=50) | st.sampled_from(["\0" * 700, "名" * 1000, "\0名" * 200])
OF_TYPE = {int: WHOLE, float: REAL, float | None: REAL | st.none(), str: TEXT, bool: st.booleans()}


def words(kind: type[msgspec.Struct], **bounded: st.SearchStrategy[object]) -> st.SearchStrategy[msgspec.Struct]:
    """Anything that decodes: a field that is new is in it by itself."""
    fields = {field.name: OF_TYPE[field.type] for field in msgspec.structs.fields(kind) if field.name not in bounded}
    return st.builds(kind, **fields, **bounded)


CAMERAS = st.lists(words(CameraHealth), max_size=3).map(tuple)
SECTIONS = st.lists(words(SectionState), max_size=3).map(tuple)
CONFIGURATIONS = words(ConfigurationHealth, changed=st.lists(TEXT, max_size=3).map(tuple))
BEATS = words(
    Health,
    session=st.integers(0, 2**53 - 1),
    epoch=st.integers(0, 2**32 - 1),
    cameras=CAMERAS,
    sections=SECTIONS,
    looks=words(LookHealth) | st.none(),
    configuration=CONFIGURATIONS | st.none(),
)


@given(BEATS)
def test_every_heartbeat_ends_within_bounds(beat: Health) -> None:
    kept = heartbeat_parsing.heartbeat(encode_message(beat))
    configuration = (kept.configuration,) if kept.configuration else ()
    for each in (kept, *kept.cameras, *kept.sections, *configuration):
        for value in msgspec.structs.asdict(each).values():
            if isinstance(value, float):
                assert abs(value) <= 1e12
            elif isinstance(value, int):
                assert abs(value) <= 2**62
            elif isinstance(value, str):
                assert "\0" not in value
                assert len(value) <= 500
    assert kept.order == (beat.order if 0 <= beat.order < 2**62 else 0)
    json.dumps(msgspec.to_builtins(kept), allow_nan=False)


def test_an_honest_heartbeat_is_left_as_it_is() -> None:
    cameras = (CameraHealth("road", "watching", 12.5, 3, 4000, 1_795_820_000_000, "rtsp"),)
    beat = Health(1_795_820_000_000, 5, 60.0, 7, cameras, 1, 2, 3, 10**12, 55.5, 0.5, 1_795_820_000_001, 1)
    assert heartbeat_parsing.heartbeat(encode_message(beat)) == beat


def test_of_very_many_cameras_the_first_are_kept() -> None:
    beat = Health(0, 1, 1.0, cameras=tuple(CameraHealth(f"c{n}", "watching") for n in range(1000)))
    assert len(heartbeat_parsing.heartbeat(encode_message(beat)).cameras) == heartbeat_parsing.MOST_CAMERAS


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"x" * 2_000_000, b"\x91" * 60_000, b"\x81\xa5at_ms\xff"])
def test_what_is_no_heartbeat_is_said_to_be_none(payload: bytes) -> None:
    for read in (heartbeat_parsing.heartbeat, heartbeat_parsing.birth):
        with pytest.raises(WireError):
            read(payload)


@given(st.builds(BoxState, session=st.integers(0, 2**53 - 1), alive=st.booleans(), at_ms=WHOLE, version=TEXT))
def test_every_birth_ends_within_bounds(state: BoxState) -> None:
    kept = heartbeat_parsing.birth(encode_message(state))
    assert "\0" not in kept.version
    assert len(kept.version) <= 64
    assert abs(kept.at_ms) <= 2**62


@pytest.mark.parametrize("interval", [math.nan, math.inf, -math.inf, 0.5, 3601.0])
def test_an_interval_that_is_none_is_refused(interval: float) -> None:
    with pytest.raises(WireError):
        heartbeat_parsing.birth(msgspec.msgpack.encode({"session": 1, "alive": True, "health_interval_s": interval}))
