"""What an installer is told of cameras, clocks and files that are not as they should be."""

import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge_agent.check import check_everything
from edge_agent.config import load_agent_settings
from edge_agent.config_warnings import warn
from models.registry import FOLDER, Registry
from shared.durations import clock_off

LINE = '[[tripwires]]\nname = "line"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n'
BACK = '[[tripwires]]\nname = "back"\npoints = [[0.1, 0.5], [0.9, 0.5], [0.1, 0.5]]\n'


class Camera(socketserver.ThreadingTCPServer):
    """Answers every RTSP request with one status, by its path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)


class _Answers(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        lines = []
        while line := self.rfile.readline():
            lines.append(line.decode().strip())
            if lines[-1]:
                continue
            number = next((said.split(":")[1].strip() for said in lines if said.lower().startswith("cseq")), "1")
            status = {"locked": "401 Unauthorized", "none": "404 Not Found"}.get(lines[0].split()[1].rsplit("/", 1)[1])
            realm = 'WWW-Authenticate: Basic realm="camera"\r\n' if status == "401 Unauthorized" else ""
            self.wfile.write(f"RTSP/1.0 {status or '500 No'}\r\nCSeq: {number}\r\n{realm}\r\n".encode())
            lines = []


class _Late(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("date", format_datetime(datetime.now(UTC) + timedelta(days=400), usegmt=True))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[Any]:
    """Starts servers and ends them."""
    running: list[socketserver.BaseServer] = []

    def start(server: socketserver.BaseServer) -> int:
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return int(server.server_address[1])

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def findings(
    folder: Path, source: str, scene: str = LINE, aggregator: int = 1, broker: int = 1, looks: float = 0
) -> dict[str, dict[str, Any]]:
    (folder / "scene.toml").write_text(scene)
    config = folder / "agent.toml"
    config.write_text(
        f'site = "s"\nagent = "a"\ndata_dir = "d"\n[broker]\nport = {broker}\n[aggregator]\nurl = "http://127.0.0.1:{aggregator}"\n'
        f"[looks]\nper_second = {looks}\n"
        f'[[cameras]]\nname = "north"\nscene = "scene.toml"\n[cameras.source]\n{source}'
    )
    config.chmod(0o644)
    settings, cameras = load_agent_settings(config)
    return {finding["key"]: finding for finding in check_everything(settings, cameras, config)}


def test_a_camera_is_told_in_words_with_its_path_and_no_password(tmp_path: Path, served: Any) -> None:
    port = served(Camera())
    found = findings(
        tmp_path,
        f'kind = "rtsp"\nurl = "rtsp://op:s3cret@127.0.0.1:{port}/locked"\n'
        f'picture_url = "rtsp://op:s3cret@127.0.0.1:{port}/none"\n',
    )
    stream, picture = found["cameras[0].source"], found["cameras[0].source.picture_url"]
    assert stream["ok"] is False and picture["ok"] is False
    assert f"north: the camera at 127.0.0.1:{port}/locked: refuses user and password" in stream["said"]
    assert "%40" in stream["said"]
    assert f"picture stream (picture_url) at 127.0.0.1:{port}/none: has no stream at this path" in picture["said"]
    assert found["file"]["ok"] is None and "chmod 6" in found["file"]["said"]
    assert "s3cret" not in str(found) and "rrno" not in str(found)


class _Mute(socketserver.StreamRequestHandler):
    """An RTSP camera that answers all as it should, and sends no picture."""

    def handle(self) -> None:
        sdp = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=c\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        head: list[str] = []
        while line := self.rfile.readline():
            head.append(line.decode("latin-1").strip())
            if head[-1]:
                continue
            fields = {name.lower(): value.strip() for name, _, value in (said.partition(":") for said in head[1:])}
            method, body, more = head[0].split()[0], b"", ""
            if method == "DESCRIBE":
                body, more = sdp, "Content-Type: application/sdp\r\n"
            elif method == "SETUP":
                more = f"Transport: {fields['transport']}\r\n"
            elif method == "OPTIONS":
                more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            size = f"Content-Length: {len(body)}\r\n\r\n"
            self.wfile.write(f"RTSP/1.0 200 OK\r\nCSeq: {fields['cseq']}\r\nSession: 1\r\n{more}{size}".encode() + body)
            head = []


def test_a_camera_that_sends_no_picture_is_not_well(tmp_path: Path, served: Any) -> None:
    class Silent(socketserver.ThreadingTCPServer):
        daemon_threads = True

    port = served(Silent(("127.0.0.1", 0), _Mute))
    found = findings(tmp_path, f'kind = "rtsp"\nurl = "rtsp://127.0.0.1:{port}/sub"')["cameras[0].source"]
    assert (found["ok"], "no picture" in found["said"]) == (False, True), found


def test_what_listens_in_place_of_broker_and_aggregator_is_not_taken_for_them(tmp_path: Path, served: Any) -> None:
    class Other(socketserver.ThreadingTCPServer):
        daemon_threads = True

    class Closes(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)

    port = served(Other(("127.0.0.1", 0), Closes))
    found = findings(tmp_path, 'kind = "synthetic"\nscene = "gate"', aggregator=port, broker=port)
    for key in ("broker", "aggregator.url"):
        assert (found[key]["ok"], "[trust]" in found[key]["said"]) == (False, True), found[key]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert findings(tmp_path, 'kind = "synthetic"\nscene = "gate"')["data_dir"]["ok"]
    assert not list(tmp_path.glob("d*")), "to look leaves nothing"
    (tmp_path / "d").write_text("a file")
    found = findings(tmp_path, 'kind = "synthetic"\nscene = "gate"')["data_dir"]
    assert (found["ok"], "cannot be written" in found["said"]) == (False, True)


def test_a_line_that_asks_for_persons_on_a_box_that_never_looks_is_told(tmp_path: Path) -> None:
    found = findings(tmp_path, 'kind = "synthetic"\nscene = "gate"', LINE + 'objects = ["person"]\n')
    said = found["cameras[0].scene"]
    assert said["ok"] is None
    assert "'line': without looks the box cannot tell what a thing is, so everything counts" in said["said"]


def test_looks_that_cannot_be_are_told_and_the_box_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'kind = "synthetic"\nscene = "gate"'
    assert "looks" not in findings(tmp_path, source)
    few = findings(tmp_path, source, looks=0.5)["looks"]
    assert (few["ok"], "leaves 0.5 looks a second for each camera, expected 1 or more" in few["said"]) == (False, True)
    (tmp_path / "registry.toml").write_bytes((FOLDER / "registry.toml").read_bytes())
    monkeypatch.setattr("models.objects.finder.Registry", lambda: Registry(tmp_path))
    missing = findings(tmp_path, source, looks=5)["looks"]
    assert missing["ok"] is False
    assert missing["said"] == (
        "none, motion goes on alone: model objects is not here: make it with hawkline model build before wheels are "
        "made, and install from those"
    )


def test_a_clock_that_is_off_is_told_in_days_and_a_line_that_cannot_fire_by_its_camera(
    tmp_path: Path, served: Any
) -> None:
    port = served(HTTPServer(("127.0.0.1", 0), _Late))
    found = findings(tmp_path, 'kind = "synthetic"\nscene = "gate"\n', BACK, port)
    assert found["clock"]["ok"] is False and "slow by 400 days" in found["clock"]["said"]
    assert "north" in found["cameras[0].scene"]["said"] and "back over itself" in found["cameras[0].scene"]["said"]
    assert "file" not in found, "no password stands in it"


def test_an_agent_warns_at_its_start_and_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    findings(tmp_path, 'kind = "rtsp"\nurl = "rtsp://op:s3cret@127.0.0.1:1/a"\n', BACK)
    settings, cameras = load_agent_settings(tmp_path / "agent.toml")
    warn(settings, cameras, tmp_path / "agent.toml")
    assert "everybody on this machine can read them" in caplog.text
    assert "camera north" in caplog.text and "back over itself" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "fast by 3 seconds"), (-1, "slow by 1 second"), (-9000, "slow by 2.5 hours"), (-34560000, "slow by 400 days")],
)
def test_clocks_in_words(seconds: float, said: str) -> None:
    assert clock_off(seconds) == said
