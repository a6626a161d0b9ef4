"""Sensors on a broker beside the box: Zigbee2MQTT, rtl_433, and whatever else sends JSON."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_agent.inputs.mapping import MessageError, is_offline, reading_of
from edge_agent.inputs.sources.clearing import Clearing
from edge_agent.inputs.sources.seam import Switched, Take, Wanted, first_line
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import LocalBroker, MqttOutput, MqttWire, OutputSettings, SensorSettings
from shared.clock import Clock, Moment
from shared.mqtt import Connection, Message

PATIENCE_S = 10.0
"""A broker that is away for less is not told: what was sent meanwhile waits in our session there."""
_SESSION_S = 3600
_LOOK_S = 0.2


class MqttSensors:
    """All sensors and outputs on the broker beside the box.

    Args:
        broker: where it is.
        name: ours on it.
        sensors: on its topics.
        outputs: that hear it.
        clock: wall and monotonic time.
    """

    def __init__(
        self,
        broker: LocalBroker,
        name: str,
        sensors: Sequence[SensorSettings],
        outputs: Sequence[OutputSettings],
        clock: Clock,
    ) -> None:
        self._broker, self._name, self._clock = broker, name, clock
        self._wires = {each.name: each.wire for each in sensors if isinstance(each.wire, MqttWire)}
        self._sinks = {each.name: each.wire for each in outputs if isinstance(each.wire, MqttOutput)}
        self.terminals: Mapping[str, str] = {name: wire.terminal for name, wire in self._wires.items()}
        self.outputs: Mapping[str, str] = {name: wire.terminal for name, wire in self._sinks.items()}
        self.wanted = Wanted()
        self._availability = defaultdict[str, list[str]](list)
        for sensor, wire in self._wires.items():
            if wire.availability or not set("+#") & set(wire.topic):
                self._availability[wire.availability or f"{wire.topic}/availability"].append(sensor)
        self._lock = threading.Lock()
        self._known: dict[str, Reading] = {}
        """What each said last, while the broker was there."""
        self._clearing = Clearing()
        self._is_away = False

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        """Listen and switch until `stopping`."""
        topics = sorted({*(wire.topic for wire in self._wires.values()), *self._availability})
        self._take = take
        connection = Connection(
            self._name,
            self._broker.host,
            self._broker.port,
            subscriptions=[(topic, 1) for topic in topics],
            on_message=self._arrived,
            session_expiry_s=_SESSION_S,
            username=self._broker.username,
            password=password_of(self._broker),
        )
        connection.start()
        try:
            self._stay(connection, switched, stopping)
        finally:
            connection.stop()

    def _stay(self, connection: Connection, switched: Switched, stopping: threading.Event) -> None:
        up_s, undone = self._clock.monotonic_s(), dict[str, bool]()
        self.wanted.changed.set()
        while not stopping.wait(_LOOK_S):
            now = Moment.of(self._clock)
            if connection.is_up:
                up_s = now.s
            if self._is_away is connection.is_up and (connection.is_up or now.s - up_s > PATIENCE_S):
                self._away(not connection.is_up, connection.where, now)
            for name in self._clearing.over(now.s) if not self._is_away else ():
                self._say(name, Reading(Circuit.NORMAL), now)
            if self.wanted.changed.is_set():
                undone.update(self.wanted.taken())
            for name, is_on in list(undone.items()):
                wire = self._sinks[name]
                sent = connection.publish(wire.topic, (wire.on if is_on else wire.off).encode(), qos=1)
                switched(name, "" if sent is not None else f"{wire.terminal}: the broker is away")
                if sent is not None:
                    del undone[name]

    def _away(self, is_away: bool, where: str, now: Moment) -> None:
        self._is_away = is_away
        for name, wire in self._wires.items():
            if is_away:  # until it speaks again: what it said before is no knowledge about now
                why = f"{wire.terminal}: the broker {where} does not answer"
                self._say(name, Reading(Circuit.MISSING, why, is_settled=True), now)

    def _arrived(self, message: Message) -> None:
        now = Moment.of(self._clock)
        for name in self._availability.get(message.topic, ()):
            if is_offline(message.payload):
                said = f"{self._wires[name].terminal}: is offline, its gateway says"
                self._say(name, Reading(Circuit.MISSING, said, is_settled=True), now)
        for name, wire in self._wires.items():
            if _matches(wire.topic, message.topic):
                self._hear(name, wire, message, now)

    def _hear(self, name: str, wire: MqttWire, message: Message, now: Moment) -> None:
        before = self._known[name].circuit if name in self._known else Circuit.MISSING
        try:
            reading = reading_of(message.payload, wire, before)
        except MessageError as error:
            self._say(name, Reading(Circuit.FAULT, f"{wire.terminal}: its message {error}"), now)
            return
        if message.retained and reading is not None:
            # Said before we listened: an alarm of then may be over, and nothing shows that the sensor lives.
            reading = replace(reading, is_old=True) if reading.circuit is Circuit.NORMAL else None
        if reading is not None:
            self._say(name, reading, now, wire.clear_s)

    def _say(self, name: str, reading: Reading, now: Moment, clear_s: float = 0.0) -> None:
        with self._lock:
            self._known[name] = reading
        self._clearing.note(name, now.s, clear_s, is_active=reading.circuit is Circuit.ACTIVE)
        self._take(name, reading, now)


def _matches(wanted: str, topic: str) -> bool:
    """Whether a topic is one that a filter names."""
    filters, parts = wanted.split("/"), topic.split("/")
    for place, part in enumerate(filters):
        if part == "#":
            return True
        if place >= len(parts) or part not in ("+", parts[place]):
            return False
    return len(filters) == len(parts)


def password_of(broker: LocalBroker) -> str:
    """Of the broker beside the box; empty where it asks for none.

    Raises:
        SourceError: its file cannot be read, or is empty.
    """
    return first_line(broker.password_file, "inputs.mqtt.password_file") if broker.password_file else ""
