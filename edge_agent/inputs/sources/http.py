"""Sensors that post: a small door of the box, for what speaks HTTP and nothing better."""

import contextlib
import errno
import hmac
import logging
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from edge_agent.inputs.mapping import MessageError, reading_of
from edge_agent.inputs.sources.clearing import Clearing
from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted, first_line
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import HttpWire, InputsDoor, SensorSettings
from shared.clock import Clock, Moment
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_MOST_BYTES = 16 * 1024
_MOST_AT_ONCE, _MOST_OF_ONE = 64, 8
_WITHIN_S = 5.0
_LOOK_S = 0.2
_PREFIX = "/inputs/"


class HttpSensors:
    """All sensors that post to this box.

    Args:
        door: where, and with which token.
        sensors: that post.
        clock: wall and monotonic time.
    """

    def __init__(self, door: InputsDoor, sensors: Sequence[SensorSettings], clock: Clock) -> None:
        self._door, self._clock = door, clock
        self._wires = {each.name: each.wire for each in sensors if isinstance(each.wire, HttpWire)}
        self._paths = defaultdict[str, list[str]](list)
        for name, wire in self._wires.items():
            self._paths[wire.path].append(name)
        self.terminals: Mapping[str, str] = {name: wire.terminal for name, wire in self._wires.items()}
        self.outputs: Mapping[str, str] = {}
        self.wanted = Wanted()
        self.refused = TroubleLog(log)
        self._lock, self._known, self._clearing = threading.Lock(), dict[str, Circuit](), Clearing()
        self.port = 0
        """Where it listens; 0 while it does not."""

    def run(self, take: Take, _switched: Switched, stopping: threading.Event) -> None:
        """Listen until `stopping`.

        Raises:
            SourceError: the token cannot be read, or the port is another's.
        """
        token = first_line(self._door.token_file, "inputs.http.token_file")
        self._take = take
        try:
            server = _Server((self._door.host, self._door.port), self, token)
        except OSError as error:
            mine = "; does the agent run already?" if error.errno == errno.EADDRINUSE else ""
            raise SourceError(f"inputs.http.port = {self._door.port}: {error.strerror}{mine}") from None
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(_LOOK_S,), name="inputs-http", daemon=True)
        thread.start()
        try:
            while not stopping.wait(_LOOK_S):
                self._clear(Moment.of(self._clock))
        finally:
            self.port = 0
            server.shutdown()
            server.server_close()
            thread.join(_WITHIN_S)

    def post(self, path: str, body: bytes) -> tuple[HTTPStatus, str]:
        """What a post to a path is answered."""
        names, now, taken = self._paths.get(path, []), Moment.of(self._clock), 0
        if not names:
            return HTTPStatus.NOT_FOUND, f"no sensor of this box posts to {_PREFIX}{path[:64]}"
        for name in names:
            wire = self._wires[name]
            try:
                reading = reading_of(body, wire, self._known.get(name, Circuit.MISSING))
            except MessageError as error:
                return HTTPStatus.BAD_REQUEST, f"sensor {name}: the message {error}"
            if reading:
                taken += 1
                with self._lock:
                    self._known[name] = reading.circuit
                self._clearing.note(name, now.s, wire.clear_s, is_active=reading.circuit is Circuit.ACTIVE)
                self._take(name, reading, now)
        if taken:
            return HTTPStatus.NO_CONTENT, ""
        fields = ", ".join(sorted({self._wires[name].field for name in names if self._wires[name].field}))
        return HTTPStatus.BAD_REQUEST, f"the message says nothing of {', '.join(names)}" + (
            f" ({fields})" if fields else ""
        )

    def _clear(self, now: Moment) -> None:
        for name in self._clearing.over(now.s):
            with self._lock:
                self._known[name] = Circuit.NORMAL
            self._take(name, Reading(Circuit.NORMAL), now)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], sensors: HttpSensors, token: str) -> None:
        self.sensors, self.token = sensors, token
        self._lock, self._places = threading.Lock(), Counter[str]()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A place for it, as long as its address and all together have not too many: nobody holds the door shut."""
        with self._lock:
            has = self._places[client_address[0]] < _MOST_OF_ONE and self._places.total() < _MOST_AT_ONCE
            self._places[client_address[0]] += has
        if has:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """However slowly it speaks, it has its place for five seconds."""
        ends = threading.Timer(_WITHIN_S, shut, (request,))
        ends.daemon = True
        ends.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            ends.cancel()
            with self._lock:
                self._places[client_address[0]] -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes in the middle of a request is no error of ours."""


def shut(end: socket.socket) -> None:
    """End a connection from another thread."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _WITHIN_S
    server_version, sys_version = "hawkline", ""

    def do_POST(self) -> None:
        """One message of a sensor; a connection carries no second one."""
        self.close_connection = True
        said = self.headers.get("authorization", "")
        if not hmac.compare_digest(said.encode(), f"Bearer {self.server.token}".encode()):
            self._answer(HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer, with the token of inputs.http")
            return
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or len(length) > 6 or int(length) > _MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected a body of {_MOST_BYTES} bytes at most")
            return
        path = self.path.split("?")[0]
        if not path.startswith(_PREFIX):
            self._answer(HTTPStatus.NOT_FOUND, f"expected a post to {_PREFIX}PATH")
            return
        self._answer(*self.server.sensors.post(path.removeprefix(_PREFIX), self.rfile.read(int(length))))

    def _answer(self, status: HTTPStatus, said: str) -> None:
        if status is not HTTPStatus.NO_CONTENT:  # who posts may not look at answers, and an installer looks here
            self.server.sensors.refused.tell(f"a post of {self.client_address[0]} is refused: {said}")
        body = f"{said}\n".encode() if said else b""
        self.send_response(status)
        if body:
            self.send_header("content-type", "text/plain; charset=utf-8")
            self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Each post in the log would fill it."""
