"""What is done by the clock: each job is tried, what fails is written down, tried again and rings, and others go on."""

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import psycopg
import pytest

from aggregator.config import AggregatorSettings, RetentionSettings, WebhookSettings
from aggregator.domains.evidence import exports
from aggregator.domains.operations import job_watch
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.jobs.runner import JobRunner, RunningJob
from aggregator.signals.declarations import Job, domains
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.errors import UnavailableError
from tests.integration.house import House


def running(turn: Turn, job: Job = Job("x", 3600, "")) -> RunningJob:  # noqa: B008
    return RunningJob(job, "jobs", turn, threading.Event())


def registered(connection: Connection, job: Job) -> None:
    """As its process does when it starts."""
    stopped = threading.Event()
    stopped.set()
    RunningJob(job, "jobs", lambda _: None, stopped).serve(connection)


def row(connection: Connection, name: str = "x") -> dict[str, Any]:
    found = connection.execute(job_watch.SQL["jobs"]).fetchall()
    return next(dict(each) for each in found if each["name"] == name)


def test_a_turn_that_fails_is_written_down_and_tried_again_soon(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    errors: list[Exception] = [UnavailableError("away"), KeyError("a fault of ours"), psycopg.DataError("bad")]

    def turn(_: Connection) -> None:
        if errors:
            raise errors.pop(0)

    registered(connection, Job("x", 3600, ""))
    one = running(turn)
    assert [one.take_turn(connection) for _ in range(3)] == [5.0, 10.0, 20.0]
    failed = row(connection)
    assert (failed["state"], failed["failures"], failed["error"], failed["done_at"]) == ("tried_again", 3, "bad", None)
    assert one.take_turn(connection) == 3600
    well = row(connection)
    assert (well["state"], well["failures"], well["failed_since"], well["error"]) == ("well", 0, None, "")
    assert "job x: away; it is tried again in 5 s" in caplog.text
    assert "it is done again" in caplog.text


def test_the_waits_grow_to_its_own_time_and_no_further(connection: Connection) -> None:
    def turn(_: Connection) -> None:
        raise UnavailableError("away")

    registered(connection, Job("x", 60, ""))
    one = running(turn, Job("x", 60, ""))
    assert [one.take_turn(connection) for _ in range(6)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert running(turn, Job("x", 0.5, "")).take_turn(connection) == 1.0


def test_a_turn_that_lost_its_connection_is_written_down_with_the_next_one(
    database: Database, connection: Connection
) -> None:
    """Else a job whose statement ends the connection each time would look well for ever, and be tried every second."""
    job, stopping, waits = Job("x", 60, ""), threading.Event(), list[float]()
    one = RunningJob(
        job, "jobs", lambda mine: mine.execute("SELECT pg_terminate_backend(pg_backend_pid())").close(), stopping
    )
    registered(connection, job)
    for wanted in (5.0, 10.0):
        with database.connect("own", autocommit=True) as own, pytest.raises(psycopg.OperationalError):
            one.take_turn(own)
        waits.append(one._begin(connection))
        assert waits[-1] == wanted
    failed = row(connection)
    assert (failed["failures"], "terminat" in failed["error"]) == (2, True)


def test_when_it_is_due_is_counted_from_its_last_success_over_restarts(connection: Connection) -> None:
    job, waits = Job("x", 3600, "", settles_s=600), list[float]()

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return True

    def start() -> int:
        RunningJob(job, "jobs", lambda _: None, Stopping()).serve(connection)
        return round(waits[-1])

    assert start() == 3600, "the first time"
    connection.execute("UPDATE jobs SET registered_at = now() - interval '2 h'")
    assert start() == 600, "no sooner after a start than it says"
    connection.execute("UPDATE jobs SET done_at = now() - interval '10 min'")
    assert start() == 3000
    connection.execute("UPDATE jobs SET done_at = now() + interval '1 year'")
    assert start() == 3600, "the database's clock was set back"


def test_one_that_fails_for_longer_than_its_patience_rings_and_is_over_when_it_is_done(
    database: Database, connection: Connection
) -> None:
    house = House(database, connection)
    done = threading.Event()

    def turn(_: Connection) -> None:
        if not done.is_set():
            raise UnavailableError("the tape is full")

    registered(connection, Job("archive", 60, ""))
    one = running(turn, Job("archive", 60, ""))

    def watch() -> None:
        job_watch.look(connection)
        house.settle()

    one.take_turn(connection)
    watch()
    assert house.alerts() == [], "it is tried again first"
    connection.execute("UPDATE jobs SET failed_since = failed_since - interval '11 min'")
    watch()
    assert house.alerts() == [], "a restart of everything is no failure"
    house.wait(60)
    assert house.alerts() == [("job_failed", "job", "archive", "open")]
    detail = connection.execute("SELECT detail FROM conditions WHERE condition = 'job_failed'").fetchone()
    assert detail
    assert detail["detail"]["why"] == "the tape is full"
    assert row(connection, "archive")["state"] == "failing"
    assert job_watch.look(connection) == 0, "it is said once"
    done.set()
    one.take_turn(connection)
    watch()
    house.wait(60)
    assert house.alerts() == [("job_failed", "job", "archive", "cleared")]


def test_time_in_which_its_process_was_off_is_no_failure(connection: Connection) -> None:
    job = Job("x", 3600, "")
    registered(connection, job)
    connection.execute(
        "UPDATE jobs SET failures = 1, failed_since = now() - interval '2 days', ended_at = now() - interval '2 days'"
    )
    registered(connection, job)
    assert row(connection)["state"] == "tried_again"


def test_the_watch_beats_only_behind_its_look(database: Database, connection: Connection, tmp_path: Path) -> None:
    turn = resolve_name("aggregator.domains.operations.job_watch:turns")(work(database, tmp_path))
    connection.execute("ALTER TABLE jobs RENAME TO gone")
    with pytest.raises(psycopg.Error):
        turn(connection)
    assert not connection.execute("SELECT FROM services WHERE name = 'jobs'").fetchall()
    connection.execute("ALTER TABLE gone RENAME TO jobs")
    turn(connection)
    assert connection.execute("SELECT FROM services WHERE name = 'jobs'").fetchall()


def test_a_job_that_cannot_be_made_says_so_and_others_go_on(
    database: Database, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = domains()
    broken = Job("broken", 1, "no.such.module:turns")
    monkeypatch.setattr("aggregator.jobs.runner.domains", lambda: replace(ours, jobs=(broken, *ours.jobs)))
    made = work(database, tmp_path)
    runner = JobRunner(database, "jobs")
    runner.start_declared(made, ("jobs",))
    try:
        deadline_s, rows = time.monotonic() + 20, dict[str, dict[str, Any]]()
        while time.monotonic() < deadline_s and not (
            rows.get("broken", {}).get("error") and rows.get("watch-jobs", {}).get("done_at")
        ):
            rows = {each["name"]: dict(each) for each in connection.execute(job_watch.SQL["jobs"])}
            time.sleep(0.05)
        assert "no.such.module:turns cannot be made: ModuleNotFoundError" in rows["broken"]["error"]
        assert rows["watch-jobs"]["done_at"]
    finally:
        runner.stop()
        made.ending.close()


def test_one_that_hangs_or_whose_process_is_gone_rings(database: Database, connection: Connection) -> None:
    house = House(database, connection)
    registered(connection, Job("slow", 60, "", patience_s=120))
    connection.execute("UPDATE jobs SET started_at = now() - interval '2 min', ended_at = now() - interval '2 min'")
    assert job_watch.look(connection) == 0
    connection.execute("UPDATE jobs SET started_at = now() - interval '4 min', ended_at = now() - interval '4 min'")
    assert row(connection, "slow")["state"] == "late"
    job_watch.look(connection)
    house.settle()
    house.wait(60)
    assert house.alerts() == [("job_failed", "job", "slow", "open")]


def work(database: Database, folder: Path, *webhooks: WebhookSettings) -> JobContext:
    settings = AggregatorSettings(folder, webhooks=webhooks)
    return JobContext(database, settings, lambda: None, ExitStack())


def test_every_job_that_is_declared_can_be_done(database: Database, connection: Connection, tmp_path: Path) -> None:
    ours = work(database, tmp_path, WebhookSettings("desk", "http://127.0.0.1:1/", "s" * 32))
    names = set()
    with ours.ending:
        for job in domains().jobs:
            turns = resolve_name(job.turns)(ours)
            for turn in turns.values() if isinstance(turns, dict) else [turns]:
                turn(connection)
            names.add(job.name)
    assert {"retention", "judge-presence", "send-sections", "webhook", "watch-jobs"} <= names


def test_they_run_beside_each_other_and_those_of_before_are_forgotten(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    for name, process in (("gone", "jobs"), ("broker-access", "trust"), ("other", "no longer configured")):
        connection.execute(
            "INSERT INTO jobs (name, process, every_s, patience_s) VALUES (%s, %s, 1, 600)", (name, process)
        )
    runner, hung = JobRunner(database, "jobs"), threading.Event()
    ours = work(
        database, tmp_path, *(WebhookSettings(name, "http://127.0.0.1:1/", "s" * 32) for name in ("desk", "gate 门"))
    )
    runner.start(Job("hangs", 1, ""), lambda _: hung.wait(60) and None)
    try:
        runner.start_declared(ours, ("jobs", "trust"))
        found, deadline_s = set[str](), time.monotonic() + 20
        while not {"webhook/desk", "webhook/gate 门", "watch-jobs"} <= found and time.monotonic() < deadline_s:
            rows = connection.execute("SELECT name FROM jobs WHERE done_at IS NOT NULL")
            found = {each["name"] for each in rows}
            time.sleep(0.05)
        assert {"webhook/desk", "webhook/gate 门", "watch-jobs"} <= found
        there = {each["name"] for each in connection.execute("SELECT name FROM jobs")}
        assert "broker-access" in there
        assert not {"gone", "other"} & there
        beat = connection.execute("SELECT FROM services WHERE name = 'jobs'").fetchone()
        assert beat is not None
    finally:
        hung.set()
        runner.stop()
        ours.ending.close()


def test_a_receiver_whose_authority_cannot_be_read_any_more_is_a_job_that_fails(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    gone = WebhookSettings("desk", "https://127.0.0.1:1/", "s" * 32, ca=tmp_path / "gone.pem")
    (turn,) = resolve_name("aggregator.domains.webhooks.sender:turns")(work(database, tmp_path, gone)).values()
    registered(connection, Job("webhook/desk", 0.5, ""))
    running(turn, Job("webhook/desk", 0.5, "")).take_turn(connection)
    assert "gone.pem" in row(connection, "webhook/desk")["error"]


def test_the_alert_of_a_receiver_that_is_configured_no_more_ends(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    house = House(database, connection)
    connection.execute(
        "INSERT INTO conditions (subject, site, agent, camera, name, condition, active, since, told_at, due_at,"
        " priority, detail)"
        " VALUES ('webhook', '', '', '', 'desk', 'webhook_gave_up', true, now(), now(), now(), 2, '{}')"
    )
    house.settle()
    assert house.alerts() == [("webhook_gave_up", "webhook", "desk", "open")]
    forgetting = resolve_name("aggregator.domains.webhooks.sender:forgetting")
    forgetting(work(database, tmp_path, WebhookSettings("desk", "http://127.0.0.1:1/", "s" * 32)))(connection)
    house.settle()
    house.wait(60)
    assert house.alerts()[0][-1] == "open", "it is still configured"
    forgetting(work(database, tmp_path))(connection)
    house.settle()
    house.wait(60)
    assert house.alerts() == [("webhook_gave_up", "webhook", "desk", "ended")]


def test_every_setting_of_retention_is_of_something_that_is_declared() -> None:
    """A setting that keeps nothing would be a promise to nobody, and what has none would stay for ever.

    Exports alone have no setting: that they lie here for a week is a promise.
    """
    periods = RetentionSettings(*range(1000, 1008)).periods
    kept = {what.name: what.keep(periods) for what in domains().retained}
    assert kept.pop("exports") == exports.KEPT
    assert set(kept.values()) == {timedelta(days=days) for days in range(1000, 1008)}
