"""Speaks to mosquitto's dynamic security plugin: commands as JSON on a topic, answers on another."""

import json
import queue
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from aggregator.trust.roles import CONTROL
from shared.errors import UnavailableError
from shared.mqtt import Connection, Message

_ANSWER_S = 10.0
_AS_IT_SHALL_BE = {"Role already exists", "Client already exists", "Role not found", "Client not found"}
_AT_ONCE = 100
"""Commands in one message."""


class BrokerControl:
    """A connection of the broker's administrator. Calls may come from any thread, one at a time."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.lives = 0
        """How often the broker has taken us: behind each it may have forgotten what it was told."""
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._calling = threading.Lock()
        self.where = f"{host}:{port}"
        self._connection = Connection(
            f"broker-admin-{uuid4().hex}",
            host,
            port,
            subscriptions=[(f"{CONTROL}/response", 1)],
            on_message=self._heard,
            on_up=self._came_up,
            tls=tls,
        )

    def start(self) -> None:
        """Connect, and go on trying."""
        self._connection.start()

    def stop(self) -> None:
        """Leave."""
        self._connection.stop()

    @property
    def is_up(self) -> bool:
        """Whether the broker has us."""
        return self._connection.is_up

    def await_up(self) -> None:
        """Wait for the connection, a little.

        Raises:
            UnavailableError: there is none.
        """
        deadline_s = time.monotonic() + _ANSWER_S
        while not self._connection.is_up:
            if time.monotonic() > deadline_s:
                raise UnavailableError(f"broker {self.where}: does not answer its administrator")
            time.sleep(0.05)

    def call(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Have commands obeyed, in their order; returns what each answered.

        Raises:
            UnavailableError: the broker does not answer; some may have been obeyed.
        """
        found = list[dict[str, Any]]()
        with self._calling:
            for start in range(0, len(commands), _AT_ONCE):
                found += self._call(commands[start : start + _AT_ONCE])
        return found

    def _call(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        mark = uuid4().hex
        body = {"commands": [{**command, "correlationData": mark} for command in commands]}
        self.await_up()
        while not self._answers.empty():
            self._answers.get_nowait()  # to a call that was given up
        if self._connection.publish(CONTROL, json.dumps(body).encode(), qos=1) is None:
            raise UnavailableError(f"broker {self.where}: does not answer its administrator")
        found = list[dict[str, Any]]()
        while len(found) < len(commands):
            try:
                found += [
                    one
                    for one in self._answers.get(timeout=_ANSWER_S)["responses"]
                    if one.get("correlationData") == mark
                ]
            except queue.Empty:
                raise UnavailableError(
                    f"broker {self.where}: the dynamic security plugin does not answer; is it loaded, and is our "
                    "certificate its administrator's? (hawkline broker config)"
                ) from None
        return found

    def apply(self, commands: Sequence[dict[str, Any]]) -> None:
        """Have commands obeyed; what is there already, or gone already, is as it shall be.

        Raises:
            UnavailableError: the broker does not answer, or has refused one.
        """
        for answer in self.call(commands):
            if "error" in answer and answer["error"] not in _AS_IT_SHALL_BE:
                raise UnavailableError(f"broker {self.where}: {answer['command']}: {answer['error']}")

    def clear(self, topics: Sequence[str]) -> None:
        """Have the broker forget what it keeps of these topics. Those who hear them get an empty message.

        Raises:
            UnavailableError: it does not take it now.
        """
        for topic in topics:
            if self._connection.publish(topic, b"", qos=1, retain=True) is None:
                raise UnavailableError(f"broker {self.where}: does not take what clears {topic}")

    def boxes(self) -> tuple[dict[str, list[str]], dict[str, list[dict[str, Any]]]]:
        """What the broker knows: clients with their roles, roles with what they allow.

        Raises:
            UnavailableError: the broker does not answer, or not as expected.
        """
        listing = {"verbose": True, "count": -1, "offset": 0}
        clients, roles = self.call([{"command": "listClients", **listing}, {"command": "listRoles", **listing}])
        try:
            return (
                {
                    client["username"]: [role["rolename"] for role in client.get("roles", [])]
                    for client in clients["data"]["clients"]
                },
                {role["rolename"]: role.get("acls", []) for role in roles["data"]["roles"]},
            )
        except KeyError:
            raise UnavailableError(f"broker {self.where}: {clients.get('error') or roles.get('error')}") from None

    def _came_up(self) -> None:
        self.lives += 1

    def _heard(self, message: Message) -> None:
        try:
            found = json.loads(message.payload)
        except ValueError:
            return
        if isinstance(found, dict) and isinstance(found.get("responses"), list):
            self._answers.put(found)
