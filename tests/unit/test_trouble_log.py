"""What lasts is told once, and again only now and then."""

import logging

import pytest

from shared import trouble_log as telling
from shared.trouble_log import TroubleLog


def test_a_trouble_is_told_when_it_begins_changes_lasts_and_ends(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(telling.time, "monotonic", lambda: now_s)
    complaint = TroubleLog(logging.getLogger("test"))
    complaint.over("fine")
    for _ in range(50):
        complaint.tell("away")
        now_s += 1
    complaint.tell("worse")
    now_s += 301
    complaint.tell("worse")
    for _ in range(400):
        now_s += 1
        complaint.tell("worse")
    complaint.over("well again")
    complaint.over("well again")
    complaint.tell("away")
    assert [record.message for record in caplog.records] == [
        "away", "worse", "worse", "worse (299 times more since)", "well again", "away",
    ]  # fmt: skip
