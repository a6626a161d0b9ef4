"""Ages of events whose box did not know the time when it stamped them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.ingest.event_time import TimeQuality, place
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import Publisher
from shared.clock import ManualClock, to_ms
from shared.envelope import Header, decode_event, decode_header, decode_rows
from shared.events import CameraChanged, CameraState, Lane
from shared.topics import Address

YEAR_S = 365 * 86_400.0
TRUE_NOW_S = 1_800_000_000.0


class Box:
    """An outbox and its publisher, on a clock that may be wrong; true time goes on beside it."""

    def __init__(self, path: Path, wrong_by_s: float) -> None:
        self.path, self.clock, self.boot = path, ManualClock(TRUE_NOW_S + wrong_by_s), "boot 1"
        self.true_s = TRUE_NOW_S
        self.happened: list[float] = []
        self.open()

    def open(self) -> None:
        self.sent: list[tuple[Header, bytes]] = []
        self.outbox = Outbox(self.path, self.clock, max_bytes=1_000_000, boot=self.boot)

    def reopen(self) -> None:
        self.outbox.close()
        self.open()

    def reboot(self, wrong_by_s: float) -> None:
        self.outbox.close()
        self.boot += "'"
        self.clock = ManualClock(self.true_s + wrong_by_s)
        self.open()

    def see(self) -> None:
        self.happened.append(self.true_s)
        self.outbox.append(Lane.BULK, CameraChanged(to_ms(self.clock.now_s()), 1, 0, CameraState.WATCHING, ""))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.true_s += seconds

    def errors_s(self) -> list[tuple[float, TimeQuality]]:
        """Send everything; by how much the aggregator misplaces each event."""
        self.outbox.flush()
        publisher = Publisher(self.outbox, Address("s", "a"), self._take, self.clock, random.Random(1))
        publisher.set_listening(True)
        for _ in range(20):
            publisher._send_lane(Lane.BULK)
            for packet in range(len(self.sent) + 1):
                publisher.delivered(packet)
        recv_at = datetime.fromtimestamp(self.true_s, UTC)
        found = {}
        for header, payload in self.sent:
            for sequence, row in enumerate(decode_rows(header, payload), start=header.first):
                event_at, _, quality = place(decode_event(row).at_ms, header.sent_at_ms, recv_at)
                true_at = datetime.fromtimestamp(self.happened[sequence - 1], UTC)
                found[sequence] = (abs((event_at - true_at) / timedelta(seconds=1)), quality)
        assert sorted(found) == list(range(1, len(self.happened) + 1))
        return [found[number] for number in sorted(found)]

    def _take(self, topic: str, payload: bytes) -> int:
        self.sent.append((decode_header(payload), payload))
        return len(self.sent)


@pytest.fixture
def box(tmp_path: Path, request: pytest.FixtureRequest) -> Box:
    return Box(tmp_path / "outbox.db", request.param)


SINCE_1970 = -TRUE_NOW_S


@pytest.mark.parametrize("box", [0.0, YEAR_S, -YEAR_S, SINCE_1970, 90.0], indirect=True)
def test_a_clock_that_stays_as_it_is(box: Box) -> None:
    for _ in range(5):
        box.see()
        box.wait(3600)
    assert all(error < 121 for error, _ in box.errors_s())


@pytest.mark.parametrize("box", [YEAR_S, -YEAR_S, SINCE_1970], indirect=True)
def test_a_clock_that_is_set_right_between_event_and_sending(box: Box) -> None:
    for _ in range(3):
        box.see()
        box.wait(3600)
    box.clock.step_wall(TRUE_NOW_S + 3 * 3600 - box.clock.now_s())
    for _ in range(3):
        box.see()
        box.wait(60)
    errors = box.errors_s()
    assert all(error < 2 for error, _ in errors)
    assert [quality for _, quality in errors] == [TimeQuality.AGE] * 3 + [TimeQuality.DEVICE] * 3


@pytest.mark.parametrize("box", [0.0], indirect=True)
def test_a_clock_that_is_set_wrong(box: Box) -> None:
    box.see()
    box.wait(60)
    box.clock.step_wall(-YEAR_S)
    box.see()
    box.wait(60)
    box.clock.step_wall(3 * YEAR_S)
    box.see()
    box.wait(60)
    assert all(error < 2 for error, _ in box.errors_s())


@pytest.mark.parametrize("box", [-YEAR_S], indirect=True)
def test_set_while_the_agent_was_down(box: Box) -> None:
    box.see()
    box.wait(100)
    box.outbox.close()
    box.clock.step_wall(YEAR_S)
    box.open()
    box.see()
    box.wait(5)
    assert all(error < 2 for error, _ in box.errors_s())


@pytest.mark.parametrize("box", [-YEAR_S], indirect=True)
def test_what_a_boot_learnt_of_its_clock_outlives_it(box: Box) -> None:
    box.see()
    box.wait(600)
    box.clock.step_wall(YEAR_S)
    box.see()
    box.outbox.flush()
    box.wait(10)
    box.reboot(wrong_by_s=0)
    box.see()
    assert all(error < 2 for error, _ in box.errors_s())


@pytest.mark.parametrize("box", [0.0], indirect=True)
def test_frames_of_numbers_that_are_gone_are_forgotten(box: Box) -> None:
    for _ in range(200):
        box.see()
        box.wait(10)
        box.clock.step_wall(5)
    box.outbox.flush()
    assert len(box.outbox.file.frames()) <= 2 * 64
    box.outbox.acknowledge(Lane.BULK, 200, ())
    box.outbox.flush()
    box.clock.step_wall(5)
    box.see()
    box.outbox.flush()
    assert len([1 for lane, *_ in box.outbox.file.frames() if lane is Lane.BULK]) <= 2


@pytest.mark.parametrize("box", [0.0], indirect=True)
def test_reboots_without_a_new_event(box: Box) -> None:
    for _ in range(5):
        box.see()
    box.outbox.flush()
    for _ in range(4):
        box.wait(10)
        box.reboot(wrong_by_s=0)
    box.see()
    assert box.outbox.flush(), "the file takes what comes"
    assert all(error < 2 for error, _ in box.errors_s())
