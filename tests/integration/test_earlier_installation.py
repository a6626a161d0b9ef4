"""An installation of before subjects and signals comes up with everything that it had.

`tests/fixtures/installation-21` is a backup that the version of migration 21 wrote: a box with lines, zones, hits,
pictures and verdicts, one whose configuration never came, an enrolled box, arming, places, audit, and an alarm that
waits in the inbox.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.config import load_aggregator_settings
from aggregator.installation.backup import restore
from aggregator.store import Database, audit
from aggregator.store.describe import described, expected

_LATER = timedelta(hours=1)
"""When it comes up again, at the least."""
FIXTURE = Path(__file__).parents[1] / "fixtures" / "installation-21"


@pytest.fixture
def restored(empty_database: Database, tmp_path: Path) -> Database:
    config = tmp_path / "aggregator.toml"
    config.write_text(f'data_dir = "data"\n[database]\ndsn = {json.dumps(empty_database.dsn)}\n')
    restore(load_aggregator_settings(config), config, FIXTURE)
    return empty_database


def test_everything_is_there(restored: Database, tmp_path: Path) -> None:
    with restored.connect("test") as connection:
        assert described(connection) == expected()
        rows = connection.execute("SELECT * FROM alert_views ORDER BY id").fetchall()
        shown = ("condition", "subject", "site", "agent", "camera", "name")
        told = [tuple(row[name] for name in shown) for row in rows]
        assert told == [
            ("tripwire", "line", "north", "g2", "?", "line 5"),
            ("tripwire", "line", "north", "g1", "gate", "北门"),
            ("tripwire", "line", "north", "g1", "gate", "北门"),
            ("intrusion", "zone", "north", "g1", "yard", "yard"),
            ("list_hit", "line", "north", "g1", "gate", "北门"),
        ]
        assert [row["detail"].get("direction") for row in rows][1:3] == ["left_to_right", "right_to_left"]
        assert [(row["acknowledged_by"], row["verdict"], row["corrected_by"]) for row in rows[:2]] == [
            ("li", None, None),
            ("li", "true", "wang"),
        ]
        assert [row["pictures"] for row in rows] == [0, 1, 0, 0, 0]
        assert sum(row["crossings"] for row in connection.execute("SELECT crossings FROM counts")) == 24
        assert [entry.what for entry in audit.entries(connection)][-1:] == ["POST /api/v1/alerts"]
        assert audit.verify(connection, lambda: pytest.fail("there is no anchor")).last == 2
        rows_of = {"devices": 1, "arming": 1, "desired_sections": 1, "places": 2, "sensors": 1, "coverage": 1}
        for table, number in rows_of.items():
            row = connection.execute(f"SELECT count(*) AS n FROM {table}".encode()).fetchone()
            assert row == {"n": number}, table
    assert len(list((tmp_path / "data" / "evidence").rglob("*.jpg"))) == 1


def test_what_waited_in_the_inbox_rings_and_what_was_open_is_joined_no_more_than_before(restored: Database) -> None:
    engine = AlertingEngine(restored, Publishing(), timedelta(seconds=30), now=lambda: datetime.now(UTC) + _LATER)
    with restored.connect("alerting") as connection:
        while engine.take(connection):
            pass
        (newest,) = connection.execute("SELECT * FROM alert_views ORDER BY id DESC LIMIT 1").fetchall()
        # Its quarter of an hour is long over: it is told as what happened while the centre did not hear of it.
        assert (newest["condition"], newest["subject"], newest["agent"]) == ("while_away", "box", "g1")
        ledger = connection.execute("SELECT sum(alarms) AS alarms FROM cursors").fetchone()
        members = connection.execute("SELECT count(*) AS n FROM alert_members").fetchone()
        assert ledger and members and ledger["alarms"] == members["n"]


def test_a_configuration_that_comes_at_last_names_the_line_of_an_alert_of_before(restored: Database) -> None:
    with restored.connect("test") as connection:
        connection.execute("INSERT INTO config_cameras SELECT id, 3, 0, 'cam' FROM producers WHERE agent = 'g2'")
        connection.execute(
            "INSERT INTO config_lines (producer_id, revision, line, camera, name, points, direction, priority)"
            " SELECT id, 3, 5, 0, '南门', '[]', 'both', 2 FROM producers WHERE agent = 'g2'"
        )
        row = connection.execute("SELECT camera, name, detail FROM alert_views WHERE agent = 'g2'").fetchone()
        assert row == {"camera": "cam", "name": "南门", "detail": {"direction": "left_to_right"}}
