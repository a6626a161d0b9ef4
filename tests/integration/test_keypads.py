"""Keypads as Zigbee2MQTT speaks for them, on real brokers: arm, disarm, duress, wrong codes, help."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import load_agent_file
from edge_agent.inputs import keypads
from edge_agent.inputs.codes import Codes, Person
from edge_agent.inputs.keypads import Keypads
from edge_agent.inputs.station import Station, sources_for
from shared.clock import SystemClock
from shared.events import PartitionChanged, PartitionState, SensorChanged, SensorState
from shared.mqtt import Connection
from tests.acceptance.site import await_true

BOX = """site = "north"
agent = "gate"
data_dir = "data"

[[partitions]]
name = "house"
exit_s = 1.5
entry_s = 20

[[keypads]]
name = "front"
topic = "zigbee2mqtt/front"

[inputs.mqtt]
host = "{host}"
port = {port}
"""
RIGHT, FORCED = "2580", "2581"


class House:
    """A box's sensors and keypad at work, and the keypad itself as its gateway speaks for it."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        (folder / "agent.toml").write_text(BOX.format(host=host, port=port))
        settings, clock = load_agent_file(folder / "agent.toml"), SystemClock()
        codes = Codes(folder / "codes.json")
        codes.add(Person("Wang Fang"), RIGHT)
        codes.add(Person("Wang Fang", is_duress=True), FORCED)
        self.events = list[SensorChanged | PartitionChanged]()
        sources = sources_for(settings.inputs, settings.all_sensors, (), "gate", clock)
        plan = settings.all_sensors, settings.partitions, settings.outputs
        self.station = Station(*plan, sources, settings.inputs, folder / "partitions.bin", self.events.append, clock)
        of_it = self.station.order, self.station.shown, self.station.tampered
        self.keypads = Keypads(settings.keypads, settings.inputs.mqtt, "keypads-gate", codes, *of_it, clock)
        self.threads = [threading.Thread(target=each.run) for each in (self.station, self.keypads)]
        self.said = list[dict[str, Any]]()
        self._transaction = 0
        self.device = Connection(
            "device",
            host,
            port,
            subscriptions=[("zigbee2mqtt/front/set", 1)],
            on_message=lambda message: self.said.append(json.loads(message.payload)["arm_mode"]),
        )

    def begin(self) -> None:
        self.device.start()
        await_true("the keypad's gateway is there", lambda: self.device.is_up)
        for thread in self.threads:
            thread.start()
        await_true("the keypad is shown how it is", lambda: {"mode": "disarm"} in self.said)
        self.say({"battery": 80, "tamper": False})
        await_true("the keypad is heard", lambda: self.states("front") == [SensorState.NORMAL])

    def end(self) -> None:
        self.keypads.stop()
        self.station.stop()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.device.stop()

    def say(self, body: object, *, retain: bool = False) -> None:
        topic, payload = "zigbee2mqtt/front", json.dumps(body).encode()
        assert self.device.publish(topic, payload, qos=1, retain=retain) is not None

    def press(self, action: str, code: str | None = None, *, again: bool = False) -> str:
        """What the keypad is answered."""
        self._transaction += not again
        before = len(self.said)
        self.say({"action": action, "action_code": code, "action_zone": 0, "action_transaction": self._transaction})

        def answer() -> str | None:
            of_it = [each for each in self.said[before:] if each.get("transaction") == self._transaction]
            return str(of_it[0]["mode"]) if of_it else None

        return str(await_true("an answer", answer))

    def states(self, sensor: str) -> list[SensorState]:
        return [each.state for each in self.events if isinstance(each, SensorChanged) and each.sensor == sensor]

    @property
    def partition(self) -> PartitionChanged:
        return [each for each in self.events if isinstance(each, PartitionChanged)][-1]

    def await_shown(self, mode: str) -> dict[str, Any]:
        def shown() -> dict[str, Any] | None:
            of_it = [each for each in self.said if "transaction" not in each]
            return of_it[-1] if of_it[-1]["mode"] == mode else None

        found: dict[str, Any] = await_true(f"it shows {mode}", shown)
        return found


@pytest.fixture
def house(tmp_path: Path, broker: tuple[str, int]) -> Iterator[House]:
    house = House(tmp_path, *broker)
    house.begin()
    yield house
    house.end()


