"""Whatever is the matter with a subject rings in its own name, and is over when its judge says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from aggregator.alerting import alerts, conditions, inbox
from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.config import WebhookSettings
from aggregator.domains.lines import domain as lines
from aggregator.domains.webhooks.sender import WebhookSender
from aggregator.people.principal import Principal
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.scope import EVERYWHERE
from shared.clock import SystemClock
from shared.events import CameraState, Direction, ListHit, SensorChanged, SensorState
from tests.integration.house import House, camera, configuration, crossed, now_ms
from tests.integration.test_webhooks import Receiver

LI = Principal("li", EVERYWHERE)


@pytest.fixture
def house(database: Database, connection: Connection) -> House:
    return House(database, connection)


def test_a_blind_camera_behind_an_armed_line_has_its_priority_and_is_over_when_it_sees(house: House) -> None:
    house.send(camera(CameraState.STALLED))
    assert house.alerts() == [], "it may be back at once"
    house.wait(20)
    assert house.alerts() == [("camera_blind", "camera", "a", "gate", "open")]
    row = house.connection.execute("SELECT priority, detail FROM alert_views").fetchone()
    assert row == {"priority": 1, "detail": {"state": "stalled", "why": "why"}}
    house.send(camera(CameraState.WATCHING))
    assert house.alerts() == [("camera_blind", "camera", "a", "gate", "open")], "it may be gone again at once"
    house.send(camera(CameraState.CRASHED))
    house.wait(600)
    assert len(house.alerts()) == 1, "what comes and goes is one alert"
    house.send(camera(CameraState.WATCHING))
    house.wait(60)
    assert house.alerts() == [("camera_blind", "camera", "a", "gate", "ended")], "an operator has to see it"
    assert house.told() == ["raised", "ended"]
    alert = alerts.acknowledge(house.connection, LI, 1, Publishing())
    assert (alert.cleared_by, alert.verdict) == ("li", None)
    house.send(camera(CameraState.UNREACHABLE))
    house.wait(20)
    assert [each[-1] for each in house.alerts()] == ["cleared", "open"], "another time is another alert"


def test_a_camera_that_was_gone_for_a_moment_rings_nobody(house: House) -> None:
    house.send(camera(CameraState.STALLED))
    house.send(camera(CameraState.WATCHING))
    house.wait(3600)
    assert house.alerts() == []


def test_a_camera_without_an_armed_line_is_for_maintenance_and_clears_itself(house: House) -> None:
    house.connection.execute(
        "INSERT INTO arming (site, agent, camera, name, armed, changed_by) VALUES ('s', 'a', 'gate', 'in', false, 'li')"
    )
    house.send(camera(CameraState.UNREACHABLE))
    house.wait(20)
    assert house.connection.execute("SELECT priority FROM alerts").fetchone() == {"priority": 3}
    house.send(camera(CameraState.WATCHING))
    house.wait(60)
    assert house.alerts() == [("camera_blind", "camera", "a", "gate", "cleared")]


def test_a_camera_that_its_box_no_longer_has_is_not_blind(house: House) -> None:
    house.send(camera(CameraState.UNREACHABLE))
    house.wait(20)
    house.send(configuration("yard"))
    house.wait(60)
    assert [each[-1] for each in house.alerts()] == ["ended"]


def test_what_a_box_said_later_counts_whatever_its_clock_says_and_in_whichever_order_it_comes(house: House) -> None:
    house.send(camera(CameraState.STALLED), settle=False)
    house.send(camera(CameraState.WATCHING, ago_s=90), settle=False)
    house.wait(600)
    assert house.alerts() == []
    house.send(camera(CameraState.UNREACHABLE, ago_s=80))
    house.wait(600)
    assert [each[-1] for each in house.alerts()] == ["open"]


def test_that_it_is_over_is_known_when_that_it_began_comes_late(house: House) -> None:
    tamper, normal = (
        SensorChanged(now_ms(ago), "s", "door", state, 2, "")
        for ago, state in ((480, SensorState.TAMPER), (20, SensorState.NORMAL))
    )
    house.send(tamper, normal, settle=False)
    row = house.connection.execute("SELECT body FROM inbox WHERE late").fetchone()
    house.connection.execute("DELETE FROM inbox WHERE late")
    house.settle()
    assert row
    house.connection.execute("INSERT INTO inbox (late, body) VALUES (true, %s)", (row["body"],))
    house.settle()
    assert house.alerts() == []


def test_a_heartbeat_sets_right_what_was_lost_in_both_directions(house: House) -> None:
    house.send(camera(CameraState.STALLED))
    house.wait(20)
    house.connection.execute("UPDATE conditions SET told_at = told_at - interval '2 minutes'")
    house.beat(health='{"cameras": [{"name": "gate", "state": "watching"}]}')
    house.look()
    house.wait(60)
    assert [each[-1] for each in house.alerts()] == ["ended"]
    house.connection.execute("UPDATE conditions SET told_at = told_at - interval '2 minutes'")
    house.beat(health='{"cameras": [{"name": "gate", "state": "unreachable", "detail": "no route"}]}')
    house.look()
    house.wait(20)
    assert [each[-1] for each in house.alerts()] == ["ended", "open"]
    row = house.connection.execute("SELECT priority, detail FROM alerts ORDER BY id DESC LIMIT 1").fetchone()
    assert row == {"priority": 1, "detail": {"state": "unreachable", "why": "no route"}}


def test_a_housing_that_was_opened_and_closed_at_once_rings(house: House) -> None:
    house.send(
        *(SensorChanged(now_ms(), "s", "door", state, 2, "") for state in (SensorState.TAMPER, SensorState.NORMAL))
    )
    assert house.alerts() == [("sensor_tamper", "sensor", "a", "s", "open")]
    house.wait(60)
    assert house.alerts() == [("sensor_tamper", "sensor", "a", "s", "ended")]


def test_what_comes_again_after_an_operator_cleared_it_rings(house: House) -> None:
    house.send(camera(CameraState.STALLED))
    house.wait(20)
    alerts.clear(house.connection, LI, 1, "true", Publishing())
    house.wait(600)
    assert len(house.alerts()) == 1, "it goes on, and the operator knows"
    house.send(camera(CameraState.WATCHING))
    house.send(camera(CameraState.STALLED))
    house.wait(20)
    assert [each[-1] for each in house.alerts()] == ["cleared", "open"]


def test_a_second_outage_of_many_rings_though_one_box_of_the_first_is_away_still(house: House) -> None:
    def silent(first: int, ago: str = "0 s") -> None:
        house.connection.execute(
            "INSERT INTO agents (site, agent, state, state_since) SELECT 's', 'n' || n, 'silent', now() - %s::interval"
            " FROM generate_series(%s::int, %s + 9) n",
            (ago, first, first),
        )
        house.look()
        house.wait(15)

    silent(1, "1 hour")
    house.connection.execute("UPDATE agents SET state = 'online' WHERE agent <> 'n3'")
    house.look()
    house.wait(30)
    assert house.alerts() == [("box_silent", "box", "open")]
    silent(20)
    assert house.alerts() == [("box_silent", "box", "open")] * 2
    assert house.told() == ["raised", "raised"]
    rows = conditions.subjects(house.connection, EVERYWHERE, 1, 100)
    assert [(row.agent, row.active) for row in rows] == [("n3", True)], "whom it is about"


def test_a_name_that_no_table_takes_keeps_nothing_back(house: House) -> None:
    house.send(SensorChanged(now_ms(), "a\0b", "door", SensorState.ALARM, 2, "\0"), crossed(1))
    assert sorted(each[0] for each in house.alerts()) == ["sensor_alarm", "tripwire"]


def test_a_row_that_cannot_be_taken_is_put_aside_and_those_behind_it_ring(
    house: House, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = lines.judged

    def fails(occurrence: Occurrence, *more: Any) -> Signal:
        if occurrence.event.track == 13:
            raise ValueError("thirteen")
        return judge(occurrence, *more)

    monkeypatch.setattr(lines, "judged", fails)
    for track in (1, 13, 2):
        house.send(crossed(track), settle=False)
    house.settle()
    assert len(house.alerts()) == 2
    assert connection.execute("SELECT detail FROM dead_letters").fetchone() == {
        "detail": "an inbox row cannot be taken: thirteen"
    }


def test_a_silent_box_rings_and_is_over_when_it_is_back(house: House) -> None:
    house.beat(state="silent")
    house.look()
    house.wait(15)
    assert house.alerts() == [("box_silent", "box", "a", "open")]
    house.beat(state="unknown")
    house.look()
    house.wait(60)
    assert house.alerts() == [("box_silent", "box", "a", "open")], "what cannot be heard is not known to be back"
    house.beat()
    house.look()
    house.wait(30)
    assert house.alerts() == [("box_silent", "box", "a", "ended")]


def test_when_the_broker_goes_there_is_one_alert_and_not_one_of_each_box(house: House) -> None:
    house.connection.execute(
        "INSERT INTO agents (site, agent, last_seen_at) SELECT 's', 'n' || n, now() FROM generate_series(1, 1100) n"
    )
    house.heard(well=False)
    house.judge.judge(house.connection)
    house.look()
    house.wait(20)
    assert house.alerts() == [("boxes_unheard", "service", "broker", "open")]
    house.heard(well=True)
    house.judge.judge(house.connection)
    house.look()
    house.wait(15)
    assert house.alerts() == [("boxes_unheard", "service", "broker", "ended")]


def test_very_many_boxes_silent_at_once_are_one_alert_that_ends_with_the_last_of_them(house: House) -> None:
    house.connection.execute(
        "INSERT INTO agents (site, agent, state) SELECT 's', 'n' || n, 'silent' FROM generate_series(1, 1100) n"
    )
    house.look()
    house.wait(15)
    assert house.alerts() == [("box_silent", "box", "open")]
    assert house.connection.execute("SELECT members FROM alerts").fetchone() == {"members": 1100}
    house.connection.execute("UPDATE agents SET state = 'online' WHERE agent <> 'n7'")
    house.look()
    house.wait(30)
    assert house.alerts() == [("box_silent", "box", "open")]
    house.connection.execute("UPDATE agents SET state = 'online'")
    house.look()
    house.wait(30)
    assert house.alerts() == [("box_silent", "box", "ended")]


@pytest.mark.parametrize(
    ("health", "condition"),
    [
        ('{"at_ms": 1}', "clock_wrong"),
        ('{"disk_full": true}', "disk_full"),
        ('{"outbox": "no space left"}', "card_refuses"),
    ],
)
def test_what_a_heartbeat_tells_rings_and_clears_itself(house: House, health: str, condition: str) -> None:
    house.beat(health=health)
    house.look()
    house.wait(60)
    assert house.alerts() == [(condition, "box", "a", "open")]
    house.beat(state="silent")
    house.look()
    house.wait(10)
    assert house.alerts()[0][-1] == "open", "a box that is gone does not say that it is well"
    house.beat()
    house.look()
    house.wait(60)
    assert house.alerts()[0][-1] == "cleared"


def test_two_lives_lost_events_and_a_certificate_near_its_end_ring(house: House) -> None:
    house.beat()
    house.connection.execute("UPDATE agents SET doubled_at = now()")
    house.connection.execute(
        "INSERT INTO gaps (producer_id, lane, first, last, reason) SELECT id, 0, 500, 509, 'never_came' FROM producers"
    )
    house.connection.execute("UPDATE cursors SET missing = '{[500,510)}' WHERE lane = 0")
    house.connection.execute(
        "INSERT INTO devices (site, agent, serial, key, enrolled_at, renewed_at, expires_at)"
        " VALUES ('s', 'a', '1', '', now(), now(), now() + interval '6 days')"
    )
    house.look()
    wanted = [("certificate_ends", "certificate", "a", "open"), ("events_lost", "box", "a", "open")]
    assert sorted(house.alerts()) == [*wanted, ("two_lives", "box", "a", "open")]
    row = house.connection.execute("SELECT detail FROM alerts WHERE condition = 'events_lost'").fetchone()
    assert row == {"detail": {"lost": 10}}


def test_a_sensor_rings_for_an_alarm_and_for_tampering(house: House) -> None:
    def sensor(state: SensorState, what: str = "infrared") -> SensorChanged:
        return SensorChanged(now_ms(), "fence 3", what, state, 2, "")

    house.send(sensor(SensorState.ALARM))
    house.send(sensor(SensorState.NORMAL), sensor(SensorState.ALARM))
    assert house.alerts() == [("sensor_alarm", "sensor", "a", "fence 3", "open")], "held, and the same again joins"
    house.send(sensor(SensorState.TAMPER))
    assert house.alerts()[1:] == [("sensor_tamper", "sensor", "a", "fence 3", "open")]
    house.send(sensor(SensorState.NORMAL))
    house.wait(60)
    assert [each[-1] for each in house.alerts()] == ["open", "ended"]
    house.send(sensor(SensorState.ALARM, "panic"))
    assert house.alerts()[-1] == ("panic", "sensor", "a", "fence 3", "open")


def test_a_second_walker_after_an_acknowledgement_rings(house: House) -> None:
    house.send(crossed(1))
    alerts.acknowledge(house.connection, LI, 1, Publishing())
    house.send(crossed(1))
    house.send(crossed(2))
    assert house.told() == ["raised", "acknowledged", "joined", "raised"]


def test_a_cut_of_fourteen_minutes_loses_no_ring(house: House) -> None:
    house.send(*(crossed(n, ago_s=840 - 10 * n) for n in range(40)))
    assert house.told() == ["raised"] * 40


def test_a_cut_of_three_hours_rings_once_a_box_and_lists_all(house: House) -> None:
    house.send(configuration("gate"), agent="b")
    for hour in (3, 2, 1):
        house.send(*(crossed(100 * hour + n, 3600 * hour - 30 * n, priority=3) for n in range(20)))
    house.send(crossed(1, 7200, priority=3), agent="b")
    assert house.alerts() == [("while_away", "box", "a", "open"), ("while_away", "box", "b", "open")]
    rows = house.connection.execute("SELECT members, priority, first_at FROM alerts ORDER BY id").fetchall()
    assert [(row["members"], row["priority"]) for row in rows] == [(60, 3), (1, 3)]
    assert datetime.now(UTC) - rows[0]["first_at"] > timedelta(hours=2.9), "with their own times"
    assert house.told().count("raised") == 2
    house.send(crossed(999, 1800, priority=1))
    assert house.told()[-1] == "escalated", "what is more urgent than what rang before rings"
    alerts.acknowledge(house.connection, LI, 1, Publishing())
    house.send(crossed(1000, 1700))
    assert house.told()[-1] == "joined", "the rest of the same absence"
    house.connection.execute("UPDATE alerts SET joined_at = now() - interval '16 minutes'")
    house.send(crossed(1001, 1600))
    assert house.told()[-1] == "raised", "another absence"


def test_hits_and_panic_ring_by_themselves_however_late(house: House) -> None:
    three_h = now_ms(3 * 3600)
    house.send(
        ListHit(three_h, 1, 0, Direction.LEFT_TO_RIGHT, 1, 1, 1, 0, 7, 1, 8, 990),
        SensorChanged(three_h, "desk", "panic", SensorState.ALARM, 1, ""),
    )
    assert sorted(each[0] for each in house.alerts()) == ["list_hit", "panic"]


def test_what_an_earlier_version_left_in_the_inbox_rings(house: House, connection: Connection) -> None:
    house.send(crossed(1), settle=False)
    row = connection.execute("SELECT form, body FROM inbox").fetchone()
    assert row and row["form"] == "events"
    connection.execute("UPDATE inbox SET form = DEFAULT")
    house.settle()
    assert house.alerts() == [("tripwire", "line", "a", "gate", "in", "open")]


def test_a_box_cannot_ring_for_more_conditions_than_its_day_has(
    database: Database, connection: Connection, house: House
) -> None:
    house.engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 3)
    house.send(*(SensorChanged(now_ms(), f"s{n}", "door", SensorState.TAMPER, 2, "") for n in range(30)))
    assert len(house.alerts()) == 4


def test_under_maintenance_all_is_recorded_and_rings_nobody_until_it_is_over(
    house: House, connection: Connection, client: httpx.Client
) -> None:
    house.beat()
    body = {"place": "s", "agent": "a", "reason": "换摄像机", "hours": 2}
    begun = client.post("/api/v1/maintenance", json=body)
    assert begun.status_code == 200, begun.text
    assert client.get("/api/v1/boxes").json()[0]["maintenance"] == "换摄像机"
    house.send(crossed(1), camera(CameraState.STALLED))
    house.wait(20)
    assert house.told() == ["recorded", "recorded"]
    rows = client.get("/api/v1/alerts").json()["alerts"]
    assert {(row["quiet"], row["detail"]["maintenance"]) for row in rows} == {(True, "换摄像机")}
    house.send(crossed(2), agent="b")
    assert house.told() == ["recorded", "recorded", "raised"], "another box rings"
    assert client.post(f"/api/v1/maintenance/{begun.json()['id']}/end", json={}).json()["active"] is False
    house.send(crossed(1))
    house.engine._unmute_s = 0.0
    house.settle()
    house.settle()
    assert house.told()[3:] == ["raised", "ended", "raised"], "what goes on rings, and what is still the matter"
    kinds = [(each[0], each[-1]) for each in house.alerts() if "b" not in each]
    assert kinds == [
        ("tripwire", "open"),
        ("camera_blind", "cleared"),
        ("tripwire", "open"),
        ("camera_blind", "open"),
    ]


def test_maintenance_of_a_place_ends_by_itself(house: House, connection: Connection, client: httpx.Client) -> None:
    connection.execute("INSERT INTO places (name, above) VALUES ('station', NULL), ('s', 'station')")
    house.beat()
    assert client.post("/api/v1/maintenance", json={"place": "station", "reason": "r", "hours": 1}).is_success
    house.beat(state="silent")
    house.look()
    house.wait(15)
    assert house.told() == ["recorded"]
    connection.execute("UPDATE maintenance SET until = now()")
    house.engine._unmute_s = 0.0
    house.settle()
    house.settle()
    assert house.told() == ["recorded", "ended", "raised"]
    assert client.get("/api/v1/maintenance").json() == []
    assert len(client.get("/api/v1/maintenance", params={"active": False}).json()) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"place": "nowhere"}, 422, "place 'nowhere' does not exist"),
        ({"place": "s", "agent": "zz"}, 409, "box s/zz does not exist"),
        ({"place": "s", "camera": "gate"}, 409, "name its box"),
        ({"place": "s", "agent": "a", "camera": "gaet"}, 409, "has no camera 'gaet'"),
        ({"place": "s", "hours": 0}, 422, "hours"),
        ({"place": "s", "reason": " "}, 422, "reason"),
    ],
)
def test_maintenance_that_makes_no_sense_is_refused(
    house: House, client: httpx.Client, body: dict[str, object], status: int, said: str
) -> None:
    house.beat()
    answer = client.post("/api/v1/maintenance", json={"reason": "r", "hours": 1} | body)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_what_no_domain_declares_any_more_is_put_aside_and_keeps_nothing_back(
    house: House, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.put(connection, [Signal(Subject("barrier"), "barrier_broken", True, datetime.now(UTC))])
    house.send(crossed(1))
    assert [each[0] for each in house.alerts()] == ["tripwire"]
    assert "no domain declares the condition 'barrier_broken'" in caplog.text
    assert connection.execute("SELECT count(*) AS n FROM dead_letters").fetchone() == {"n": 1}


def test_what_clears_itself_does_not_clear_what_a_person_has_to_see(
    house: House, database: Database, connection: Connection
) -> None:
    house.engine = AlertingEngine(database, Publishing(), timedelta(seconds=30), 1)
    tamper = [SensorChanged(now_ms(), f"s{n}", "door", SensorState.TAMPER, 3, "") for n in range(5)]
    house.send(*tamper, *(crossed(n, priority=3) for n in range(5)))
    normal = [SensorChanged(now_ms(), f"s{n}", "door", SensorState.NORMAL, 3, "") for n in range(5)]
    house.send(*normal)
    house.wait(60)
    left = [each for each in house.alerts() if each[-1] == "open"]
    assert left, "alarms stay"
    assert {each[0] for each in left} == {"tripwire"}


def test_what_happened_before_maintenance_began_rings(house: House, client: httpx.Client) -> None:
    house.beat()
    body = {"place": "s", "agent": "a", "reason": "r", "hours": 2}
    assert client.post("/api/v1/maintenance", json=body).is_success
    house.send(crossed(1, ago_s=60))
    house.send(crossed(2))
    assert house.told() == ["raised", "recorded"]


def test_a_place_that_is_worked_on_may_lose_all_its_boxes_and_one_elsewhere_rings_by_its_name(
    house: House, client: httpx.Client, connection: Connection
) -> None:
    house.beat()
    assert client.post("/api/v1/maintenance", json={"place": "s", "reason": "r", "hours": 1}).is_success
    connection.execute(
        "INSERT INTO agents (site, agent, state) SELECT 's', 'n' || n, 'silent' FROM generate_series(1, 10) n"
        " UNION ALL SELECT 'elsewhere', 'x', 'silent'"
    )
    house.look()
    house.wait(15)
    assert house.told().count("recorded") == 10
    row = connection.execute("SELECT site, agent FROM alerts WHERE NOT quiet").fetchall()
    assert row == [{"site": "elsewhere", "agent": "x"}]


def test_whom_an_alert_is_about_is_told_while_it_is_open(house: House, client: httpx.Client) -> None:
    house.beat(state="silent")
    house.look()
    house.wait(15)
    (about,) = client.get("/api/v1/alerts/1/subjects").json()
    assert (about["agent"], about["active"]) == ("a", True)
    assert client.get("/api/v1/alerts/2/subjects").status_code == 404


def test_boxes_have_the_time_to_come_back_after_we_were_away(house: House, connection: Connection) -> None:
    house.beat(state="silent")
    connection.execute("UPDATE services SET broker_since = now() - interval '20 s'")
    house.look()
    house.wait(15)
    assert house.alerts() == []


def test_a_webhook_that_gave_up_rings_and_is_over_with_the_next_delivery(
    database: Database, connection: Connection
) -> None:
    receiver = Receiver(410)
    webhook = WebhookSettings("desk", receiver.url, "s" * 32)
    house = House(database, connection, Publishing([webhook]))
    sender = WebhookSender(webhook, SystemClock())
    with httpx.Client(trust_env=False) as client:
        house.send(crossed(1))
        assert sender.deliver_one(connection, client)
        house.settle()
        assert house.alerts()[-1] == ("webhook_gave_up", "webhook", "desk", "open")
        receiver.status = 204
        house.send(crossed(2))
        while sender.deliver_one(connection, client):
            pass
        house.settle()
        house.wait(60)
        assert house.alerts()[1] == ("webhook_gave_up", "webhook", "desk", "ended")
    receiver.close()


def test_a_box_beyond_its_bounds_rings_for_maintenance(house: House, connection: Connection) -> None:
    house.beat()
    over = "INSERT INTO over_limits VALUES ('s', 'a', 'events_per_day', now() + interval '10 minutes')"
    connection.execute(over.encode())
    house.look()
    assert house.alerts() == [("over_limits", "box", "a", "open")]
    connection.execute("DELETE FROM over_limits")
    house.look()
    house.wait(900)
    assert house.alerts() == [("over_limits", "box", "a", "cleared")]
