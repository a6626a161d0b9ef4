"""Keypads as Zigbee2MQTT speaks for them, on real brokers: arm, disarm, duress, wrong codes, help."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import load_agent_file
from edge_agent.inputs import keypads
from edge_agent.inputs.codes import Codes, Person
from edge_agent.inputs.keypads import Keypads
from edge_agent.inputs.station import Station
from edge_agent.intrusion import keypad as limits
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
TOPIC = "zigbee2mqtt/front"


class House:
    """A box's keypad at work, and the keypad itself as its gateway speaks for it."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        (folder / "agent.toml").write_text(BOX.format(host=host, port=port))
        self.settings, self.clock = load_agent_file(folder / "agent.toml"), SystemClock()
        self.codes = Codes(folder / "data" / "codes.json")
        self.codes.add(Person("Wang Fang"), RIGHT)
        self.codes.add(Person("Wang Fang", is_duress=True), FORCED)
        self.events = list[SensorChanged | PartitionChanged]()
        wired = (), self.settings.partitions, (), (), self.settings.inputs
        more = self.events.append, self.clock, None, self.settings.keypads
        self.station = Station(*wired, folder / "partitions.bin", *more)
        self.keypads = self.another()
        self.said = list[dict[str, Any]]()
        self._transaction = 0
        self.device = Connection(
            "device",
            host,
            port,
            subscriptions=[(f"{TOPIC}/set", 1)],
            on_message=lambda message: self.said.append(json.loads(message.payload)["arm_mode"]),
        )

    def another(self) -> Keypads:
        of_it = self.station.order, self.station.shown, self.station.read
        return Keypads(self.settings.keypads, self.settings.inputs.mqtt, "keypads-gate", self.codes, *of_it, self.clock)

    def say(self, body: object, topic: str = TOPIC, *, retain: bool = False) -> None:
        assert self.device.publish(topic, json.dumps(body).encode(), qos=1, retain=retain) is not None

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

    def await_state(self, sensor: str, state: SensorState) -> None:
        await_true(f"{sensor} is {state.label}", lambda: (self.states(sensor) or [None])[-1] is state)

    @property
    def partition(self) -> PartitionChanged:
        return [each for each in self.events if isinstance(each, PartitionChanged)][-1]

    def await_shown(self, mode: str, since: int = 0) -> dict[str, Any]:
        """Until it has been shown that, at any time since so many words."""

        def shown() -> dict[str, Any] | None:
            of_it = [each for each in self.said[since:] if "transaction" not in each and each["mode"] == mode]
            return of_it[-1] if of_it else None

        found: dict[str, Any] = await_true(f"it shows {mode}", shown)
        return found

    def arm(self) -> None:
        since = len(self.said)
        assert self.press("arm_all_zones") == "arm_all_zones"
        self.await_shown("arm_all_zones", since)
        assert self.station.is_armed("house")


@contextmanager
def at_work(house: House) -> Iterator[House]:
    threads = [threading.Thread(target=each.run, daemon=True) for each in (house.station, house.keypads)]
    house.device.start()
    try:
        await_true("the keypad's gateway is there", lambda: house.device.is_up)
        for thread in threads:
            thread.start()
        house.await_shown("disarm")
        house.say({"battery": 80, "tamper": False})
        house.await_state("front", SensorState.NORMAL)
        yield house
    finally:
        house.keypads.stop()
        house.station.stop()
        for thread in threads:
            thread.join(10)
        house.device.stop()


@pytest.fixture
def house(tmp_path: Path, broker: tuple[str, int]) -> Iterator[House]:
    with at_work(House(tmp_path, *broker)) as house:
        yield house


def test_armed_and_disarmed_with_a_code(house: House) -> None:
    assert house.press("arm_all_zones") == "arm_all_zones"
    assert 1 <= house.await_shown("exit_delay")["delay"] <= 2
    house.await_shown("arm_all_zones")
    assert (house.partition.state, house.partition.by) == (PartitionState.ARMED_AWAY, "front")
    assert house.press("disarm", "1234") == "invalid_code"
    assert house.press("arm_day_zones", "1234") == "invalid_code", "a wrong one is wrong there, too"
    assert house.station.is_armed("house")
    assert house.press("disarm", RIGHT) == "disarm"
    assert (house.partition.state, house.partition.by) == (PartitionState.DISARMED, "Wang Fang at front")
    told = len(house.events)
    assert house.press("disarm", RIGHT, again=True) == "disarm"
    assert len(house.events) == told, "the same press once more is answered, and nothing else"
    since = len(house.said)
    assert house.press("disarm", RIGHT) == "already_disarmed"
    house.await_shown("disarm", since)
    assert house.press("arm_night_zones", RIGHT) == "arm_night_zones"
    house.await_shown("arm_night_zones")


