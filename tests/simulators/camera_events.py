"""Cameras that tell of their alarm inputs, on loopback: ONVIF's pull point, Hikvision's and Dahua's streams.

Their bad habits are those that users reported: subscriptions that are gone behind a restart, `Renew` that is refused,
addresses that lead nowhere, streams that end by themselves.
"""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.net import pick_free_port

USER, PASSWORD = "hawk", "a password"
_SOAP = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"'
    ' xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics">'
    "<s:Body>{body}</s:Body></s:Envelope>"
)
_FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>"
    '<s:Reason><s:Text xml:lang="en">{why}</s:Text></s:Reason></s:Fault>'
)


class Camera:
    """A camera with inputs; what it does wrong is set from outside."""

    def __init__(self, kind: str) -> None:
        self.kind, self.port = kind, pick_free_port()
        self.inputs: dict[str, bool] = {}
        self.is_on = False
        self.refuses_renew = False
        self.renewed = 0
        self.unsubscribed = 0
        self.asked = list[str]()
        self._lock = threading.Lock()
        self._queues: dict[str, list[tuple[str, bool, str]]] = {}
        self._number, self._server = 0, None

    def set(self, number: str, state: bool) -> None:
        """An input changes."""
        with self._lock:
            self.inputs[number] = state
            for queue in self._queues.values():
                queue.append((number, state, "Changed"))

    def forget(self) -> None:
        """It is started again: no subscription is known, and every stream ends."""
        with self._lock:
            self._queues.clear()

    @contextmanager
    def serving(self) -> Iterator["Camera"]:
        """Behind its port of loopback."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _Handler)
        server.camera = self  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.is_on = True
        try:
            yield self
        finally:
            self.is_on = False  # connections that are there end, too
            self.forget()
            server.shutdown()
            server.server_close()
            thread.join(5)

    # ONVIF

    def answer(self, operation: str, path: str) -> str:
        self.asked.append(operation)
        if operation == "GetSystemDateAndTime":
            now = time.gmtime()
            return (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
                f"<tt:Time><tt:Hour>{now.tm_hour}</tt:Hour><tt:Minute>{now.tm_min}</tt:Minute>"
                f"<tt:Second>{now.tm_sec}</tt:Second></tt:Time>"
                f"<tt:Date><tt:Year>{now.tm_year}</tt:Year><tt:Month>{now.tm_mon}</tt:Month><tt:Day>{now.tm_mday}</tt:Day>"
                "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if operation == "GetServices":
            # As behind a router: the camera knows another address of its own.
            service = "http://192.168.99.99/onvif/event_service"
            return (
                "<tds:GetServicesResponse><tds:Service><tds:Namespace>http://www.onvif.org/ver10/events/wsdl"
                f"</tds:Namespace><tds:XAddr>{service}</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>0"
                "</tt:Minor></tds:Version></tds:Service></tds:GetServicesResponse>"
            )
        with self._lock:
            return self._event(operation, path)

    def _event(self, operation: str, path: str) -> str:
        if operation == "CreatePullPointSubscription":
            self._number += 1
            self._queues[f"/sub/{self._number}"] = []
            return (
                "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>"
                f"http://0.0.0.0/sub/{self._number}</wsa5:Address></tev:SubscriptionReference>"
                "<wsnt:CurrentTime>2026-11-30T10:00:00Z</wsnt:CurrentTime>"
                "<wsnt:TerminationTime>2026-11-30T10:01:00Z</wsnt:TerminationTime>"
                "</tev:CreatePullPointSubscriptionResponse>"
            )
        if path not in self._queues:
            return _FAULT.format(why="The subscription is unknown")
        if operation == "Renew":
            self.renewed += 1
            return _FAULT.format(why="Renew is not possible") if self.refuses_renew else "<wsnt:RenewResponse/>"
        if operation == "Unsubscribe":
            self.unsubscribed += 1
            self._queues.clear()  # those of all others, too
            return "<wsnt:UnsubscribeResponse/>"
        if operation == "SetSynchronizationPoint":
            self._queues[path] += [(number, state, "Initialized") for number, state in self.inputs.items()]
            return "<tev:SetSynchronizationPointResponse/>"
        told, self._queues[path] = self._queues[path], []
        return f"<tev:PullMessagesResponse>{''.join(map(_message, told))}</tev:PullMessagesResponse>"

    def has_news(self, path: str) -> bool:
        return bool(self._queues.get(path, True))


def _message(told: tuple[str, bool, str]) -> str:
    number, state, operation = told
    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        "tns1:Device/Trigger/DigitalInput</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="2026-11-30T10:00:00Z" PropertyOperation="{operation}"><tt:Source>'
        f'<tt:SimpleItem Name="InputToken" Value="{number}"/></tt:Source><tt:Data>'
        f'<tt:SimpleItem Name="LogicalState" Value="{str(state).lower()}"/></tt:Data></tt:Message>'
        "</wsnt:Message></wsnt:NotificationMessage>"
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def camera(self) -> Camera:
        found: Camera = self.server.camera  # type: ignore[attr-defined]
        return found

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if not self.camera.is_on:
            self.close_connection = True
            return
        inner = body[body.index("Body>") :]
        found = re.search(r"<(?:\w+:)?(\w+)[ />]", inner[5:])
        operation = found[1] if found else ""
        if operation not in ("GetSystemDateAndTime", "GetServices") and "UsernameToken" not in body:
            self._send(401, "", "text/plain")
            return
        until_s = time.monotonic() + 0.5
        while operation == "PullMessages" and not self.camera.has_news(self.path) and time.monotonic() < until_s:
            time.sleep(0.02)
        self._send(200, _SOAP.format(body=self.camera.answer(operation, self.path)), "application/soap+xml")

    def do_GET(self) -> None:
        if not self._is_known():
            return
        if "getEventIndexes" in self.path:
            active = [int(number) - 1 for number, state in self.camera.inputs.items() if state]
            said = "".join(f"channels[{place}]={index}\r\n" for place, index in enumerate(active))
            self._send(200, said or "Error: No Events\r\n", "text/plain")
            return
        self.send_response(200)
        self.send_header("content-type", "multipart/mixed; boundary=boundary")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        self._stream()

    def _stream(self) -> None:
        camera, path = self.camera, f"/stream/{id(self)}"
        with camera._lock:
            camera._queues[path] = []
        beat_s = 0.0
        while path in camera._queues:
            with camera._lock:
                told, camera._queues[path] = camera._queues.get(path, []), []
                active = [number for number, state in camera.inputs.items() if state]
            if path not in camera._queues:
                return
            parts = [self._dahua(number, state) for number, state, _ in told] if camera.kind == "dahua" else []
            if time.monotonic() - beat_s > 0.3:
                beat_s = time.monotonic()
                parts.append(b"Heartbeat\r\n" if camera.kind == "dahua" else _hikvision("videoloss", "inactive", "1"))
                if camera.kind == "hikvision":  # told again while it lasts; its end is not told
                    parts += [_hikvision("IO", "active", number) for number in active]
            try:
                for part in parts:
                    self.wfile.write(b"--boundary\r\nContent-Type: text/plain\r\n\r\n" + part + b"\r\n")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    @staticmethod
    def _dahua(number: str, state: bool) -> bytes:
        return f"Code=AlarmLocal;action={'Start' if state else 'Stop'};index={int(number) - 1}\r\n".encode()

    def _is_known(self) -> bool:
        """Digest, as makers' cameras want it."""
        said = self.headers.get("authorization", "")
        parts = dict(re.findall(r'(\w+)="?([^",]+)"?', said))
        if said.startswith("Digest ") and parts.get("username") == USER:

            def md5(text: str) -> str:
                return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

            first = md5(f"{USER}:camera:{PASSWORD}")
            second = md5(f"GET:{parts['uri']}")
            middle = f"{parts['nonce']}:{parts['nc']}:{parts['cnonce']}:{parts['qop']}"
            if parts.get("response") == md5(f"{first}:{middle}:{second}"):
                return True
        self.send_response(401)
        self.send_header("www-authenticate", 'Digest realm="camera", qop="auth", nonce="0a1b2c3d"')
        self.send_header("content-length", "0")
        self.end_headers()
        return False

    def _send(self, status: int, text: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Not in the tests' output."""


def _hikvision(kind: str, state: str, number: str) -> bytes:
    return (
        '<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">\r\n'
        "<ipAddress>192.168.99.99</ipAddress><channelID>1</channelID><dateTime>2026-11-30T10:00:00+08:00</dateTime>"
        f"<activePostCount>1</activePostCount><eventType>{kind}</eventType><eventState>{state}</eventState>"
        f"<inputIOPortID>{number}</inputIOPortID></EventNotificationAlert>\r\n"
    ).encode()
