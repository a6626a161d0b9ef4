"""What wears a box out: heat, a weak power supply, a disk that fills; each told with its figure, and over."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.domains.boxes.storage_judge import look
from aggregator.store import Database
from aggregator.store.database import Connection
from edge_agent.health import card_wear, throttled
from tests.integration.house import House

GIB = 2**30
NOW = datetime.now(UTC)


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    return House(database, connection)


def test_heat_and_throttling_are_told_with_their_figures_and_are_over(house: House) -> None:
    house.beat(health=json.dumps({"cpu_temperature_c": 84.6, "throttled": "too little voltage"}))
    house.look()
    house.wait(60)
    rows = house.connection.execute("SELECT condition, detail FROM alert_views ORDER BY condition").fetchall()
    assert [(row["condition"], row["detail"]) for row in rows] == [
        ("box_hot", {"temperature_c": 85}),
        ("box_throttled", {"why": "too little voltage"}),
    ]
    house.beat(health=json.dumps({"cpu_temperature_c": 61.0}))
    house.look()
    house.wait(300)
    assert {each[-1] for each in house.alerts()} <= {"ended", "cleared"}


@pytest.mark.parametrize(
    ("told", "meant"),
    [("50005", "too little voltage, throttled"), ("50000", ""), ("8\n", "too hot"), ("nonsense", "")],
)
def test_a_raspberry_pi_says_why_it_is_slow(told: str, meant: str, tmp_path: Path) -> None:
    (tmp_path / "get_throttled").write_text(told)
    assert throttled(tmp_path / "get_throttled") == meant
    assert throttled(tmp_path / "absent") == ""


def sample(house: House, ago_h: float, free: float) -> None:
    house.connection.execute(
        "INSERT INTO health_samples"
        " (site, agent, at, cameras, watching, dropped, waiting, pictures, disk_free, load_1m, clock_off_s)"
        " VALUES ('s', 'a', %s, 1, 1, 0, 0, 0, %s, 0, 0)",
        (NOW - timedelta(hours=ago_h), int(free)),
    )


def test_a_disk_that_will_be_full_within_days_is_told_and_is_over_when_there_is_room(
    house: House,
) -> None:
    for hour in range(72):
        sample(house, hour, 4 * GIB + hour * GIB / 24)  # a gibibyte a day, four are left
    assert look(house.connection, NOW) == 1
    house.settle()
    row = house.connection.execute("SELECT detail FROM alert_views WHERE condition = 'disk_fills'").fetchone()
    assert row
    assert row["detail"]["full_in_days"] == pytest.approx(4.0, abs=0.1)
    house.look()
    assert look(house.connection, NOW) == 0, "told once, and no other judge ends it"
    house.connection.execute("UPDATE health_samples SET disk_free = disk_free + %s", (40 * GIB,))
    assert look(house.connection, NOW) == 1
    house.settle()
    house.wait(60)
    assert house.alerts()[-1][-1] in ("ended", "cleared")


@pytest.mark.parametrize("shape", ["saw", "step", "short"])
def test_what_comes_and_goes_and_one_large_file_are_no_trend(house: House, shape: str) -> None:
    for hour in range(72 if shape != "short" else 20):
        sawtooth = (hour % 24) * GIB / 8
        step = 4 * GIB if hour < 5 else 9 * GIB
        sample(house, hour, {"saw": 2 * GIB + sawtooth, "step": step, "short": 4 * GIB + hour * GIB}[shape])
    assert look(house.connection, NOW) == 0


def test_flash_that_is_nearly_worn_out_is_told_and_a_new_one_is_not(house: House) -> None:
    house.beat(health=json.dumps({"card_wear": 80}))
    house.look()
    house.wait(60)
    assert house.alerts() == []
    house.beat(health=json.dumps({"card_wear": 110}))
    house.look()
    house.wait(60)
    row = house.connection.execute("SELECT condition, detail FROM alert_views").fetchone()
    assert row is not None
    assert (row["condition"], row["detail"]) == ("card_worn", {"used": 100})
    house.beat()
    house.look()
    house.wait(60)
    assert [each[-1] for each in house.alerts()] == ["cleared"]


@pytest.mark.parametrize(
    ("life", "spare", "meant"),
    [
        ("0x02 0x01", "0x01", 20),
        ("0x0B 0x03", "0x01", 110),
        ("0x01 0x01", "0x02", 90),
        ("0x00 0x00", "0x00", 0),
        ("?", "", 0),
    ],
)
def test_flash_says_how_worn_it_is(life: str, spare: str, meant: int, tmp_path: Path) -> None:
    card = tmp_path / "mmc0" / "mmc0:0001"
    card.mkdir(parents=True)
    (card / "life_time").write_text(life)
    (card / "pre_eol_info").write_text(spare)
    assert card_wear(tmp_path) == meant
    assert card_wear(tmp_path / "absent") == 0
