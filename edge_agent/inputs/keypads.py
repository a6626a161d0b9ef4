"""Keypads on the broker beside the box, as Zigbee2MQTT speaks for them (the Zigbee cluster IAS ACE).

A keypad says `{"action": "disarm", "action_code": "1234", "action_transaction": 7}` and waits for an answer under its
transaction; apart from that it is shown how its partition is. What a message shows of the keypad itself is told before
it is obeyed: a keypad that slept must not hinder what is typed at it.
"""

import contextlib
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from edge_agent.inputs.codes import Codes, CodesError, Person
from edge_agent.inputs.mapping import battery_low, is_offline, is_true
from edge_agent.inputs.sources.clearing import Clearing
from edge_agent.inputs.sources.mqtt import PATIENCE_S, password_of
from edge_agent.intrusion.keypad import WRONG_CODES, Keypad
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.unit import Answer, Order
from edge_agent.wiring.settings import KeypadSettings, LocalBroker
from shared.clock import Clock, Moment
from shared.desired import PartitionDeed
from shared.events import LONGEST_DETAIL, LONGEST_NAME, PartitionState
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
_PRESSED_S = 5.0
"""So long a button for help is pressed, which says nothing when it is let go."""
_MOST_DELAY_S = 255
"""Zigbee counts a delay in one byte, and its gateway refuses more."""
_DEEDS = {
    "disarm": PartitionDeed.DISARM,
    "arm_all_zones": PartitionDeed.AWAY,
    "arm_day_zones": PartitionDeed.HOME,
    "arm_night_zones": PartitionDeed.NIGHT,
}
_HELP = {"panic": "panic", "emergency": "panic", "fire": "fire"}
"""Buttons, and the sensors that they are."""
_SHOWN = {
    PartitionState.DISARMED: "disarm",
    PartitionState.ARMING: "exit_delay",
    PartitionState.ARMED_AWAY: "arm_all_zones",
    PartitionState.ARMED_HOME: "arm_day_zones",
    PartitionState.ARMED_NIGHT: "arm_night_zones",
    PartitionState.PENDING: "entry_delay",
    PartitionState.TRIGGERED: "in_alarm",
}
_NORMAL = Reading(Circuit.NORMAL, is_settled=True)


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
        take: takes what is read of the sensors that a keypad is (`KeypadSettings.plans`).
        clock: wall and monotonic time.
    """

    def __init__(
        self,
        keypads: Sequence[KeypadSettings],
        broker: LocalBroker,
        name: str,
        codes: Codes,
        order: Callable[[Order], Answer],
        shown: Callable[[str], Shown],
        take: Callable[[str, Reading, Moment], None],
        clock: Clock,
    ) -> None:
        self._keypads = {each.topic: each for each in keypads}
        self._broker, self._name, self._codes = broker, name, codes
        self._order, self._shown, self._take, self._clock = order, shown, take, clock
        self._is_trusted = is_loopback(broker.host)
        """A code that crosses a network in plain text is everybody's: from there a keypad arms, and never disarms."""
        self._locks = {each.name: Keypad() for each in keypads}
        self._are_locked = set[str]()
        self._answered = dict[str, tuple[Pressed, str, float]]()
        """Of each keypad what was done there last, what was answered, and when."""
        self._heard = queue.Queue[Message](_MOST_WAITING)
        self._clearing, self._is_away = Clearing(), False
        self._stopping = threading.Event()
        self._trouble, self._codes_trouble, self._flood = TroubleLog(log), TroubleLog(log), TroubleLog(log)

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Hear keypads, and show them how it is, until `stop`, whatever a message holds."""
        while not self._stopping.is_set():
            try:
                self._serve(password_of(self._broker))
            except Exception as error:
                log.debug("keypads failed", exc_info=True)
                why = f"its adapter failed: {type(error).__name__}"
                self._trouble.tell(f"keypads: {type(error).__name__}: {error}; trying on")
                self._missing(why, *self._keypads.values())
                self._stopping.wait(_AGAIN_S)

    def _serve(self, password: str) -> None:
        states = {f"{head}/bridge/state" for topic in self._keypads for head in _heads(topic)}
        topics = [*self._keypads, *(f"{topic}/availability" for topic in self._keypads), *sorted(states)]
        # A session that the broker keeps would disarm an hour later what was typed before a restart.
        connection = Connection(
            self._name,
            self._broker.host,
            self._broker.port,
            subscriptions=[(topic, 1) for topic in topics],
            on_message=self._arrived,
            username=self._broker.username,
            password=password,
        )
        connection.start()
        shown, up_s = dict[str, PartitionState](), self._clock.monotonic_s()
        try:
            self._begin()
            while not self._stopping.is_set():
                now_s = self._clock.monotonic_s()
                if connection.is_up:
                    up_s, self._is_away = now_s, False
                else:
                    shown.clear()  # whoever missed it is shown it anew
                    if now_s - up_s > PATIENCE_S and not self._is_away:
                        self._is_away = True
                        self._missing(f"the broker {connection.where} does not answer", *self._keypads.values())
                with contextlib.suppress(queue.Empty):
                    self._hear(connection, self._heard.get(timeout=_LOOK_S), shown)
                self._pass_time(Moment.of(self._clock))
                for keypad in self._keypads.values() if connection.is_up else ():
                    self._show(connection, keypad, shown)
        finally:
            connection.stop()

    def _arrived(self, message: Message) -> None:
        try:
            self._heard.put_nowait(message)
        except queue.Full:
            self._flood.tell(f"keypads say more than can be heard ({message.topic})")

    def _hear(self, connection: Connection, message: Message, shown: dict[str, PartitionState]) -> None:
        keypad = self._keypads.get(message.topic)
        if keypad is None:
            self._hear_gateway(message, shown)
            return
        body = _body(message.payload)
        if body is None or (message.retained and "action" in body):
            return  # what was kept there is of then
        at = Moment.of(self._clock)
        for name, reading in _readings(keypad, body):
            if message.retained and reading.circuit is not Circuit.NORMAL:
                continue
            if reading.circuit is Circuit.ACTIVE:
                self._clearing.note(name, at.s, _PRESSED_S, is_active=True)
            self._take(name, replace(reading, is_old=message.retained), at)
        pressed = pressed_of(body)
        if pressed:
            self._answer(connection, keypad, pressed)
            shown.pop(keypad.name, None)  # its gateway asks for the state behind an answer

    def _hear_gateway(self, message: Message, shown: dict[str, PartitionState]) -> None:
        """Of a keypad that was away, or of a gateway that has forgotten what its keypads showed."""
        said = is_offline(message.payload)
        of = self._keypads.get(message.topic.removesuffix("/availability"))
        if said is None:
            return
        if said and of:
            self._missing("is offline, its gateway says", of)
        elif not said:
            for keypad in [of] if of else self._keypads.values():
                shown.pop(keypad.name, None)

    def _pass_time(self, now: Moment) -> None:
        for name in self._clearing.over(now.s):
            self._take(name, _NORMAL, now)
        for name in [each for each in self._are_locked if not self._locks[each].is_locked(now.s)]:
            self._are_locked.discard(name)
            self._take(f"{name}/codes", _NORMAL, now)

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
        if deed is PartitionDeed.DISARM:
            return "not_ready" if not answer.obeyed else "already_disarmed" if answer.why else pressed.action
        # Obeyed and not armed: it waits for sensors that were not heard yet. Whoever leaves must not believe it.
        is_waiting = self._shown(keypad.partition).state is PartitionState.DISARMED
        return "not_ready" if not answer.obeyed or is_waiting else pressed.action

    def _judge(self, keypad: KeypadSettings, code: str) -> Person | None:
        lock, now = self._locks[keypad.name], Moment.of(self._clock)
        if not code or lock.is_locked(now.s):
            return None  # a button that was pressed too early is no try
        try:
            person = self._codes.whose(code)
        except CodesError as error:
            self._tell_codes(str(error), keypad)
            return None
        if person:
            lock.right()
        elif locked_s := lock.wrong(now.s):
            why = f"{WRONG_CODES} wrong codes, locked for {locked_s:.0f} s"
            self._are_locked.add(keypad.name)
            self._take(f"{keypad.name}/codes", Reading(Circuit.TAMPER, why, is_settled=True), now)
        return person

    def _begin(self) -> None:
        """Buttons say nothing until they are pressed; codes are looked at."""
        now = Moment.of(self._clock)
        for name in [f"{each.name}/{button}" for each in self._keypads.values() for button in ("panic", "fire")]:
            if not self._clearing.is_noted(name):
                self._take(name, _NORMAL, now)
        try:
            self._codes.people()
        except CodesError as error:
            self._tell_codes(str(error), *self._keypads.values())
            return
        for keypad in self._keypads.values():
            if keypad.name not in self._are_locked:
                self._take(f"{keypad.name}/codes", _NORMAL, now)

    def _tell_codes(self, error: str, *keypads: KeypadSettings) -> None:
        self._codes_trouble.tell(f"no code is right: {error}")
        reading = Reading(Circuit.FAULT, error[:LONGEST_DETAIL], is_settled=True)
        for keypad in keypads:
            self._take(f"{keypad.name}/codes", reading, Moment.of(self._clock))

    def _missing(self, why: str, *keypads: KeypadSettings) -> None:
        for keypad in keypads:
            reading = Reading(Circuit.MISSING, f"topic {keypad.topic}: {why}"[:LONGEST_DETAIL], is_settled=True)
            self._take(keypad.name, reading, Moment.of(self._clock))

    def _show(self, connection: Connection, keypad: KeypadSettings, shown: dict[str, PartitionState]) -> None:
        state, left_s = self._shown(keypad.partition)
        if shown.get(keypad.name) is state:
            return
        said: dict[str, object] = {"mode": _SHOWN[state]}
        if state in (PartitionState.ARMING, PartitionState.PENDING):
            said["delay"] = min(_MOST_DELAY_S, max(1, round(left_s)))
        if _publish(connection, keypad, said):
            shown[keypad.name] = state


def pressed_of(body: dict[str, Any]) -> Pressed | None:
    """What was done at a keypad, by its message; None where it arms and disarms nothing."""
    action = body.get("action")
    if not isinstance(action, str) or action not in _DEEDS:
        return None
    code, transaction = body.get("action_code"), body.get("action_transaction")
    is_number = isinstance(transaction, int) and not isinstance(transaction, bool)
    return Pressed(action, "" if code is None else str(code).strip(), transaction if is_number else None)


def _readings(keypad: KeypadSettings, body: dict[str, Any]) -> Iterator[tuple[str, Reading]]:
    """What a message shows of the sensors that a keypad is: whatever it says, it lives.

    A button is heard however its cover is: who has put it on a table needs help as well.
    """
    circuit, why = (Circuit.TAMPER, "its cover is open") if is_true(body.get("tamper")) else (Circuit.NORMAL, "")
    yield keypad.name, Reading(circuit, why, battery_low(body), is_settled=True)
    action = body.get("action")
    if isinstance(action, str) and action in _HELP:
        yield f"{keypad.name}/{_HELP[action]}", Reading(Circuit.ACTIVE, is_settled=True)


def _body(payload: bytes) -> dict[str, Any] | None:
    if len(payload) > _MOST_BYTES:
        return None
    try:
        body: Any = json.loads(payload)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _heads(topic: str) -> Iterator[str]:
    """What may be the gateway's own part of a topic: names of devices may have slashes."""
    parts = topic.split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length])


def _publish(connection: Connection, keypad: KeypadSettings, said: dict[str, object]) -> bool:
    answer = json.dumps({"arm_mode": said}, separators=(",", ":")).encode()
    return connection.publish(f"{keypad.topic}/set", answer, qos=1) is not None
