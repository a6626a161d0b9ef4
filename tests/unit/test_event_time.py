"""Where an event lies in time, for clocks that are right, off by a year, or absurd."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.ingest.event_time import QUARTER_S, Receipt, TimeQuality, place, quarter

RECV = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


SECOND, YEAR = timedelta(seconds=1), timedelta(days=365)
CASES = [
    ("good clock", RECV - SECOND, RECV, RECV - SECOND, TimeQuality.DEVICE),
    ("backlog of two days", RECV - timedelta(days=2), RECV, RECV - timedelta(days=2), TimeQuality.DEVICE),
    (
        "a minute ahead",
        RECV + timedelta(minutes=1),
        RECV + timedelta(minutes=1),
        RECV + timedelta(minutes=1),
        TimeQuality.DEVICE,
    ),
    ("a year ahead", RECV + YEAR - SECOND, RECV + YEAR, RECV - SECOND, TimeQuality.AGE),
    ("a year behind", RECV - YEAR - SECOND, RECV - YEAR, RECV - SECOND, TimeQuality.AGE),
    ("set between event and sending", RECV - YEAR, RECV, RECV - YEAR, TimeQuality.DEVICE),
    ("set back between", RECV + YEAR, RECV, RECV, TimeQuality.RECEIVED),
    ("older than anything kept", RECV - 3 * YEAR, RECV, RECV, TimeQuality.RECEIVED),
    (
        "1970",
        datetime(1970, 1, 1, 0, 5, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 6, tzinfo=UTC),
        RECV - timedelta(minutes=1),
        TimeQuality.AGE,
    ),
    (
        "absurd age in 1970",
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 9, tzinfo=UTC),
        RECV,
        TimeQuality.RECEIVED,
    ),
]


@pytest.mark.parametrize(("device", "sent", "expected", "quality"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_place(device: datetime, sent: datetime, expected: datetime, quality: TimeQuality) -> None:
    event_at, _, found = place(ms(device), ms(sent), RECV)
    assert (event_at, found) == (expected, quality)


@pytest.mark.parametrize("absurd", [2**63 - 1, -(2**63), 10**15, -(10**15), 253402300799999])
def test_absurd_times_raise_nothing(absurd: int) -> None:
    for device, sent in ((absurd, absurd), (absurd, ms(RECV)), (ms(RECV), absurd)):
        event_at, device_at, quality = place(device, sent, RECV)
        assert event_at == RECV
        assert quality is not TimeQuality.DEVICE
        assert device_at is None or device_at == RECV


def test_quarter() -> None:
    late = RECV + timedelta(minutes=29, seconds=59)
    assert quarter(int(late.timestamp()) // QUARTER_S) == RECV + timedelta(minutes=15)


def test_a_whole_batch_is_placed_as_each_event_would_be() -> None:
    rng = random.Random(3)
    steps_ms = (0, 1, 999, 1000, 60_000, 118_999, 119_000, 120_000, 121_000, 86_400_000, 399 * 86_400_000, 2**40, 2**55)
    for _ in range(5000):
        sent_ms = ms(RECV) + rng.choice((-1, 1)) * (rng.choice(steps_ms) + rng.randrange(3))
        placing = Receipt(RECV).placing(sent_ms)
        for _ in range(5):
            device_ms = ms(RECV) + rng.choice((-1, 1)) * (rng.choice(steps_ms) + rng.randrange(3))
            assert placing.place(device_ms) == place(device_ms, sent_ms, RECV)