def test_armed_and_disarmed_with_a_code(house: House) -> None:
    assert house.press("arm_all_zones") == "arm_all_zones"
    assert house.await_shown("exit_delay")["delay"] in (1, 2)
    house.await_shown("arm_all_zones")
    assert (house.partition.state, house.partition.by) == (PartitionState.ARMED_AWAY, "front")
    assert house.press("disarm") == "invalid_code"
    assert house.press("disarm", "1234") == "invalid_code"
    assert house.press("arm_day_zones", "1234") == "invalid_code", "a wrong one is wrong there, too"
    assert house.station.is_armed("house")
    assert house.press("disarm", RIGHT) == "disarm"
    assert (house.partition.state, house.partition.by) == (PartitionState.DISARMED, "Wang Fang at front")
    told = len(house.events)
    assert house.press("disarm", RIGHT, again=True) == "disarm"
    assert len(house.events) == told, "the same press once more is answered, and nothing else"
    assert house.press("disarm", RIGHT) == "already_disarmed"
    assert house.press("arm_night_zones", RIGHT) == "arm_night_zones"
    house.await_shown("arm_night_zones")


def test_a_code_of_duress_disarms_and_rings_at_the_centre_alone(house: House) -> None:
    house.press("arm_all_zones", RIGHT)
    house.await_shown("arm_all_zones")
    assert house.press("disarm", FORCED) == "disarm"
    assert house.await_shown("disarm") == {"mode": "disarm"}
    assert (house.partition.state, house.partition.by) == (PartitionState.DISARMED, "Wang Fang at front")
    assert house.states("house/duress") == [SensorState.ALARM, SensorState.NORMAL]
    assert "duress" not in json.dumps(house.said)


def test_what_was_said_before_is_not_done_later(house: House) -> None:
    house.press("arm_all_zones")
    house.await_shown("arm_all_zones")
    house.say({"action": "disarm", "action_code": RIGHT, "action_transaction": 77}, retain=True)
    await_true("that was live", lambda: not house.station.is_armed("house"))
    house.press("arm_all_zones")
    house.await_shown("arm_all_zones")
    house.keypads.stop()
    house.threads[1].join(10)
    anew = Keypads(
        tuple(house.keypads._keypads.values()), house.keypads._broker, "keypads-gate", house.keypads._codes,
        house.station.order, house.station.shown, house.station.tampered, SystemClock(),
    )  # fmt: skip
    thread, before = threading.Thread(target=anew.run), len(house.said)
    thread.start()
    await_true("it is shown anew how it is", lambda: len(house.said) > before)
    time.sleep(1)
    assert house.station.is_armed("house"), "a message that the broker kept is of then"
    anew.stop()
    thread.join(10)
    house.say({}, retain=True)


def test_five_wrong_codes_lock_it_and_ring(house: House) -> None:
    house.press("arm_all_zones")
    for number in range(5):
        assert house.press("disarm", f"900{number}") == "invalid_code"
    assert house.states("front/codes") == [SensorState.ALARM, SensorState.NORMAL]
    (alarm,) = (e for e in house.events if isinstance(e, SensorChanged) and e.state is SensorState.ALARM)
    assert alarm.detail == "5 wrong codes, locked for 90 s"
    assert "900" not in alarm.detail
    assert house.press("disarm", RIGHT) == "invalid_code", "not even the right one"
    assert house.partition.state in (PartitionState.ARMING, PartitionState.ARMED_AWAY)


def test_help_the_cover_and_silence(house: House) -> None:
    house.say({"action": "panic", "battery": 80, "tamper": False})
    await_true("it rings", lambda: SensorState.ALARM in house.states("front/panic"))
    assert house.press("arm_all_zones") == "not_ready", "until it is reset"
    house.say({"tamper": True, "battery": 8})
    await_true("its cover", lambda: house.states("front")[-1] is SensorState.TAMPER)
    assert next(e for e in reversed(house.events) if isinstance(e, SensorChanged) and e.sensor == "front").battery_low
    availability = json.dumps({"state": "offline"}).encode()
    house.device.publish("zigbee2mqtt/front/availability", availability, qos=1)
    await_true("its silence", lambda: house.states("front")[-1] is SensorState.SILENT)


def test_from_a_broker_elsewhere_it_arms_and_never_disarms(
    tmp_path: Path, broker: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: Callable[[str], bool] = lambda _host: False  # noqa: E731
    monkeypatch.setattr(keypads, "is_loopback", elsewhere)
    house = House(tmp_path, *broker)
    house.begin()
    assert house.press("arm_all_zones") == "arm_all_zones"
    house.await_shown("arm_all_zones")
    assert house.press("disarm", FORCED) == "not_ready"
    assert house.station.is_armed("house")
    assert house.states("house/duress") == [SensorState.ALARM, SensorState.NORMAL], "and still it is told"
    house.end()
