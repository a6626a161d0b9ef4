"""Media time from stamps and arrivals, as tables: what a stream does, and what time it makes of it."""

import pytest

from edge_agent.camera.sources.media_clock import Pace, PacketPace


def steps(pace: Pace, stamps: list[float | None], arrivals: list[float]) -> list[float]:
    """Media time of each picture."""
    return [pace.step(stamp, arrived).time_s for stamp, arrived in zip(stamps, arrivals, strict=True)]


EVEN = [n / 10 for n in range(100)]


def bursts(length: int) -> list[float]:
    """Arrivals of pictures taken ten a second and sent so many at a time."""
    return [(n // length + 1) * length / 10 for n in range(100)]


@pytest.mark.parametrize("length", [2, 10, 25])
def test_a_burst_keeps_the_streams_own_pace(length: int) -> None:
    assert steps(Pace(live=True), list(EVEN), bursts(length)) == pytest.approx(EVEN, abs=0.01)


@pytest.mark.parametrize("length", [10, 25])
def test_pictures_of_a_burst_were_taken_before_they_came(length: int) -> None:
    pace = Pace(live=True)
    taken = [pace.step(stamp, arrived).taken_s for stamp, arrived in zip(EVEN, bursts(length), strict=True)]
    # The last of a burst comes soonest after it was taken.
    assert taken[50:] == pytest.approx([stamp + 0.1 for stamp in EVEN[50:]], abs=0.05)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -0.1, 20.0])
@pytest.mark.parametrize("live", [True, False], ids=["stream", "file"])
def test_stamps_that_jump_are_not_time(jump_s: float, live: bool) -> None:
    stamps = [stamp + (jump_s if stamp >= 5 else 0) for stamp in EVEN]
    times = steps(Pace(live=live), list(stamps), EVEN)
    assert times == sorted(times)
    assert times[-1] == pytest.approx(EVEN[-1], abs=1.2)


@pytest.mark.parametrize("rate", [2.0, 0.3, 0.0])
def test_stamps_at_a_wrong_rate_are_left_for_the_arrivals(rate: float) -> None:
    arrivals = [n / 10 for n in range(400)]
    times = steps(Pace(live=True), [arrived * rate for arrived in arrivals], arrivals)
    assert times[-1] - times[200] == pytest.approx(arrivals[-1] - arrivals[200], rel=0.1)


def test_silence_is_time_that_has_passed() -> None:
    arrivals = [*EVEN, *(40 + arrived for arrived in EVEN)]
    assert steps(Pace(live=True), list(arrivals), arrivals)[-1] == pytest.approx(arrivals[-1], abs=0.5)


def test_a_new_connection_goes_on_where_the_old_one_was() -> None:
    pace = Pace(live=True)
    before = steps(pace, list(EVEN), EVEN)
    pace.cut()
    after = steps(pace, [7000 + stamp for stamp in EVEN], [30 + arrived for arrived in EVEN])
    assert after[0] - before[-1] == pytest.approx(30 - EVEN[-1], abs=0.2)
    assert after[-1] - after[0] == pytest.approx(EVEN[-1], abs=0.1)


def test_a_file_without_stamps_has_the_pace_that_it_states() -> None:
    pace = Pace(live=False)
    pace.cut(0.04)
    assert steps(pace, [None] * 26, [0.0] * 26)[-1] == pytest.approx(1.0)


def test_what_a_steady_stream_leaves_out_is_missing() -> None:
    pace, missing = Pace(live=True), 0
    for stamp in (stamp for number, stamp in enumerate(EVEN) if number not in (50, 70, 71)):
        missing += pace.step(stamp, stamp).missing
    assert missing == 3


def test_a_stream_of_changing_pace_leaves_out_nothing() -> None:
    pace, at_s = Pace(live=True), 0.0
    for number in range(200):
        at_s += 0.04 * (1 + number % 5)
        assert pace.step(at_s, at_s).missing == 0


@pytest.mark.parametrize("rate", [0.72, 0.83, 1.2])
def test_stamps_that_run_somewhat_wrong_do_not_move_the_moment(rate: float) -> None:
    pace, arrivals = Pace(live=True), [n / 20 for n in range(1200)]
    taken = [pace.step(arrived * rate, arrived).taken_s for arrived in arrivals]
    assert max(arrived - moment for arrived, moment in zip(arrivals[600:], taken[600:], strict=True)) < 1.0


@pytest.mark.parametrize(("fast", "slow"), [(30, 5), (25, 8), (15, 1)])
def test_another_rate_is_no_loss(fast: int, slow: int) -> None:
    pace, at_s, missing = Pace(live=True), 0.0, 0
    for rate in (fast, slow, fast, slow):
        for _ in range(rate * 20):
            at_s += 1 / rate
            missing += pace.step(at_s, at_s).missing
    assert missing <= 2


def test_what_was_broken_is_not_missing_too() -> None:
    pace, missing = Pace(live=True), 0
    for number, stamp in enumerate(EVEN):
        if number not in (50, 80):
            missing += pace.step(stamp, stamp, int(number in (51, 81))).missing
    assert missing == 0


REORDERED = [float(n) for group in range(25) for n in (4 * group + 3, 4 * group + 1, 4 * group, 4 * group + 2)]
"""Of every four pictures the last one is sent first, for the others build on it."""


@pytest.mark.parametrize("length", [1, 24], ids=["as they come", "in bursts"])
def test_packets_of_pictures_that_build_on_later_ones_are_told_by_their_stamps(length: int) -> None:
    pace = PacketPace()
    # Each is sent when it and all that are to be sent before it are there.
    ready = [max(REORDERED[: place + 1]) / 10 for place in range(100)]
    arrivals = [max(ready[place // length * length :][:length]) for place in range(100)]
    taken = [pace.taken_s(n / 10, arrived) for n, arrived in zip(REORDERED, arrivals, strict=True)]
    assert taken[48:] == pytest.approx([n / 10 for n in REORDERED[48:]], abs=0.11)


def test_packets_without_stamps_or_whose_stamps_jump_are_told_by_their_arrival() -> None:
    pace = PacketPace()
    stamps = [n / 10 for n in range(50)] + [n / 10 - 3600.0 for n in range(50, 100)]
    taken = [pace.taken_s(stamp, n / 10) for n, stamp in enumerate(stamps)]
    taken += [pace.taken_s(None, n / 10) for n in range(100, 150)]
    assert taken == pytest.approx([n / 10 for n in range(150)], abs=0.11)
