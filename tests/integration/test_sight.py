"""What is the matter with cameras' pictures, at the centre: priority, end, what is expected, and one cause for many."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from aggregator.alerting import conditions
from aggregator.domains.cameras.domain import confirmed
from aggregator.signals.declarations import domains
from aggregator.signals.signal import Signal, Subject
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.events import CameraState, ConfigApplied, LineSpec, SightChanged, SightFault
from shared.topics import Address
from tests.integration.house import POINTS, House, camera, crossed, now_ms


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    return House(database, connection)


def seen(
    fault: SightFault, *, active: bool = True, number: int = 0, expected: bool = False, figure: int = 0
) -> SightChanged:
    return SightChanged(now_ms(), 1, number, fault, active, figure, expected, "why")


def test_what_may_hide_who_comes_has_the_priority_of_the_armed_line(house: House) -> None:
    house.send(seen(SightFault.COVERED, figure=700), seen(SightFault.DIRTY))
    assert house.alerts() == [], "many may have it at once"
    house.wait(10)
    assert house.alerts() == [("sight_covered", "camera", "a", "gate", "open")]
    row = house.connection.execute("SELECT priority, detail FROM alert_views").fetchone()
    assert row == {"priority": 1, "detail": {"why": "why", "figure": 0.7}}
    house.wait(20)
    rows = house.connection.execute("SELECT condition, priority FROM alert_views ORDER BY id").fetchall()
    assert rows[1] == {"condition": "sight_dirty", "priority": 4}
    house.send(seen(SightFault.COVERED, active=False))
    house.wait(60)
    assert [each[-1] for each in house.alerts()] == ["ended", "open"]


def test_what_the_configuration_says_is_so_rings_nobody_until_it_is_no_more(house: House) -> None:
    house.send(seen(SightFault.DARK, expected=True))
    house.wait(3600)
    assert house.alerts() == []
    house.send(seen(SightFault.DARK))
    house.wait(10)
    assert house.alerts() == [("sight_dark", "camera", "a", "gate", "open")]
    house.send(seen(SightFault.DARK, expected=True))
    house.wait(60)
    assert house.alerts() == [("sight_dark", "camera", "a", "gate", "ended")]


def test_a_state_of_blindness_rings_by_its_fault_alone(house: House) -> None:
    house.send(camera(CameraState.STALLED))
    house.wait(20)
    house.send(camera(CameraState.BLIND), seen(SightFault.COVERED))
    house.wait(60)
    assert house.alerts() == [
        ("camera_blind", "camera", "a", "gate", "ended"),
        ("sight_covered", "camera", "a", "gate", "open"),
    ]


def test_a_box_that_began_anew_ends_what_it_no_longer_sees(house: House) -> None:
    house.send(seen(SightFault.COVERED), seen(SightFault.NOISE))
    house.wait(30)
    house.connection.execute("UPDATE conditions SET told_at = told_at - interval '2 minutes'")

    def beat(sight: str) -> list[str]:
        cameras = [{"name": "gate", "state": "watching", "sight": sight}]
        house.beat(health=json.dumps({"cameras": cameras}))
        house.look()
        house.wait(60)
        return [each[-1] for each in house.alerts()]

    assert beat("") == ["open", "open"], "it does not know yet"
    assert beat("noise") == ["ended", "open"]
    assert beat("clear") == ["ended", "cleared"], "of priority 4 nobody has to see it"


def test_a_fault_whose_event_was_lost_rings_by_the_heartbeat(house: House) -> None:
    cameras = [{"name": "gate", "state": "blind", "sight": "covered,dirty,of a later version"}]
    house.beat(health=json.dumps({"cameras": cameras}))
    house.look()
    house.wait(30)
    rows = house.connection.execute("SELECT condition, priority FROM alert_views ORDER BY condition").fetchall()
    assert [(row["condition"], row["priority"]) for row in rows] == [("sight_covered", 1), ("sight_dirty", 4)]


def cameras(number: int) -> ConfigApplied:
    lines = tuple(LineSpec(n, f"line {n}", POINTS, "both", 2) for n in range(number))
    return ConfigApplied(now_ms(), 1, tuple(f"camera {n}" for n in range(number)), lines)


def test_eight_cameras_behind_one_dead_switch_are_one_alert(house: House) -> None:
    house.send(cameras(8), agent="box")
    gone = camera(CameraState.UNREACHABLE)
    for number in range(8):
        event = type(gone)(now_ms(), 1, number, CameraState.UNREACHABLE, "no route")
        house.send(event, agent="box", settle=False)
    house.settle()
    house.wait(20)
    assert house.alerts() == [("camera_blind", "camera", "open")]
    row = house.connection.execute("SELECT site, members FROM alert_views").fetchone()
    assert row == {"site": "s", "members": 8}


def test_a_site_without_power_is_one_alert(house: House) -> None:
    for number in range(4):
        house.beat(f"box-{number}", state="silent")
    house.look()
    house.wait(15)
    assert house.alerts() == [("box_silent", "box", "open")]


def test_a_hundred_boxes_in_fog_are_one_alert(database: Database, connection: Connection, house: House) -> None:
    sites = [House(database, connection, site=f"site-{number}") for number in range(20)]
    for site in sites:
        for number in range(5):
            site.send(cameras(1), seen(SightFault.FAINT), agent=f"box-{number}", settle=False)
    house.settle()
    house.wait(300)
    assert house.alerts() == [("sight_faint", "camera", "open")]
    row = connection.execute("SELECT members FROM alert_views").fetchone()
    assert row == {"members": 100}
    origins = connection.execute("SELECT count(*) AS pictured FROM alert_origins").fetchone()
    assert origins == {"pictured": 0}, "who may see one of the cameras may not see the pictures of all"


def test_two_cameras_that_are_covered_are_two_alarms(house: House) -> None:
    house.send(cameras(4), agent="box")
    house.send(*(seen(SightFault.COVERED, number=number) for number in range(4)), agent="box")
    house.wait(10)
    assert len(house.alerts()) == 4, "each has a picture of its own"


def test_a_view_is_confirmed_by_who_may_arm_and_the_box_is_told(
    house: House, connection: Connection, client: httpx.Client
) -> None:
    answer = client.put("/api/v1/boxes/s/a/views", json={"camera": "yard"})
    assert answer.status_code == 404
    assert "it has: gate" in answer.json()["detail"]
    assert confirmed(connection, Address("s", "a")).cameras == ()
    done = client.put("/api/v1/boxes/s/a/views", json={"camera": "gate"}).json()
    assert (done["camera"], done["confirmed_by"]) == ("gate", "this machine")
    (first,) = confirmed(connection, Address("s", "a")).cameras
    client.put("/api/v1/boxes/s/a/views", json={"camera": "gate"})
    (second,) = confirmed(connection, Address("s", "a")).cameras
    assert (first.camera, second.camera) == ("gate", "gate")
    assert second.at_ms > first.at_ms
    row = connection.execute("SELECT version FROM desired_sections WHERE section = 'views'").fetchone()
    assert row
    assert int(row["version"]) >= 2


def test_lines_of_a_view_that_moved_ring_and_say_so(house: House, connection: Connection) -> None:
    house.send(crossed(1), seen(SightFault.MOVED), crossed(2))
    house.send(crossed(3))
    rows = connection.execute("SELECT detail FROM alert_views WHERE condition = 'tripwire' ORDER BY id").fetchall()
    assert [row["detail"].get("view") for row in rows] == [None, None, "moved"]
    house.send(seen(SightFault.MOVED, active=False))
    house.send(crossed(4))
    row = connection.execute("SELECT detail FROM alert_views ORDER BY id DESC LIMIT 1").fetchone()
    assert row
    assert "view" not in row["detail"]


@pytest.mark.parametrize("heartbeat_first", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_heartbeat_takes_nothing_from_the_event_that_said_what(
    house: House, *, heartbeat_first: bool, known: bool
) -> None:
    """Both say of one camera that it is covered; only the event says how much, and has pictures."""
    house.send(seen(SightFault.NOISE))
    if known:
        house.send(seen(SightFault.COVERED), seen(SightFault.COVERED, active=False))
        house.wait(120)
    subject, at = Subject("camera", "s", "a", "gate", ""), datetime.now(UTC)
    condition = domains().conditions["sight_covered"]
    (producer,) = house.connection.execute("SELECT id FROM producers").fetchall()
    told = {"origin": (producer["id"], 0, 10_000), "detail": {"figure": 0.7}}
    event = Signal(subject, "sight_covered", True, at - timedelta(seconds=5), 1, **told)
    heartbeat = Signal(subject, "sight_covered", True, at, 1)
    for said in (heartbeat, event) if heartbeat_first else (event, heartbeat):
        with house.connection.transaction():
            conditions.note(house.connection, [(said, condition)])
    row = house.connection.execute(
        "SELECT detail, told_seq, active FROM conditions WHERE (subject, condition) = ('camera', 'sight_covered')"
    ).fetchone()
    assert row == {"detail": {"figure": 0.7}, "told_seq": 10_000, "active": True}
