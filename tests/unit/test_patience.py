"""How long a stream may be silent before it is a stall."""

from collections.abc import Iterable

import pytest

from edge_agent.camera.sources.stall_detector import LONGEST_S, SHORTEST_S, StallDetector


def heard(arrivals_s: Iterable[float]) -> StallDetector:
    patience = StallDetector()
    patience.begin()
    for arrived_s in arrivals_s:
        patience.note(arrived_s)
    return patience


def every(apart_s: float, until_s: float = 60.0) -> list[float]:
    return [number * apart_s for number in range(int(until_s / apart_s) + 1)]


BURSTS = [burst * 2.5 for burst in range(20) for _ in range(25)]


@pytest.mark.parametrize(
    ("arrivals_s", "stall_s"),
    [
        ([], SHORTEST_S),
        (every(0.04), SHORTEST_S),
        (every(1.0), SHORTEST_S),
        (BURSTS, SHORTEST_S),
        (every(3.0), 7.5),
        (every(8.0), 20.0),
        (every(50.0, 200.0), LONGEST_S),
    ],
    ids=["nothing yet", "25 a second", "one a second", "bursts of 25", "one in 3 s", "one in 8 s", "one in 50 s"],
)
def test_silence_is_a_stall_by_the_usual_distance_within_bounds(arrivals_s: list[float], stall_s: float) -> None:
    patience = heard(arrivals_s)
    assert patience.stall_s == pytest.approx(stall_s)
    assert patience.leave_s >= patience.stall_s
    assert bool(patience.complaint) == (stall_s > SHORTEST_S)


def test_one_that_is_set_to_more_pictures_is_as_impatient_as_any_other() -> None:
    slow = every(8.0)
    patience = heard([*slow, *(slow[-1] + each for each in every(0.1))])
    assert (patience.stall_s, patience.leave_s, patience.complaint) == (SHORTEST_S, SHORTEST_S, "")


def test_a_pause_at_the_start_is_no_complaint() -> None:
    assert heard([0.0, 4.0, *(4.0 + each for each in every(0.1, 10.0))]).complaint == ""


def test_every_connection_that_stalls_early_gets_twice_the_time() -> None:
    patience, granted = StallDetector(), []
    for connection in range(6):
        patience.begin()
        patience.note(connection * 100.0)
        granted.append(patience.leave_s)
        assert patience.stall_s == SHORTEST_S, "it is told as soon as of any other"
        patience.left()
    assert granted == [4.5, 9.0, 18.0, 36.0, LONGEST_S, LONGEST_S]


def test_a_connection_that_was_good_starts_from_the_shortest_time_again() -> None:
    patience = StallDetector()
    for _ in range(3):
        patience.begin()
        patience.left()
    assert patience.leave_s > SHORTEST_S
    patience.begin()
    for arrived_s in every(0.1):
        patience.note(arrived_s)
    patience.left()
    assert patience.leave_s == SHORTEST_S


def test_what_was_known_holds_through_a_new_connection() -> None:
    patience = heard(every(8.0))
    said = patience.complaint
    patience.begin()
    patience.note(1000.0)
    assert (patience.stall_s, patience.complaint) == (20.0, said)
