"""Everything is killed, several times. Every numbered event is stored exactly once."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.lab.boxes.ledger import entries, keep
from provisioning.lab.demo.reconciliation import outbox_of
from shared.events import Lane
from tests.acceptance.site import Site, await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(420)]

PARTS = ("agent", "aggregator", "broker", "postgres", "ingest-alarm", "ingest-bulk", "presence", "alerting", "jobs")


def many_lines(count: int) -> str:
    """Lines close together: every walker crosses all of them. Every third is not armed, so both lanes are busy."""
    return "\n".join(
        f'[[tripwires]]\nname = "line {n}"\npoints = [[0.0, {0.6 + n * 0.03:.2f}], [1.0, {0.6 + n * 0.03:.2f}]]\n'
        f"armed = {'false' if n % 3 == 2 else 'true'}\n"
        for n in range(count)
    )


def read_ledger(outbox: Path) -> dict[tuple[int, int, int], int]:
    """Checksums by epoch, lane and number."""
    rows = list(entries(outbox))
    ledger = {(epoch, int(lane), seq): crc for epoch, lane, seq, crc in rows}
    assert len(ledger) == len(rows), "a number was used twice"
    return ledger


def test_nothing_is_lost_and_nothing_stored_twice(site: Site, amount: Callable[[int, int], int]) -> None:
    rounds = amount(2, 5)
    rng = random.Random(20)
    agent = site.add_agent(
        "box",
        {
            "fence": (many_lines(9), 'kind = "synthetic"\nscene = "fence"\nseed = 3'),
            "yard": (many_lines(9), 'kind = "synthetic"\nscene = "fence"\nseed = 4'),
        },
    )
    keep(site.outbox("box"))
    site.start_aggregator()
    agent.start()
    await_true("first alert", lambda: site.get("/api/v1/alerts")["alerts"])

    victims = [part for part in PARTS for _ in range(rounds)]
    rng.shuffle(victims)
    for part in victims:
        time.sleep(rng.uniform(0.5, 2.5))
        if part == "agent":
            agent.kill()
            agent.start()
        elif part == "aggregator":
            site.aggregator.kill()
            site.aggregator.start()
        else:
            site.kill(part)

    site.await_ready()
    before = len(read_ledger(site.outbox("box")))
    await_true("new events after the last kill", lambda: len(read_ledger(site.outbox("box"))) > before)
    for _ in range(5):
        agent.stop()
        assert agent.exit_code == 0
        if not any(row["waiting"] for row in outbox_of(site.config("box"))):
            break
        agent.start()  # what a short farewell could not bring out goes in the next life
        time.sleep(5)
    assert not any(row["waiting"] for row in outbox_of(site.config("box")))

    ledger = read_ledger(site.outbox("box"))
    stored = site.rows("SELECT epoch, lane, seq, crc FROM events JOIN producers ON producers.id = producer_id")
    by_number = {(row["epoch"], row["lane"], row["seq"]): row["crc"] for row in stored}
    assert len(by_number) == len(stored), "stored twice"
    lost = [number for number, crc in ledger.items() if by_number.get(number) != crc]
    assert lost == []
    assert len(ledger) > 100, "too few events for this test to mean anything"
    assert len({lane for _, lane, _ in ledger}) == 2

    # Numbers without an event are exactly those that a restart of the box skipped, and were reported as such.
    gaps = site.rows("SELECT lane, first, last FROM gaps WHERE reason = 'restart'")
    for row in outbox_of(site.config("box")):
        lane = Lane[row["lane"].upper()]
        used = set(range(1, row["clean_next"]))
        reported = {n for gap in gaps if gap["lane"] == lane for n in range(gap["first"], gap["last"] + 1)}
        there = {seq for epoch, stored_lane, seq in by_number if stored_lane == lane}
        assert used - there <= reported
        assert there <= used
    assert len(gaps) >= rounds

    # Every armed crossing is a member of exactly one alert; the inbox is empty.
    armed = site.rows("SELECT count(*) AS n FROM events WHERE kind = 1 AND lane = 0")[0]["n"]
    await_true("inbox empty", lambda: site.rows("SELECT count(*) AS n FROM inbox")[0]["n"] == 0)
    assert site.rows("SELECT count(*) AS n FROM alert_members")[0]["n"] == armed
    assert site.rows("SELECT coalesce(sum(members), 0) AS n FROM alerts WHERE subject = 'line'")[0]["n"] == armed
    crossings = site.rows("SELECT count(*) AS n FROM events WHERE kind = 1")[0]["n"]
    assert site.rows("SELECT sum(crossings) AS n FROM counts")[0]["n"] == crossings