def test_a_code_of_duress_disarms_and_rings_at_the_centre_alone(house: House) -> None:
    house.arm()
    since = len(house.said)
    assert house.press("disarm", FORCED) == "disarm"
    assert house.await_shown("disarm", since) == {"mode": "disarm"}
    assert (house.partition.state, house.partition.by) == (PartitionState.DISARMED, "Wang Fang at front")
    assert house.states("house/duress") == [SensorState.ALARM, SensorState.NORMAL]
    assert "duress" not in json.dumps(house.said)


def test_what_was_said_before_is_not_done_later(house: House) -> None:
    house.say({"action": "disarm", "action_code": RIGHT, "action_transaction": 77}, retain=True)
    await_true("that was live", lambda: any(each.get("transaction") == 77 for each in house.said))
    house.arm()
    house.keypads.stop()
    anew, since = house.another(), len(house.said)
    thread = threading.Thread(target=anew.run, daemon=True)
    thread.start()
    try:
        house.await_shown("arm_all_zones", since)
        time.sleep(1)
        assert house.station.is_armed("house"), "a message that the broker kept is of then"
    finally:
        anew.stop()
        thread.join(10)


def test_five_wrong_codes_lock_it_and_ring_and_a_button_without_a_code_is_no_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FIRST_S", 2.0)
    house.keypads._locks["front"] = limits.Keypad()
    house.arm()
    for _ in range(6):
        assert house.press("disarm", "") == "invalid_code"
    assert house.press("disarm", RIGHT) == "disarm"
    house.arm()
    for number in range(5):
        assert house.press("disarm", f"900{number}") == "invalid_code"
    house.await_state("front/codes", SensorState.TAMPER)
    (told,) = (e for e in house.events if isinstance(e, SensorChanged) and e.state is SensorState.TAMPER)
    assert told.detail == "5 wrong codes, locked for 2 s"
    assert house.press("disarm", RIGHT) == "invalid_code", "not even the right one"
    house.await_state("front/codes", SensorState.NORMAL)
    assert house.press("disarm", RIGHT) == "disarm"


def test_help_however_the_cover_is(house: House) -> None:
    house.say({"tamper": True, "battery": 8})
    house.await_state("front", SensorState.TAMPER)
    assert next(e for e in reversed(house.events) if isinstance(e, SensorChanged) and e.sensor == "front").battery_low
    house.say({"action": "panic", "tamper": True})
    house.say({"action": "", "tamper": True})  # as gateways end an action
    house.await_state("front/panic", SensorState.ALARM)
    assert house.states("front/fire") == [SensorState.NORMAL]
    house.say({"tamper": False})
    house.await_state("front", SensorState.NORMAL)
    assert house.press("arm_all_zones") == "not_ready", "until it is reset"


def test_one_that_slept_is_heard_and_obeyed_at_once(house: House) -> None:
    house.device.publish(f"{TOPIC}/availability", b'{"state":"offline"}', qos=1)
    house.await_state("front", SensorState.SILENT)
    house.arm()
    assert house.states("front")[-1] is SensorState.NORMAL


@pytest.mark.parametrize("topic", ["zigbee2mqtt/bridge/state", f"{TOPIC}/availability"])
def test_a_gateway_that_comes_back_is_told_what_it_has_forgotten(house: House, topic: str) -> None:
    house.arm()
    since = len(house.said)
    house.say({"state": "online"}, topic)
    house.await_shown("arm_all_zones", since)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff", b"[" * 10_000, b"[1]", b'{"action":"disarm","action_code":"\\ud800\\ud800\\ud800\\ud800"}',
     b'{"action":"disarm"}' + b" " * 20_000, b'{"action":["panic"],"tamper":[]}'],
)  # fmt: skip
def test_what_is_no_message_harms_nothing(house: House, payload: bytes) -> None:
    house.device.publish(TOPIC, payload, qos=1)
    house.arm()


def test_codes_that_cannot_be_read_are_told(house: House) -> None:
    house.codes.path.write_bytes(b"{")
    assert house.press("disarm", RIGHT) == "invalid_code"
    house.await_state("front/codes", SensorState.FAULT)
    house.arm()


def test_from_a_broker_elsewhere_it_arms_and_never_disarms(
    tmp_path: Path, broker: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: Callable[[str], bool] = lambda _host: False  # noqa: E731
    monkeypatch.setattr(keypads, "is_loopback", elsewhere)
    with at_work(House(tmp_path, *broker)) as house:
        house.arm()
        assert house.press("disarm", FORCED) == "not_ready"
        assert house.station.is_armed("house")
        assert house.states("house/duress") == [SensorState.ALARM, SensorState.NORMAL], "and still it is told"
