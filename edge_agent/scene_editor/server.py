"""The page's server: on loopback, for one person, behind a secret in the address."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import msgspec
import tomli_w

from edge_agent.frames import Colour, Frame
from edge_agent.render import Renderer
from edge_agent.video_replay import NOT_COUNTED, row_of
from edge_agent.vision.judging import Uncounted
from edge_agent.vision.looks import Looks
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire.faults import faults
from shared.errors import ConfigError, HawklineError
from shared.net import require_loopback
from shared.output import readable
from shared.scene import Scene, load_scene

_MOST_BYTES = 1_000_000
_TRY_S = 60.0
_MOST_PICTURES, _PICTURE_PX = 40, 640
_MOST_LEFT_OUT = 200
_HEAD = "# Made with `hawkline scene edit`. Coordinates are parts of the picture, from its top left.\n"


class SceneEditor:
    """What the page can do: show a frame, try a scene, save it.

    Args:
        frames: opens the video or camera anew and gives its frames.
        path: the scene file; read at first where it exists.
        looks: of an object detector at what is tried; None is motion alone.

    Raises:
        ConfigError: no frame can be had, or the present scene file is wrong.
    """

    def __init__(self, frames: Callable[[], Iterator[Frame]], path: Path, looks: Callable[[], Looks | None]) -> None:
        self._frames, self.path, self._looks = frames, path, looks
        self._scene = load_scene(path) if path.is_file() else Scene()
        self._picture = self._first_picture()

    def scene(self) -> dict[str, Any]:
        """The scene as the page takes it."""
        return {"file": readable(str(self.path)), "scene": _plain(self._scene)}

    def frame(self) -> bytes:
        """One frame as JPEG."""
        return bytes(cv2.imencode(".jpg", self._picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])

    def attempt(self, given: bytes) -> dict[str, Any]:
        """Run the analysis with a scene for a minute of video, and tell what it saw, the first events with a picture.

        What met a line or zone and was not counted is told too, with the reason's name.

        Raises:
            ConfigError: the scene is wrong.
        """
        scene = _read(given)
        pipeline, frames = Pipeline(scene, looks=self._looks()), 0
        renderer, events = Renderer(scene, pipeline), list[dict[str, Any]]()
        uncounted = list[Uncounted]()
        for frame in self._frames():
            frames += 1
            if found := pipeline.step(frame):
                picture = _small(renderer.draw(frame, found)) if len(events) < _MOST_PICTURES else None
                events += [{**row_of(event), "picture": picture} for event in found]
            uncounted += pipeline.uncounted
            if frame.time_s > _TRY_S:
                break
        events += [{**row_of(event), "picture": None} for event in pipeline.finish()]
        uncounted += pipeline.uncounted
        left_out = [
            {**row_of(each.found), "kind": NOT_COUNTED, "why": each.why.name.lower(), "picture": None}
            for each in [*uncounted, *pipeline.held_back()][:_MOST_LEFT_OUT]
        ]
        return {"frames": frames, "events": events, "left_out": left_out, "warnings": faults(scene)}

    def save(self, given: bytes) -> dict[str, Any]:
        """Write the scene file; the one before stays beside it as `.bak`.

        Raises:
            ConfigError: the scene is wrong, or the file cannot be written.
        """
        scene = _read(given)
        text = _HEAD + tomli_w.dumps(_plain(scene))
        part = self.path.with_name(self.path.name + ".part")
        try:
            part.write_text(text, "utf-8")
            if self.path.is_file():
                self.path.replace(self.path.with_name(self.path.name + ".bak"))
            part.replace(self.path)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written ({error.strerror})") from None
        self._scene = scene
        told = {"watches": len(scene.watches), "masks": len(scene.masks), "warnings": faults(scene)}
        return {"file": readable(str(self.path)), **told}

    def _first_picture(self) -> Colour:
        for frame in self._frames():
            return frame.colour()
        raise ConfigError("no frame could be decoded, expected a video or a camera that answers")


def serve(editor: SceneEditor, host: str, port: int) -> tuple[ThreadingHTTPServer, str]:
    """Start listening; the caller runs `serve_forever`.

    Returns:
        The server and the address to open, which holds the secret.

    Raises:
        ValueError: the host is not loopback.
    """
    require_loopback(host, "--host")
    secret = secrets.token_urlsafe(16)
    server = ThreadingHTTPServer((host, port), _handler(editor, secret))
    return server, f"http://{host}:{server.server_address[1]}/{secret}/"


def _handler(editor: SceneEditor, secret: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what = self._what()
            if what == "":
                page = resources.files("edge_agent.scene_editor").joinpath("page.html").read_bytes()
                self._answer(200, "text/html; charset=utf-8", page)
            elif what == "canvas.js":
                script = resources.files("shared.scene_canvas").joinpath("canvas.js").read_bytes()
                self._answer(200, "text/javascript; charset=utf-8", script)
            elif what == "frame":
                self._answer(200, "image/jpeg", editor.frame())
            elif what == "scene":
                self._answer(200, "application/json", json.dumps(editor.scene()).encode())
            else:
                self._answer(404, "text/plain", b"not here")

        def do_POST(self) -> None:
            action = {"try": editor.attempt, "save": editor.save}.get(self._what() or "")
            given = self.headers.get("content-length") or ""
            length = int(given) if given.isdecimal() else -1
            plain = self.headers.get("content-type") != "application/json"
            if action is None or plain or not 0 <= length <= _MOST_BYTES:
                self._answer(404, "application/json", b'{"error":"not here"}')
                return
            try:
                self._answer(200, "application/json", json.dumps(action(self.rfile.read(length))).encode())
            except HawklineError as error:
                self._answer(422, "application/json", json.dumps({"error": str(error)}).encode())

        def _what(self) -> str | None:
            """What is asked for, None without the secret or under a foreign host name."""
            host = (self.headers.get("host") or "").rsplit(":", 1)[0]
            prefix = f"/{secret}/"
            if host not in ("127.0.0.1", "localhost", "[::1]") or not self.path.startswith(prefix):
                return None
            return self.path[len(prefix) :]

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the person sees the page."""

    return Handler


def _read(given: bytes) -> Scene:
    try:
        return msgspec.json.decode(given, type=Scene)
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(str(error)) from None


def _small(picture: Colour) -> str:
    """A whole frame for the page, as a data URL."""
    size = _PICTURE_PX, round(picture.shape[0] * _PICTURE_PX / picture.shape[1])
    jpeg = cv2.imencode(".jpg", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))[1]
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _plain(scene: Scene) -> dict[str, Any]:
    """Only what differs from the defaults, as TOML and the page want it."""
    plain: dict[str, Any] = msgspec.to_builtins(scene)
    return plain
