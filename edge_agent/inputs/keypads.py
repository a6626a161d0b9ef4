"""Keypads on the broker beside the box, as Zigbee2MQTT speaks for them (the Zigbee cluster IAS ACE).

A keypad says `{"action": "disarm", "action_code": "1234", "action_transaction": 7}` and waits for an answer under its
transaction; apart from that it is shown how its partition is. Its cover, its battery and its buttons for help are
sensors like any other (`edge_agent.wiring.keypads`).
"""

import json
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from edge_agent.inputs.codes import Codes, CodesError, Person
from edge_agent.inputs.sources.mqtt import password_of
from edge_agent.inputs.sources.seam import SourceError
from edge_agent.intrusion.keypad import LOCKED_S, WRONG_CODES, Keypad, Verdict
from edge_agent.intrusion.unit import Answer, Order
from edge_agent.wiring.settings import KeypadSettings, LocalBroker
from shared.clock import Clock
from shared.desired import PartitionDeed
from shared.events import LONGEST_NAME, PartitionState
from shared.mqtt import Connection, Message
from shared.net import is_loopback
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)

_LOOK_S = 0.2
_MOST_BYTES = 16 * 1024
_MOST_WAITING = 64
_AGAIN_S = 5.0
_SAME_S = 10.0
"""A keypad that hears no answer says the same once more, under the same transaction."""
_DEEDS = {
    "disarm": PartitionDeed.DISARM,
    "arm_all_zones": PartitionDeed.AWAY,
    "arm_day_zones": PartitionDeed.HOME,
    "arm_night_zones": PartitionDeed.NIGHT,
}
_SHOWN = {
    PartitionState.DISARMED: "disarm",
    PartitionState.ARMING: "exit_delay",
    PartitionState.ARMED_AWAY: "arm_all_zones",
    PartitionState.ARMED_HOME: "arm_day_zones",
    PartitionState.ARMED_NIGHT: "arm_night_zones",
    PartitionState.PENDING: "entry_delay",
    PartitionState.TRIGGERED: "in_alarm",
}


class Pressed(NamedTuple):
    """What was done at a keypad.

    Attributes:
        action: in Zigbee2MQTT's words.
        code: that was typed; empty: none.
        transaction: under which it waits for an answer; None: it does not.
    """

    action: str
    code: str
    transaction: int | None


class Shown(NamedTuple):
    """How a partition is, for a keypad.

    Attributes:
        state: of it.
        left_s: of its delay.
    """

    state: PartitionState
    left_s: float


