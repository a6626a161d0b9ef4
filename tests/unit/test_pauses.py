"""Pauses before connecting again: two of one name leave each other alone, a broken link is back soon."""

import random

from shared.mqtt.pauses import LONGEST_S, Pauses


def ends(pauses: Pauses, *lasted_s: float, taken_over: bool = False, now_s: float = 1000.0) -> list[float]:
    """Pauses after connections that lasted so long, one after the other."""
    found = []
    for lasts_s in lasted_s:
        pauses.up(now_s)
        now_s += lasts_s
        found.append(pauses.down(now_s, taken_over=taken_over))
        now_s += found[-1]
    return found


def test_a_name_that_is_taken_over_is_asked_for_less_and_less() -> None:
    found = ends(Pauses(random.Random(1)), *[1.0] * 12, taken_over=True)
    assert all(2 ** (n + 1) / 2 <= pause_s <= 2 ** (n + 1) for n, pause_s in enumerate(found[:7]))
    assert all(LONGEST_S / 2 <= pause_s <= LONGEST_S for pause_s in found[7:])


def test_two_of_one_name_do_not_go_on_in_step() -> None:
    one, other = (ends(Pauses(random.Random(seed)), *[1.0] * 8, taken_over=True) for seed in (1, 2))
    assert all(abs(a - b) > 0.01 for a, b in zip(one, other, strict=True))


def test_a_long_time_with_the_name_to_itself_makes_it_ours_again() -> None:
    pauses = Pauses(random.Random(1))
    grown = ends(pauses, *[1.0] * 8, 100.0, taken_over=True)
    assert grown[-1] > LONGEST_S / 2 - 1, "the other only waited"
    (again,) = ends(pauses, 700.0, taken_over=True, now_s=10_000.0)
    assert again <= 2.0


def test_a_broker_that_does_not_say_why_is_asked_less_too_and_the_reason_guessed() -> None:
    pauses = Pauses(random.Random(1))
    found = ends(pauses, 0.5, 0.5)
    assert [len(found), pauses.is_suspicious] == [2, False]
    found += ends(pauses, *[0.5] * 6)
    assert [len(found), pauses.is_suspicious] == [8, True]
    assert found[-1] >= 15.0
    # Both wait about as long as the other lasts: that is no long time.
    assert ends(pauses, *[25.0] * 10)[-1] >= 15.0


def test_a_link_that_breaks_now_and_then_is_back_at_once() -> None:
    pauses = Pauses(random.Random(1))
    assert max(ends(pauses, *[40.0] * 20)) <= 1.0
    ends(pauses, *[0.5] * 8)
    assert ends(pauses, 100.0)[0] <= 1.0
