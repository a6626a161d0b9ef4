"""The station around the machine: what outlives a cut, a card that fails, outputs that were left on, threads."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.inputs.sources.seam import Source, Switched, Take, Wanted
from edge_agent.inputs.station import Station
from edge_agent.intrusion.plan import Cause, PartitionPlan, SensorType
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.unit import Order
from edge_agent.wiring.settings import GpioOutput, GpioWire, InputsSettings, OutputSettings, SensorSettings
from shared.clock import Moment, SystemClock
from shared.desired import PartitionDeed, PartitionOrder, Partitions
from shared.events import PartitionChanged, PartitionState, SensorChanged
from shared.files import write_secret
from tests.acceptance.site import await_true

SENSORS = [
    SensorSettings(name="window", partition="house", settle_ms=0, wire=GpioWire(line=1)),
    SensorSettings(name="smoke", type=SensorType.FIRE, settle_ms=0, wire=GpioWire(line=2)),
]
HOUSE = [PartitionPlan(name="house", exit_s=0)]
SIREN = [OutputSettings(name="siren", on=[Cause.ALARM], wire=GpioOutput(line=5))]  # type: ignore[arg-type]


class Wires:
    """An adapter that a test is."""

    def __init__(self) -> None:
        self.terminals, self.outputs, self.wanted = (
            {"window": "line 1", "smoke": "line 2"},
            {"siren": "line 5"},
            Wanted(),
        )
        self.switched, self.error, self.take = list[bool](), "", lambda *_: None
        self.is_up = threading.Event()

    def run(self, take: Take, switched: Switched, stopping: threading.Event) -> None:
        self.take = take  # type: ignore[assignment]
        self.is_up.set()
        while not stopping.is_set():
            if self.wanted.changed.wait(0.02):
                for name, is_on in self.wanted.taken().items():
                    self.switched.append(is_on)
                    switched(name, self.error)

    def say(self, name: str, circuit: Circuit) -> None:
        self.take(name, Reading(circuit, is_settled=True), Moment.of(SystemClock()))


class Box:
    """A station, begun and ended."""

    def __init__(self, path: Path, before: object = None) -> None:
        self.events, self.wires = list[SensorChanged | PartitionChanged](), Wires()
        sources: list[Source] = [self.wires]
        self.station = Station(
            SENSORS,
            HOUSE,
            SIREN,
            sources,
            InputsSettings(),
            path,
            self.events.append,
            SystemClock(),
            before,  # type: ignore[arg-type]
        )
        self._thread = threading.Thread(target=self.station.run)

    def __enter__(self) -> "Box":
        self._thread.start()
        assert self.wires.is_up.wait(5)
        for name in ("window", "smoke"):
            self.wires.say(name, Circuit.NORMAL)
        return self

    def __exit__(self, *_: object) -> None:
        self.station.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def told(self, name: str) -> list[tuple[str, str]]:
        return [(e.state.label, e.detail) for e in self.events if isinstance(e, SensorChanged) and e.sensor == name]

    def state(self) -> PartitionState:
        return [event.state for event in self.events if isinstance(event, PartitionChanged)][-1]


def test_what_is_armed_is_on_the_card_soon_and_an_alarm_waits_for_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writes, may_write = tmp_path / "partitions.bin", list[int](), threading.Event()
    with Box(path) as box:
        box.station.order(Order("house", PartitionDeed.AWAY, "key"))
        await_true("it is kept", path.exists)

        def slow(to: Path, content: bytes) -> None:
            writes.append(len(content))
            may_write.wait(5)
            write_secret(to, content)

        monkeypatch.setattr("edge_agent.inputs.station.write_secret", slow)
        box.wires.say("window", Circuit.ACTIVE)
        await_true("the card is slow", lambda: len(writes) > 0)
        box.wires.say("smoke", Circuit.ACTIVE)
        assert ("alarm", "in alarm until it is reset") in box.told("smoke")
        may_write.set()
    with Box(path) as again:
        assert again.state() in (PartitionState.TRIGGERED, PartitionState.ARMED_AWAY)


def test_a_card_that_takes_nothing_is_told_and_the_next_life_knows_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "partitions.bin"

    def full(_to: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with Box(path) as box:
        await_true("it is kept", path.exists)
        monkeypatch.setattr("edge_agent.inputs.station.write_secret", full)
        box.station.order(Order("house", PartitionDeed.NIGHT, "key"))
        await_true("that it is not kept is told", lambda: box.told("box/memory"))
        assert box.told("box/memory") == [("fault", "how partitions are armed cannot be kept: No space left on device")]
    with Box(path, box.station.memory()) as again:
        assert again.state() is PartitionState.ARMED_NIGHT, "the process knows what its card does not"
    path.write_bytes(b"\x93 rubbish")
    with Box(path) as lost:
        first = next(event for event in lost.events if isinstance(event, PartitionChanged))
        assert (first.not_armed, first.detail) == (True, "how it was armed is not known: partitions.bin cannot be read")


def test_outputs_are_off_at_the_start_and_a_test_tells_whether_they_sound(tmp_path: Path) -> None:
    with Box(tmp_path / "partitions.bin") as box:
        await_true("what a last life left on is off", lambda: box.wires.switched == [False])
        await_true("and told", lambda: box.told("output/siren") == [("normal", "can be switched")])
        box.station.order(Order("siren", PartitionDeed.TEST, "li"))
        await_true("it sounds", lambda: ("normal", "tested by li") in box.told("output/siren"))
        await_true("for two seconds", lambda: box.wires.switched[-1] is False and True in box.wires.switched)
        box.wires.error = "line 5: does not answer"
        box.station.order(Order("siren", PartitionDeed.TEST, "li"))
        await_true("it does not", lambda: box.told("output/siren")[-1] == ("fault", "line 5: does not answer"))
        box.wires.switched.clear()
        box.station.order(Order("siren", PartitionDeed.TEST, "wang"))
        assert box.told("output/siren")[-1] == ("fault", "line 5: does not answer"), "told at once, and again"
        await_true("it was tried", lambda: box.wires.switched[-1:] == [False])
        box.wires.error = ""
        box.station.order(Order("house", PartitionDeed.AWAY, "key"))
        box.wires.say("window", Circuit.ACTIVE)
        await_true("it can be switched again", lambda: box.told("output/siren")[-1] == ("normal", "can be switched"))


def test_orders_of_the_centre_are_done_once_and_a_wrong_name_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "partitions.bin"
    orders = Partitions((
        PartitionOrder(9, "attic", PartitionDeed.AWAY, 0, "li"),
        PartitionOrder(10, "house", PartitionDeed.AWAY, 0, "li", ("window",)),
    ))  # fmt: skip
    with Box(path) as box:
        wrong = box.station.obey(orders)
        assert wrong == ["this box has no partition 'attic'"]
        assert box.state() is PartitionState.ARMED_AWAY
        box.station.order(Order("house", PartitionDeed.DISARM, "key"))
    with Box(path) as again:  # the kept section is read once more
        again.station.obey(orders)
        assert again.state() is PartitionState.DISARMED
        stale = Partitions((PartitionOrder(11, "house", PartitionDeed.AWAY, 0, "li"),))
        again.station.obey(stale)
        assert again.state() is PartitionState.DISARMED, "the centre did not know of the key"


def test_adapters_and_ticks_at_once(tmp_path: Path) -> None:
    with Box(tmp_path / "partitions.bin") as box:
        box.station.order(Order("house", PartitionDeed.AWAY, "key"))

        def flutter(name: str) -> None:
            for step in range(300):
                box.wires.say(name, Circuit.ACTIVE if step % 2 else Circuit.NORMAL)

        threads = [threading.Thread(target=flutter, args=(name,)) for name in ("window", "smoke") * 3]
        work: Callable[[], None] = lambda: [box.station.is_armed("house") for _ in range(1000)]  # noqa: E731
        threads.append(threading.Thread(target=work))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        assert {"alarm", "normal"} <= {state for state, _ in box.told("window")}
        assert box.state() is PartitionState.TRIGGERED
