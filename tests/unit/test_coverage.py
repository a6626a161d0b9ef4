"""What heartbeats cover: never more than was heard."""

import random

from aggregator.domains.boxes.coverage_accumulator import BOX, Beat, Coverage
from shared.events import CameraHealth, Health
from shared.topics import Address

HERE = Address("north", "a")
DAY_MS = 86_400_000


def beat(at_ms: int, *watched: str, session: int = 1) -> Beat:
    return Beat(at_ms, (7, session), frozenset(watched))


def covered(coverage: Coverage) -> dict[tuple[str, int], int]:
    """Milliseconds by camera and quarter-hour since 1970."""
    return {
        (camera, day * 96 + place): lasted_ms
        for (day, place), pieces in coverage.take().items()
        for (_, camera), lasted_ms in pieces.items()
    }


def test_the_time_between_two_heartbeats_counts() -> None:
    coverage = Coverage()
    for at_ms in (0, 30_000, 60_000):
        coverage.note(HERE, beat(at_ms, "gate"), 30)
    assert covered(coverage) == {(BOX, 0): 60_000, ("gate", 0): 60_000}
    coverage.note(HERE, beat(90_000, "gate"), 30)
    assert covered(coverage) == {(BOX, 0): 30_000, ("gate", 0): 30_000}
    assert covered(coverage) == {}


def test_a_quarter_hour_gets_its_part() -> None:
    coverage = Coverage()
    for at_ms in (DAY_MS - 10_000, DAY_MS + 20_000):
        coverage.note(HERE, beat(at_ms, "gate"), 30)
    assert covered(coverage) == {
        (BOX, 95): 10_000, (BOX, 96): 20_000, ("gate", 95): 10_000, ("gate", 96): 20_000,
    }  # fmt: skip


def test_doubt_does_not_count() -> None:
    for second in (
        beat(45_001, "gate"),  # the first had expired
        beat(30_000, "gate", session=2),  # it was started again between
        beat(-5_000, "gate"),  # our clock was set back
    ):
        coverage = Coverage()
        coverage.note(HERE, beat(0, "gate"), 30)
        coverage.note(HERE, second, 30)
        assert covered(coverage) == {}
        coverage.note(HERE, Beat(second.at_ms + 30_000, second.session, second.watched), 30)
        assert sum(covered(coverage).values()) == 60_000


def test_a_camera_counts_when_both_heartbeats_say_so() -> None:
    coverage = Coverage()
    coverage.note(HERE, beat(0, "gate", "yard"), 30)
    coverage.note(HERE, beat(30_000, "gate"), 30)
    coverage.note(HERE, beat(60_000, "gate", "yard"), 30)
    assert covered(coverage) == {(BOX, 0): 60_000, ("gate", 0): 60_000}


def test_what_could_not_be_written_is_written_later() -> None:
    coverage = Coverage()
    coverage.note(HERE, beat(0), 30)
    coverage.note(HERE, beat(30_000), 30)
    coverage.give_back(coverage.take())
    coverage.note(HERE, beat(60_000), 30)
    assert covered(coverage) == {(BOX, 0): 60_000}


def test_never_more_than_the_time_that_went_by() -> None:
    rng, coverage, at_ms, alive_ms = random.Random(3), Coverage(), 0, 0
    for _ in range(2000):
        step_ms = rng.choice((10_000, 30_000, 44_000, 46_000, 600_000))
        at_ms += step_ms
        alive_ms += step_ms if step_ms <= 45_000 and at_ms != step_ms else 0
        coverage.note(HERE, beat(at_ms), 30)
    found = covered(coverage)
    assert sum(found.values()) == alive_ms
    assert max(found.values()) <= 900_000


def test_what_a_heartbeat_says_of_cameras() -> None:
    states = {"gate": "watching", "yard": "stalled", "": "watching", "a\0b": "watching", "x" * 300: "watching"}
    cameras = tuple(CameraHealth(name, state) for name, state in states.items())
    assert Beat.of(Health(5, 3, 1.0, 9, cameras), 100) == Beat(100, (9, 3), frozenset({"gate"}))
    many = tuple(CameraHealth(f"c{n:03}", "watching") for n in range(200))
    assert len(Beat.of(Health(5, 3, 1.0, 9, many), 100).watched) == 64


def test_names_that_a_box_makes_up_are_bounded_in_a_day() -> None:
    coverage, address, covered = Coverage(), Address("s", "hostile"), set()
    for minute in range(3 * 24 * 60):
        names = frozenset({"road", f"made-up-{minute // 2}"})
        coverage.note(address, Beat(minute * 60_000, (1, 1), names), 60.0)
        if minute % 60 == 59:
            covered |= {(slot[0], name) for slot, pieces in coverage.take().items() for _, name in pieces}
    for day in range(3):
        of_day = {name for each, name in covered if each == day}
        assert len(of_day) <= 129
        assert {BOX, "road"} <= of_day
