"""Lines that have gone quiet, by counts in a database: told once, over with the next crossing, only if watched."""

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.config import HabitSettings
from aggregator.domains.lines.usual_judge import look
from aggregator.store import Database
from aggregator.store.database import Connection
from tests.integration.house import House, configuration

HOUR = timedelta(hours=1)
SETTINGS = HabitSettings("UTC")
NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    return House(database, connection)


def cross(house: House, at: datetime, crossings: int) -> None:
    quarter = at.replace(minute=0, second=0, microsecond=0)
    house.connection.execute(
        "INSERT INTO counts (producer_id, revision, line, object, direction, quarter, crossings)"
        " SELECT id, 1, 0, 0, 1, %s, %s FROM producers WHERE agent = 'a'",
        (quarter, crossings),
    )


def cover(house: House, first: datetime, last: datetime) -> None:
    day = first.date()
    while day <= last.date():
        house.connection.execute(
            "INSERT INTO coverage (site, agent, camera, day, covered, total)"
            " VALUES ('s', 'a', 'gate', %s, array_fill(900000, ARRAY[96]), 86400000)",
            (day,),
        )
        day += timedelta(days=1)


def judge(house: House, now: datetime) -> list[tuple[str, ...]]:
    look(house.connection, now, SETTINGS)
    house.settle()
    house.wait(60)
    return [each for each in house.alerts() if each[0].startswith("line_")]


def test_a_line_that_died_is_told_and_over_with_its_next_crossing(house: House) -> None:
    begin, died = NOW - timedelta(days=60), NOW - timedelta(days=5)
    cover(house, begin, NOW + timedelta(days=2))
    at = begin
    while at < died:
        cross(house, at, 10 + at.hour % 3)
        at += HOUR
    assert judge(house, died + HOUR) == []
    assert judge(house, NOW) == [("line_quiet", "line", "a", "gate", "in", "open")]
    assert judge(house, NOW + HOUR) == [("line_quiet", "line", "a", "gate", "in", "open")], "told once"
    row = house.connection.execute("SELECT detail FROM alert_views WHERE condition = 'line_quiet'").fetchone()
    assert row
    assert 1000 < row["detail"]["expected"] < 1600
    cross(house, NOW + 2 * HOUR, 3)
    assert judge(house, NOW + 3 * HOUR + timedelta(minutes=30))[0][-1] in ("ended", "cleared")


def test_a_silence_behind_a_camera_that_was_not_well_is_none(house: House) -> None:
    begin, died = NOW - timedelta(days=60), NOW - timedelta(days=5)
    cover(house, begin, died - timedelta(days=1))
    at = begin
    while at < died:
        cross(house, at, 12)
        at += HOUR
    assert judge(house, NOW) == []


def test_what_was_told_of_a_line_that_is_no_more_is_over(house: House) -> None:
    begin, died = NOW - timedelta(days=60), NOW - timedelta(days=5)
    cover(house, begin, NOW)
    at = begin
    while at < died:
        cross(house, at, 12)
        at += HOUR
    judge(house, NOW)
    changed = configuration("gate")
    other = type(changed)(changed.at_ms, 2, changed.cameras, ())
    house.send(other)
    assert judge(house, NOW)[0][-1] in ("ended", "cleared")


def test_two_lines_of_one_name_stop_no_judge(house: House) -> None:
    changed = configuration("gate")
    house.send(type(changed)(changed.at_ms, 2, ("gate", "gate"), (*changed.lines, *changed.lines)))
    begin = NOW - timedelta(days=3)
    cover(house, begin, NOW)
    cross(house, begin, 4)
    assert judge(house, NOW) == []
    row = house.connection.execute("SELECT count(*) AS kept FROM line_usual").fetchone()
    assert row == {"kept": 1}