class Keypads:
    """All keypads of a box; `run` has a thread of its own.

    Args:
        keypads: each with its partition.
        broker: beside the box.
        name: ours on it.
        codes: who may type what.
        order: arms and disarms partitions.
        shown: how a partition is.
        tampered: told of a keypad at which too many wrong codes were typed, and why.
        clock: monotonic time.
    """

    def __init__(
        self,
        keypads: Sequence[KeypadSettings],
        broker: LocalBroker,
        name: str,
        codes: Codes,
        order: Callable[[Order], Answer],
        shown: Callable[[str], Shown],
        tampered: Callable[[str, str], None],
        clock: Clock,
    ) -> None:
        self._keypads = {each.topic: each for each in keypads}
        self._broker, self._name, self._codes = broker, name, codes
        self._order, self._shown, self._tampered, self._clock = order, shown, tampered, clock
        self._is_trusted = is_loopback(broker.host)
        """A code that crosses a network in plain text is everybody's: from there a keypad arms, and never disarms."""
        self._locks = {each.name: Keypad() for each in keypads}
        self._answered = dict[str, tuple[Pressed, str, float]]()
        """Of each keypad what was done there last, what was answered, and when."""
        self._pressed = queue.Queue[tuple[KeypadSettings, Pressed]](_MOST_WAITING)
        self._stopping = threading.Event()
        self._trouble = TroubleLog(log)

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Hear keypads, and show them how it is, until `stop`."""
        while not self._stopping.is_set():
            try:
                self._serve(password_of(self._broker))
            except SourceError as error:
                self._trouble.tell(f"keypads are not heard: {error}; trying on")
                self._stopping.wait(_AGAIN_S)

    def _serve(self, password: str) -> None:
        # A session that the broker keeps would disarm an hour later what was typed before a restart.
        connection = Connection(
            self._name,
            self._broker.host,
            self._broker.port,
            subscriptions=[(topic, 1) for topic in self._keypads],
            on_message=self._arrived,
            username=self._broker.username,
            password=password,
        )
        connection.start()
        shown = dict[str, PartitionState]()
        try:
            while not self._stopping.is_set():
                if not connection.is_up:
                    shown.clear()  # whoever missed it is shown it anew
                try:
                    keypad, pressed = self._pressed.get(timeout=_LOOK_S)
                except queue.Empty:
                    pass
                else:
                    self._answer(connection, keypad, pressed)
                for keypad in self._keypads.values() if connection.is_up else ():
                    self._show(connection, keypad, shown)
        finally:
            connection.stop()

    def _arrived(self, message: Message) -> None:
        keypad = self._keypads.get(message.topic)
        pressed = None if keypad is None or message.retained else pressed_of(message.payload)
        if keypad and pressed:
            try:
                self._pressed.put_nowait((keypad, pressed))
            except queue.Full:
                log.warning("keypad %s: says more than can be heard", keypad.name)

    def _answer(self, connection: Connection, keypad: KeypadSettings, pressed: Pressed) -> None:
        last, said, at_s = self._answered.get(keypad.name, (None, "", 0.0))
        now_s = self._clock.monotonic_s()
        if pressed.transaction is None or pressed != last or now_s - at_s > _SAME_S:
            said = self._do(keypad, pressed)
            log.info("keypad %s: %s: %s", keypad.name, pressed.action, said)
            self._answered[keypad.name] = pressed, said, now_s
        if pressed.transaction is not None:
            _publish(connection, keypad, {"transaction": pressed.transaction, "mode": said})

    def _do(self, keypad: KeypadSettings, pressed: Pressed) -> str:
        """Do it where it may be done; the answer in Zigbee2MQTT's words."""
        deed = _DEEDS[pressed.action]
        person = None
        if pressed.code or keypad.code_to_arm or deed is PartitionDeed.DISARM:
            person = self._judge(keypad, pressed.code)
            if person is None:
                return "invalid_code"
        by = f"{person.name} at {keypad.name}" if person else keypad.name
        is_duress = person is not None and person.is_duress
        answer = self._order(
            Order(keypad.partition, deed, by[:LONGEST_NAME], may_disarm=self._is_trusted, is_duress=is_duress)
        )
        if not answer.obeyed:
            return "not_ready"
        if deed is PartitionDeed.DISARM and answer.why:
            return "already_disarmed"
        return pressed.action

    def _judge(self, keypad: KeypadSettings, code: str) -> Person | None:
        lock, now_s = self._locks[keypad.name], self._clock.monotonic_s()
        try:
            person = None if lock.is_locked(now_s) else self._codes.whose(code)
        except CodesError as error:
            self._trouble.tell(f"keypad {keypad.name}: no code is right: {error}")
            return None
        if lock.judge(now_s, is_right=person is not None) is Verdict.LOCKS:
            self._tampered(keypad.name, f"{WRONG_CODES} wrong codes, locked for {LOCKED_S:.0f} s")
        return person

    def _show(self, connection: Connection, keypad: KeypadSettings, shown: dict[str, PartitionState]) -> None:
        state, left_s = self._shown(keypad.partition)
        if shown.get(keypad.name) is state:
            return
        said: dict[str, object] = {"mode": _SHOWN[state]}
        if state in (PartitionState.ARMING, PartitionState.PENDING):
            said["delay"] = max(1, round(left_s))
        if _publish(connection, keypad, said):
            shown[keypad.name] = state


def pressed_of(payload: bytes) -> Pressed | None:
    """What was done at a keypad, by its message; None where it arms and disarms nothing."""
    if len(payload) > _MOST_BYTES:
        return None
    try:
        body: Any = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    action = body.get("action") if isinstance(body, dict) else None
    if not isinstance(action, str) or action not in _DEEDS:
        return None
    code, transaction = body.get("action_code"), body.get("action_transaction")
    is_number = isinstance(transaction, int) and not isinstance(transaction, bool)
    return Pressed(action, "" if code is None else str(code).strip(), transaction if is_number else None)


def _publish(connection: Connection, keypad: KeypadSettings, said: dict[str, object]) -> bool:
    answer = json.dumps({"arm_mode": said}, separators=(",", ":")).encode()
    return connection.publish(f"{keypad.topic}/set", answer, qos=1) is not None
