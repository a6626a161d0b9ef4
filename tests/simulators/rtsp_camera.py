"""The RTSP server of `rtsp_server.py` as a camera that tests can start, stall and kill."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.net import pick_free_port

_SYSTEM_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0')"


def require_gstreamer() -> None:
    """Skip with a reason where GStreamer's RTSP server is missing; fail where CI=true."""
    found = (
        shutil.which(_SYSTEM_PYTHON)
        and not subprocess.run([_SYSTEM_PYTHON, "-c", _NEEDS], capture_output=True, check=False).returncode
    )
    if not found:
        reason = "GStreamer's RTSP server is missing (Debian: python3-gi gir1.2-gst-rtsp-server-1.0)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


class RtspCamera:
    """One camera with a small and a large stream."""

    def __init__(self, codec: str, user: str = "op", password: str = "s3cret") -> None:
        self.port = pick_free_port()
        self.user, self.password = user, password
        self._command = [_SYSTEM_PYTHON, str(_SCRIPT), str(self.port), codec, user, password]
        self._process: subprocess.Popen[str] | None = None

    def url(self, path: str) -> str:
        return f"rtsp://{self.user}:{self.password}@127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def say(self, word: str) -> None:
        """`stall` or `go`."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None
