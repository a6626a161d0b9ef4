"""What the demo says of its own run: numbers of earlier runs, and of boxes that are not there, do not count."""

from typing import Any

from provisioning.lab.demo.reconciliation import settle
from shared.events import Lane


def row(agent: str, lane: Lane, stored: int, epoch: int = 1) -> dict[str, Any]:
    named = {"site": "demo", "agent": agent, "epoch": epoch, "lane": lane.value}
    return {**named, "stored": stored, "distinct_stored": stored}


def outbox(agent: str, lane: Lane, used: int, waiting: int = 0) -> dict[str, Any]:
    return {"site": "demo", "agent": agent, "epoch": 1, "lane": lane.label, "clean_next": used + 1, "waiting": waiting}


def test_a_box_of_an_earlier_run_takes_nothing_away() -> None:
    before = [row("gate", Lane.ALARM, 10), row("video", Lane.ALARM, 11), row("gate", Lane.ALARM, 5, epoch=2)]
    now = [row("gate", Lane.ALARM, 24), *before[1:]]
    account = settle([outbox("gate", Lane.ALARM, 24)], now, [], before)
    assert (account.numbered, account.stored, account.lost, account.duplicated) == (14, 14, 0, 0)


def test_what_is_missing_is_lost() -> None:
    account = settle([outbox("gate", Lane.ALARM, 24, waiting=2)], [row("gate", Lane.ALARM, 20)], [], [])
    assert (account.numbered, account.stored, account.lost, account.waiting) == (24, 20, 2, 2)
