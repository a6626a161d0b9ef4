"""An `rtsps` camera is pinned at first use: who stands in its place later is told no password."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.address import camera_address
from edge_agent.camera.sources import network_camera
from edge_agent.camera.sources.camera_identity import CameraIdentityError, options_for, pin_of
from edge_agent.camera.sources.network_camera import open_stream
from edge_agent.camera.sources.rtsp import RtspSource
from edge_agent.frames import Frame, SourceEvent
from provisioning.lab.edge.faulty_camera import Behaviour, FaultyCamera
from shared.events import CameraState

pytestmark = pytest.mark.timeout(120)


def credentials(folder: Path, name: str, *, san: bool = False, days: int = 3650) -> Path:
    """A certificate that a camera made for itself, with its key; it holds so many days from yesterday on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1) + min(datetime.timedelta(0), datetime.timedelta(days=days)))
        .not_valid_after(
            now - datetime.timedelta(days=1) + max(datetime.timedelta(hours=1), datetime.timedelta(days=days))
        )
    )
    if san:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.168.1.64"))])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"{name or 'nameless'}-{time.monotonic_ns()}.pem"
    path.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class TlsDoor:
    """What a camera's TLS is to its RTSP: everything goes on to a port without it. Or, with none, an imposter that asks
    for the password and keeps all that it is told."""

    def __init__(self, shown: Path, behind: int | None, port: int = 0) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(shown)
        self._behind, self.heard = behind, b""
        self._door = socket.create_server(("127.0.0.1", port))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(client, server_side=True) as secured:
            if self._behind is None:
                self._ask_for_the_password(secured)
                return
            with socket.create_connection(("127.0.0.1", self._behind)) as plain:
                threading.Thread(target=_pour, args=(secured, plain), daemon=True).start()
                _pour(plain, secured)

    def _ask_for_the_password(self, secured: ssl.SSLSocket) -> None:
        while said := secured.recv(4096):
            self.heard += said
            number = said.partition(b"CSeq: ")[2].split(b"\r\n")[0]
            head = b'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"\r\nCSeq: ' + number
            secured.sendall(head + b"\r\n\r\n")


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            sink.sendall(content)


@pytest.fixture
def camera() -> Iterator[FaultyCamera]:
    def draw(time_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.full((360, 640, 3), int(40 * time_s) % 200, np.uint8)

    camera = FaultyCamera(draw, lambda _: Behaviour(), gop=10)
    yield camera
    camera.close()


@pytest.mark.parametrize("san", [False, True])
def test_a_camera_is_pinned_at_first_use_and_seen_again(
    camera: FaultyCamera, tmp_path: Path, caplog: pytest.LogCaptureFixture, san: bool
) -> None:
    door = TlsDoor(credentials(tmp_path, "IPC-4711", san=san), urlsplit(camera.url).port)
    url, pins = f"rtsps://user:s3cret@127.0.0.1:{door.port}/main", tmp_path / "cameras"
    for _ in range(2):
        with open_stream(url, "tcp", pins=pins) as container:
            assert container.streams.video[0].codec_context.name == "h264"
    pin = pin_of(camera_address(url), pins)
    assert stat.S_IMODE(pin.stat().st_mode) == 0o600
    assert "PRIVATE" not in pin.read_text()
    assert caplog.text.count("is believed from now on") == 1
    assert "s3cret" not in caplog.text
    door.close()


def test_who_stands_in_its_place_is_told_no_password_and_named(camera: FaultyCamera, tmp_path: Path) -> None:
    door = TlsDoor(credentials(tmp_path, "IPC-4711"), urlsplit(camera.url).port)
    url, pins = f"rtsps://user:s3cret@127.0.0.1:{door.port}/main", tmp_path / "cameras"
    open_stream(url, "tcp", pins=pins).close()
    door.close()
    imposter = TlsDoor(credentials(tmp_path, "IPC-4711"), None, door.port)
    with pytest.raises(CameraIdentityError, match="another certificate"):
        open_stream(url, "tcp", pins=pins)
    source = RtspSource(url, pins=pins)
    events = [item for item, _ in zip(source.frames(), range(3), strict=False) if isinstance(item, SourceEvent)]
    source.close()
    assert any(each.state is CameraState.UNREACHABLE and "another certificate" in each.detail for each in events)
    assert imposter.heard == b"", "not a word, and no password"
    # Whoever knows that the camera was replaced deletes the file.
    pin_of(camera_address(url), pins).unlink()
    with pytest.raises(av.FFmpegError):
        open_stream(url, "tcp", pins=pins)
    assert b"Basic" in imposter.heard, "what it would have been told without a pin"
    imposter.close()


@pytest.mark.parametrize(("name", "days"), [("IPC-4711", 0), ("北门摄像机", 3650), ("*", 3650)])
def test_a_certificate_that_ffmpeg_takes_for_none_is_pinned_all_the_same(
    camera: FaultyCamera, tmp_path: Path, name: str, days: int
) -> None:
    """Expired, or by the clock of a box that has none; or with a name that is no host's."""
    door = TlsDoor(credentials(tmp_path, name, days=days), urlsplit(camera.url).port)
    url, pins = f"rtsps://user:s3cret@127.0.0.1:{door.port}/main", tmp_path / "cameras"
    for _ in range(2):
        with open_stream(url, "tcp", pins=pins) as container:
            assert container.streams.video[0].codec_context.name == "h264"
    door.close()
    imposter = TlsDoor(credentials(tmp_path, name), None, door.port)
    with pytest.raises(CameraIdentityError, match="another certificate"):
        open_stream(url, "tcp", pins=pins)
    assert imposter.heard == b""
    imposter.close()


def test_a_connection_that_is_broken_is_not_tried_with_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who breaks connections on the cable must not make us ask for less."""
    opened, identities = network_camera._opened, list[object]()

    def watched(*arguments: Any) -> av.container.InputContainer:
        identities.append(arguments[3])
        return opened(*arguments)

    monkeypatch.setattr(network_camera, "_opened", watched)
    shown = credentials(tmp_path, "IPC-4711")
    broken = TlsDoor(shown, 9)  # the camera's own certificate, and nothing behind it
    with pytest.raises((av.FFmpegError, OSError)) as failed:
        open_stream(f"rtsps://user:s3cret@127.0.0.1:{broken.port}/main", "tcp", pins=tmp_path / "cameras")
    assert not isinstance(failed.value, CameraIdentityError)
    assert identities
    assert all(identities)
    broken.close()


def test_a_whole_camera_is_watched_over_tls(camera: FaultyCamera, tmp_path: Path) -> None:
    door = TlsDoor(credentials(tmp_path, "IPC-4711"), urlsplit(camera.url).port)
    source = RtspSource(f"rtsps://127.0.0.1:{door.port}/main", pins=tmp_path / "cameras")
    frames = (item for item in source.frames() if isinstance(item, Frame))
    assert next(frames).grey.shape == (360, 640)
    source.close()
    door.close()


def test_a_certificate_without_a_name_is_said_to_be_none(tmp_path: Path) -> None:
    door = TlsDoor(credentials(tmp_path, ""), 9)
    with pytest.raises(CameraIdentityError, match="without a name"):
        options_for(f"rtsps://127.0.0.1:{door.port}/main", tmp_path / "cameras")
    door.close()
    assert options_for("rtsp://127.0.0.1:554/main", tmp_path) == {}
