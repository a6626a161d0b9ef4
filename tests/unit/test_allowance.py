"""What one box may cost in a day."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.domains.lines import domain as lines
from aggregator.domains.lines.domain import LineNames
from aggregator.ingest.box_quota import Bill, BoxQuota
from aggregator.ingest.reading import Arrival, DeadLetter, read
from aggregator.signals import alert_policy
from aggregator.signals.declarations import domains
from aggregator.signals.occurrence import Occurrence
from aggregator.store.allowance import Allowance, Spending
from shared.envelope import Header, encode_batch, encode_event
from shared.events import ConfigApplied, Direction, Event, Lane, LineCrossed, LossReason, RangeLost
from shared.mqtt import Message
from shared.topics import Address

GOOD, HOSTILE = Address("s", "good"), Address("s", "hostile")


def arrival(box: Address, *events: Event, epoch: int = 1, first: int = 1) -> Arrival:
    payload = encode_batch(Header(Lane.ALARM, epoch, first, len(events), 1, 0), [encode_event(each) for each in events])
    (found,) = read([Message(f"hl/1/{box.site}/{box.agent}/up/alarm", payload, False, 0.0)], Lane.ALARM).arrivals
    return found


def crossing(line: int = 0) -> LineCrossed:
    return LineCrossed(0, 1, line, Direction.LEFT_TO_RIGHT, 1, 1, 0, 0)


def test_a_days_worth_at_once_and_then_as_time_goes_by() -> None:
    now_s = [0.0]
    allowance = Allowance(240, lambda: now_s[0])
    assert [allowance.take(GOOD, 60) for _ in range(5)] == [True] * 4 + [False]
    assert allowance.take(HOSTILE, 240), "each has its own"
    now_s[0] += 3600
    assert [allowance.take(GOOD, 5) for _ in range(3)] == [True, True, False]
    allowance.give_back(GOOD, 5)
    assert allowance.take(GOOD, 5)
    now_s[0] += 400 * 86400
    assert allowance.take(GOOD, 240)
    assert not allowance.take(GOOD, 1), "no more than a day's worth is saved up"


def test_very_many_boxes_take_a_bounded_place() -> None:
    allowance = Allowance(10, lambda: 0.0)
    assert allowance.take(HOSTILE, 10)
    for number in range(50_000):
        allowance.take(Address("s", f"b{number}"), 1)
    assert len(allowance._used) <= 20_001
    assert not allowance.take(HOSTILE, 1), "who has used most is remembered"


@pytest.mark.parametrize(
    ("hostile", "taken", "what"),
    [
        ([arrival(HOSTILE, *[crossing()] * 500, first=n * 500 + 1) for n in range(30)], 20, "events_per_day"),
        ([arrival(HOSTILE, crossing(), epoch=n) for n in range(100)], 20, "epochs"),
        ([arrival(HOSTILE, crossing(n), first=n + 1) for n in range(6000)], 5000, "lines"),
        ([arrival(HOSTILE, ConfigApplied(0, n, ("gate",) * 9, ()), first=n + 1) for n in range(2500)], 2000, "names"),
        ([arrival(HOSTILE, *[RangeLost(0, Lane.BULK, 1, 2, LossReason.EVICTED)] * 100) for n in range(30)], 10, "gaps"),
    ],
    ids=["events", "epochs", "lines", "names", "gaps"],
)
def test_beyond_the_bounds_of_a_day_a_batch_stays_in_its_box(hostile: list[Arrival], taken: int, what: str) -> None:
    quota, epochs, found = BoxQuota(events_a_day=10_000, now_s=lambda: 0.0), set[int](), 0
    with Bill(quota) as bill:
        for each in hostile:
            if each.header.epoch not in epochs:
                if not bill.takes_epoch(each.address):
                    continue
                epochs.add(each.header.epoch)
            found += bill.takes(each, each.rows, each.header.count, 0)
        assert found == taken
        assert {(HOSTILE, what)} == bill.exceeded
        good = arrival(GOOD, crossing())
        assert bill.takes(good, good.rows, 1, 0), "others are served as ever"


def test_a_transaction_that_fails_has_cost_nothing() -> None:
    allowance, quota = Allowance(10, lambda: 0.0), BoxQuota(now_s=lambda: 0.0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), Spending() as spending:
            assert spending.take(allowance, GOOD, 10)
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError), Bill(quota) as bill:
            lines = [arrival(GOOD, *[crossing(n) for n in range(k, k + 400)]) for k in range(0, 4000, 400)]
            assert all(bill.takes(each, each.rows, 400, 0) for each in lines)
            raise ZeroDivisionError
    with Spending() as spending:
        assert spending.take(allowance, GOOD, 10)
    assert not allowance.take(GOOD, 1), "what went well stays taken"
    with Bill(quota) as bill:
        assert all(bill.takes(each, each.rows, 400, 0) for each in lines)
        others = [arrival(GOOD, *[crossing(n) for n in range(k, k + 400)]) for k in range(5000, 6200, 400)]
        taken = [bill.takes(each, each.rows, 400, 0) for each in others]
        assert taken == [True, True, False], "what failed is not known either"


def test_letters_are_bounded_in_number_and_in_bytes() -> None:
    def kept(size: int, topic: str = "hl/1/s/hostile/up/alarm") -> int:
        quota = BoxQuota(letters_a_day=100, now_s=lambda: 0.0)
        letter, number = DeadLetter(datetime.now(UTC), topic, "event", "", b"x" * size), 0
        for _ in range(1000):
            with Bill(quota) as bill:
                number += bill.keeps(letter)
        return number

    assert kept(10) == 100
    assert kept(64 * 1024) == 25
    assert kept(10, "no topic of ours") == 100


def test_what_one_box_raises_beyond_its_day_joins_one_alert() -> None:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    event = LineCrossed(0, 1, 0, Direction.LEFT_TO_RIGHT, 1, 1, 2, 0)
    signals = [
        lines.judged(
            Occurrence(7, Lane.ALARM, n, at, event), Address("s", "hostile"), LineNames({(7, 1, 0): ("cam", "line")})
        )
        for n in (1, 2)
    ]
    decided = [alert_policy.decide(each, domains().condition(each), timedelta(seconds=30), at) for each in signals]
    flooded = [alert_policy.flooding(each, at) for each in decided]
    assert {each.key for each in flooded} == {"flood:s/hostile:2:2026-11-28T00"}
    assert {(each.priority, each.condition, each.at) for each in flooded} == {(2, "tripwire", at)}
    assert {each.joins for each in flooded} == {alert_policy.Joins.ANY}, "whatever times the box tells, they join"
