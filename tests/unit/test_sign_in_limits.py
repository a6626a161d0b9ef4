"""Whoever guesses gets slower; whoever sits at his usual place does not feel it."""

from aggregator.people.sign_in_limits import FREE, SignInLimits, place_of


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_some_slips_cost_nothing_and_more_cost_longer_and_longer() -> None:
    clock = Clock()
    limits = SignInLimits(clock)
    for _ in range(FREE):
        assert limits.wait_s("li", "a", known=True) == 0
        limits.begun("li", "a", known=True)
    first = limits.wait_s("li", "a", known=True)
    assert 59 < first <= 60
    clock.now_s += 61
    assert limits.wait_s("li", "a", known=True) == 0
    for _ in range(200):
        limits.begun("li", "a", known=True)
    assert limits.wait_s("li", "a", known=True) <= 900, "never for good"
    clock.now_s += 3601
    limits.begun("li", "a", known=True)
    assert limits.wait_s("li", "a", known=True) == 0, "an hour later it begins anew"


def test_a_stranger_locks_nobody_out_who_is_known() -> None:
    limits = SignInLimits(Clock())
    for number in range(10_000):
        limits.begun("li", f"stranger {number % 500}", known=False)
    assert limits.wait_s("li", "stranger 600", known=False) > 0, "a stranger from a new place waits, too"
    assert limits.wait_s("li", "browser of li", known=True) == 0
    assert limits.wait_s("wang", "desk", known=True) == 0


def test_one_place_that_tries_many_names_waits_and_others_do_not() -> None:
    limits = SignInLimits(Clock())
    for number in range(30):
        limits.begun(f"name {number}", "one place", known=False)
    assert limits.wait_s("li", "one place", known=False) > 0
    assert limits.wait_s("li", "another", known=False) == 0


def test_memory_is_bounded_and_an_administrator_forgives() -> None:
    limits = SignInLimits(Clock())
    for number in range(60_000):
        limits.begun(f"name {number}", f"place {number}", known=False)
    assert len(limits._failures) <= 20_000
    for _ in range(9):
        limits.begun("li", "here", known=True)
    assert limits.wait_s("li", "here", known=True) > 0
    limits.forgive("li")
    assert limits.wait_s("li", "here", known=True) == 0
    for _ in range(60):
        limits.begun("li", "the desk's address", known=False)
    limits.forgive("li")
    assert limits.wait_s("li", "the desk's address", known=False) == 0, "from everywhere"


def test_many_at_once_count_before_they_are_looked_at_and_a_success_counts_for_none() -> None:
    limits = SignInLimits(Clock())
    for _ in range(40):
        limits.begun("li", "desk", known=False)
        limits.succeeded("li", "desk", known=False)
    assert limits.wait_s("li", "desk", known=False) == 0
    assert limits.wait_s("wang", "desk", known=False) == 0


def test_an_address_of_a_network_counts_as_the_network() -> None:
    assert place_of("2001:db8::1:2:3:4") == place_of("2001:db8::9") != place_of("2001:db8:0:1::9")
    assert place_of("192.0.2.7") == "192.0.2.7"
    assert place_of("testclient") == "testclient"
