"""What is usual on lines, and how improbable silence and bustle are."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from aggregator.config import HabitSettings
from aggregator.domains.lines.usual import Usual
from aggregator.domains.lines.usual_judge import slot_of
from provisioning.lab.centre.line_years import YEAR, Years, draw, judged


def test_few_false_words_and_every_busy_line_that_dies_is_told() -> None:
    years = draw(40, seed=11, days=YEAR)
    told = judged(years)
    assert sum(map(len, told.still)) <= 3
    assert sum(map(len, told.busy)) <= 3
    dead = years.counts.copy()
    dead[:, 300 * 24 :] = 0
    busy = years.counts.mean(axis=1) * 24 > 30
    assert busy.sum() > 5
    found = judged(Years(dead, years.holidays)).still
    late = [next((hour for hour in found[line] if hour >= 300 * 24), None) for line in np.flatnonzero(busy)]
    assert all(hour is not None and hour < 312 * 24 for hour in late), "within twelve days"


def test_hours_that_were_not_watched_are_no_silence() -> None:
    usual, crossings = Usual.of(1), np.array([20.0])
    none, watched, unwatched = np.zeros(1), np.ones(1, bool), np.zeros(1, bool)
    for hour in range(60 * 24):
        usual.step(hour % 168, crossings, watched, unwatched)
    still = [usual.step(hour % 168, none, unwatched, unwatched)[0][0] for hour in range(30 * 24)]
    assert max(still) == 0.0
    still = [usual.step(hour % 168, none, watched, unwatched)[0][0] for hour in range(14 * 24)]
    assert still[-1] > 1


def test_a_line_that_died_and_was_mended_is_told_again_when_it_dies_again() -> None:
    usual, rng, told = Usual.of(1), np.random.default_rng(3), np.zeros(1, bool)
    found = list[int]()
    for hour in range(300 * 24):
        dead = 100 <= hour // 24 < 114 or 200 <= hour // 24 < 214
        watched = np.array([6 <= hour % 24 < 22])  # what is at night nobody sees
        counts = np.zeros(1) if dead else rng.poisson(2.0, 1) * watched.astype(float)
        still, _ = usual.step(hour % 168, counts, watched, told)
        if still[0] > 1 and not told[0]:
            found.append(hour // 24)
        told = (told | (still > 1)) & ~(counts > 0)
    assert [day // 100 for day in found] == [1, 2]


def test_what_is_known_is_kept_and_another_versions_is_not_taken_for_it() -> None:
    usual, rng = Usual.of(3), np.random.default_rng(1)
    for hour in range(40 * 24):
        usual.step(hour % 168, rng.poisson(5, 3).astype(float), np.ones(3, bool), np.zeros(3, bool))
    kept = usual.packed()
    again = Usual.unpacked(kept)
    np.testing.assert_allclose(again.expects(30), usual.expects(30), rtol=1e-5)
    np.testing.assert_allclose(again.record, usual.record, rtol=1e-5)
    assert Usual.unpacked([None, kept[1][:-4], b""]).days.tolist() == [0, 0, 0]


def test_hours_are_those_of_the_place_and_holidays_a_day_of_their_own() -> None:
    settings = HabitSettings("Asia/Shanghai", ("2027-01-01", "2027-02-06/2027-02-12"))
    assert len(settings.days) == 8
    at = datetime(2027, 1, 3, 23, 0, tzinfo=UTC)  # Monday, seven in the morning
    assert slot_of(at, settings.zone_info, settings.days) == 7
    assert slot_of(datetime(2027, 2, 6, 1, 0, tzinfo=UTC), ZoneInfo("Asia/Shanghai"), settings.days) == 7 * 24 + 9


@pytest.mark.parametrize("wrong", ["2027-02-30", "2027-02-12/2027-02-06", "Monday", "2027-01-01/2029-01-01"])
def test_a_holiday_that_is_none_is_an_error_that_says_what_is_expected(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"holidays: .*expected"):
        HabitSettings(holidays=(wrong,))
