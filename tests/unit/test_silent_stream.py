"""A camera that falls silent has stalled, in whatever words FFmpeg says that our time-out has interrupted it."""

import errno
import time
from collections.abc import Iterator

import av
import pytest

from edge_agent.camera.sources import network_camera
from shared.events import CameraState

_TIMEOUT_S = 0.05


class Container:
    """A connection that gives nothing, and fails after some time."""

    read_timeout = _TIMEOUT_S

    def __init__(self, after_s: float, number: int) -> None:
        self._after_s, self._number = after_s, number

    def demux(self) -> Iterator["av.Packet[av.VideoStream]"]:
        time.sleep(self._after_s)
        raise av.FFmpegError(self._number, "it failed")
        yield


def failed(after_s: float, number: int, monkeypatch: pytest.MonkeyPatch) -> CameraState:
    monkeypatch.setattr(network_camera, "unreachable", lambda _address: None)
    with pytest.raises(Exception) as raised:
        next(network_camera._reads(Container(after_s, number)))  # type: ignore[arg-type]
    return network_camera.explain(raised.value, "rtsp://127.0.0.1/x").state


def test_what_fails_at_our_time_out_is_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(_TIMEOUT_S, errno.EIO, monkeypatch) is CameraState.STALLED


@pytest.mark.parametrize(("after_s", "number"), [(0.0, errno.EIO), (_TIMEOUT_S, errno.ECONNRESET)])
def test_what_fails_otherwise_is_a_connection_that_failed(
    after_s: float, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failed(after_s, number, monkeypatch) is CameraState.UNREACHABLE
