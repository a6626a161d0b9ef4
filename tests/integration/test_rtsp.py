"""A real RTSP server on loopback that stalls, dies and comes back."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest

from edge_agent.camera.sources.rtsp import RtspSource
from edge_agent.frames import Frame, SourceEvent
from shared.events import CameraState
from tests.simulators.rtsp_camera import RtspCamera, require_gstreamer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["h264", "h265"])
def camera(request: pytest.FixtureRequest) -> Iterator[RtspCamera]:
    require_gstreamer()
    camera = RtspCamera(request.param)
    camera.start()
    yield camera
    camera.kill()


def until(
    items: Iterator[Frame | SourceEvent | None], found: Callable[[Frame | SourceEvent | None], bool], limit_s: float
) -> float:
    """Read the source until something is found; returns the seconds it took."""
    began_s = time.monotonic()
    for item in items:
        took_s = time.monotonic() - began_s
        if found(item):
            return took_s
        assert took_s < limit_s, f"not within {limit_s} s; the last was {item}"
    raise AssertionError("the source ended")


def is_frame(item: Frame | SourceEvent | None) -> bool:
    return isinstance(item, Frame)


def is_state(*states: CameraState) -> Callable[[Frame | SourceEvent | None], bool]:
    return lambda item: isinstance(item, SourceEvent) and item.state in states


@pytest.mark.alone("a stall is told after 4.5 s, and five are promised")
def test_camera_stalls_dies_and_comes_back(camera: RtspCamera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = RtspSource(camera.url("small"), picture_url=camera.url("large"))
    items = source.frames()
    until(items, is_frame, 15)
    first = [item for item, _ in zip(items, range(30), strict=False)]
    assert all(isinstance(item, Frame) and item.grey.shape == (240, 320) for item in first)

    asked_s = time.time() - 0.5
    still = source.picture_at(asked_s)
    assert still is not None
    assert still.picture.shape == (720, 1280, 3)
    assert abs(still.taken_at_s - asked_s) < 0.5

    camera.say("stall")
    assert until(items, is_state(CameraState.STALLED), 8) < 5, "a stall must be told within five seconds"
    camera.say("go")
    until(items, is_frame, 30)

    camera.kill()
    until(items, is_state(CameraState.UNREACHABLE), 5)
    camera.start()
    until(items, is_frame, 45)
    source.close()

    assert camera.password not in caplog.text
    assert f"127.0.0.1:{camera.port}" in caplog.text


def test_wrong_password_is_told_without_the_password(camera: RtspCamera, caplog: pytest.LogCaptureFixture) -> None:
    camera.password = "wr0ng"
    source = RtspSource(camera.url("small"))
    event = next(source.frames())
    source.close()
    assert event == SourceEvent(CameraState.UNREACHABLE, "the camera refuses user and password")
    assert "wr0ng" not in caplog.text
