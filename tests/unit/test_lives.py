"""Two boxes of one name are told from one that was started anew."""

import pytest

from aggregator.domains.boxes import cli as health_cli
from aggregator.domains.boxes.two_lives import LASTS_MS, Lives
from shared.topics import Address

HERE, THERE = Address("north", "g1"), Address("north", "g2")
A, B, C = (7, 1), (9, 1), (7, 2)


@pytest.mark.parametrize(
    ("label", "told", "signs"),
    [
        ("one box", [(A, 0), (A, 30), (A, 60)], []),
        ("started anew", [(A, 0), (C, 10), (C, 40)], []),
        ("a new epoch, then started anew", [(A, 0), (B, 10), ((9, 2), 20), ((9, 3), 30)], []),
        ("a last word that came after the next birth", [(A, 0), (C, 10), (A, 10.5), (C, 40), (C, 70)], []),
        ("two", [(A, 0), (B, 10), (A, 20)], [20]),
        ("two that take turns", [(A, 0), (B, 10), (A, 20), (A, 50), (B, 80), (B, 110), (A, 140)], [20, 80, 140]),
        ("two every second", [(one, n) for n in range(9) for one in (A, B)], [5]),
        ("two, one of which is started anew", [(A, 0), (B, 10), (C, 20), (B, 30), (C, 40)], [30, 40]),
        ("after an hour nothing is known of it", [(A, 0), (B, 10), (B, 3700), (C, 3701), (A, 3710)], []),
    ],
)
def test_which_words_show_that_two_run(
    label: str, told: list[tuple[tuple[int, int], float]], signs: list[float]
) -> None:
    lives = Lives()
    found = [at_s for life, at_s in told if lives.note(HERE, life, round(at_s * 1000))]
    assert found[: len(signs)] == signs, label
    assert bool(found) == bool(signs), label


def test_it_is_over_when_it_has_stopped_for_a_while() -> None:
    lives = Lives()
    for life, at_ms in ((A, 0), (B, 10_000), (A, 20_000)):
        lives.note(HERE, life, at_ms)
    assert lives.are_two(HERE, 20_000)
    assert lives.are_two(HERE, 19_999 + LASTS_MS)
    assert not lives.are_two(HERE, 20_000 + LASTS_MS)
    assert not lives.are_two(THERE, 20_000)
    lives.remember(THERE, 20_000)
    assert lives.are_two(THERE, 30_000)


def test_of_a_box_that_is_started_for_ever_little_is_kept() -> None:
    lives = Lives()
    for session in range(1000):
        lives.note(HERE, (7, session), session * 1000)
    assert len(lives._boxes[HERE].before) <= 8


def box(**more: object) -> dict[str, object]:
    beat = {"cameras": [{"name": "gate", "state": more.pop("camera", "watching")}], "outbox": more.pop("outbox", "")}
    row: dict[str, object] = {
        "site": "north",
        "agent": "g1",
        "state": "online",
        "state_since": "2026-11-28T00:00:00Z",
        "last_seen_at": None,
        "clock_off_s": 0.0,
        "lost": 0,
        "version": "1",
        "two_lives": False,
        "troubles": [],
        "health": beat,
    }
    return {**row, **more}


def test_what_is_troubled_is_not_well() -> None:
    assert health_cli._is_well(health_cli._box(box()))
    for troubles, words, more in (
        (["two_lives"], "two boxes use this name", {"two_lives": True}),
        (["card_refuses"], "the card refuses writes: x", {"outbox": "the card refuses writes: x"}),
        (["disk_full"], "its disk is full", {}),
        (["over_limits"], "(alerts_per_day, lines)", {"over_limits": ["alerts_per_day", "lines"]}),
    ):
        row = health_cli._box(box(troubles=troubles, **more))
        assert words in row["trouble"]
        assert not health_cli._is_well(row)
    degraded = health_cli._box(box(camera="degraded"))
    assert (degraded["trouble"], degraded["watching"]) == ("gate degraded", 0)
    assert not health_cli._is_well(degraded)
    assert health_cli._box(box(state="silent"))["watching"] == 0, "the centre does not know"
    (camera,) = health_cli._cameras([box(two_lives=True, troubles=["two_lives"])])
    assert not health_cli._is_well(camera)
