"""The record: questions are answered as a plain walk through everything would, and the oldest days go with care."""

import csv
import io
import json
import random
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.client.moments import moment
from aggregator.domains.record.days import kept_days
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.retention.enforcer import RetentionEnforcer
from aggregator.retention.expiring import first_kept
from aggregator.retention.guard import ClockWatch, objection
from aggregator.retention.retention_context import RetentionContext
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.retention_periods import RetentionPeriods
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.errors import ConfigError
from shared.events import (
    CameraChanged,
    CameraState,
    ConfigApplied,
    Direction,
    Event,
    Lane,
    LineCrossed,
    LineSpec,
)
from shared.mqtt import Message

CAMERAS = ("gate", "yard")
LINES = tuple(
    LineSpec(camera, name, ((0.0, 0.5), (1.0, 0.5)), "both", 2) for camera, name in ((0, "in"), (0, "out"), (1, "wall"))
)
DAYS = 60


class Site:
    """Boxes that were seen by the aggregator over two months."""

    def __init__(self, connection: Connection) -> None:
        self.told: list[dict[str, Any]] = []
        rng = random.Random(7)
        now_s = time.time()
        committer = Committer("test", timedelta(days=400))
        for site, agent, count in (("north", "a", 400), ("north", "b", 30), ("south", "a", 150)):
            ages_s = sorted((rng.random() ** 3 * DAYS * 86400 for _ in range(count)), reverse=True)
            for first, age_s in enumerate([DAYS * 86400.0, *ages_s], start=1):
                event = self._event(rng, to_ms(now_s - age_s), first)
                header = Header(Lane.ALARM, 1, first, 1, 1, to_ms(now_s))
                topic = f"hl/1/{site}/{agent}/up/alarm"
                sent = Message(topic, encode_batch(header, [encode_event(event)]), False, now_s)
                committer.commit(connection, read([sent], Lane.ALARM))
                self.told.append(self._row(site, agent, first, event))
        self.told.sort(key=lambda row: (row["at"], row["order"]), reverse=True)

    @staticmethod
    def _event(rng: random.Random, at_ms: int, first: int) -> Event:
        if first == 1:
            return ConfigApplied(at_ms, 1, CAMERAS, LINES)
        if rng.random() < 0.2:
            return CameraChanged(at_ms, 1, rng.randrange(2), CameraState.WATCHING, "")
        return LineCrossed(at_ms, 1, rng.randrange(3), Direction.LEFT_TO_RIGHT, 1, first, rng.randrange(4), 0)

    @staticmethod
    def _row(site: str, agent: str, number: int, event: Event) -> dict[str, Any]:
        crossed, changed = isinstance(event, LineCrossed), isinstance(event, CameraChanged)
        line = LINES[event.line] if crossed else None
        return {
            "site": site,
            "agent": agent,
            "number": number,
            "kind": {LineCrossed: "line_crossed", CameraChanged: "camera_changed"}.get(type(event), "config_applied"),
            "at": event.at_ms,
            "priority": event.priority if crossed else None,
            "line": line.name if line else None,
            "camera": CAMERAS[line.camera if line else event.camera] if crossed or changed else None,
            "order": number,
        }

    def asked(self, **wanted: Any) -> list[tuple[str, str, int]]:
        """What a walk through everything finds."""
        found = []
        for row in self.told:
            told = {name: row[name] for name in wanted if name in row and name != "priority"}
            if any(told[name] != wanted[name] for name in told):
                continue
            if "priority" in wanted and not 1 <= (row["priority"] or 0) <= wanted["priority"]:
                continue
            if not to_ms(wanted.get("since_s", 0)) <= row["at"] <= to_ms(wanted.get("until_s", 1e10)):
                continue
            found.append((row["site"], row["agent"], row["number"]))
        return found


def pages(client: httpx.Client, limit: int, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    for _ in range(1000):
        answer = client.get("/api/v1/events", params={**asked, "limit": limit, **({"after": after} if after else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["events"]) <= limit
        found += page["events"]
        after = page["next"]
        if after is None:
            return found
    raise AssertionError("pages without end")


def names(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(row["site"], row["agent"], row["number"]) for row in found]


def test_every_question_is_answered_as_a_walk_through_everything_would(
    client: httpx.Client, connection: Connection
) -> None:
    site = Site(connection)
    now_s = time.time()
    week_s, month_s = now_s - 7 * 86400, now_s - 30 * 86400
    questions: list[dict[str, Any]] = [
        {},
        {"site": "north"},
        {"site": "north", "agent": "b"},
        {"agent": "a"},
        {"kind": "line_crossed"},
        {"kind": "camera_changed", "site": "south"},
        {"priority": 1},
        {"line": "in"},
        {"camera": "gate", "site": "north"},
        {"camera": "gate", "line": "wall"},
        {"camera": "yard", "kind": "camera_changed"},
        {"since_s": week_s},
        {"until_s": month_s, "priority": 2},
        {"since_s": month_s, "until_s": week_s, "agent": "b"},
        {"site": "nowhere"},
    ]
    for question in questions:
        asked = {name: value for name, value in question.items() if not name.endswith("_s")}
        for name in ("since", "until"):
            if f"{name}_s" in question:
                asked[name] = datetime.fromtimestamp(question[f"{name}_s"], tz=UTC).isoformat()
        for limit in (7, 100, 1000):
            found = names(pages(client, limit, **asked))
            wanted = site.asked(**question)
            assert sorted(found) == sorted(wanted), (question, limit)
            assert len(set(found)) == len(found), (question, limit)
    times = [row["at"] for row in pages(client, 50)]
    assert times == sorted(times, reverse=True)


def test_a_plus_that_was_not_escaped_is_understood(client: httpx.Client) -> None:
    answer = client.get("/api/v1/events?since=2026-01-01T00:00:00+08:00")
    assert answer.status_code == 200, answer.text


def test_an_event_says_where_when_and_what(client: httpx.Client, connection: Connection) -> None:
    Site(connection)
    newest = client.get("/api/v1/events", params={"kind": "line_crossed", "limit": 1}).json()["events"][0]
    assert newest["camera"] in CAMERAS
    assert newest["line"] in {line.name for line in LINES}
    assert newest["clock"] == "device"
    assert newest["detail"] == {
        "direction": "left_to_right", "run": 1, "track": newest["number"], "confirm_ms": 0,
    }  # fmt: skip
    config = client.get("/api/v1/events", params={"kind": "config_applied", "limit": 1}).json()["events"][0]
    assert config["detail"]["cameras"] == list(CAMERAS)
    assert config["detail"]["lines"][2]["name"] == "wall"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"since": "2026-01-01T00:00:00"}, "a time with its zone"),
        ({"since": "1763800000"}, "a time with its zone"),
        ({"since": "2026-01-02T00:00Z", "until": "2026-01-01T00:00Z"}, "nothing can be between"),
        ({"lien": "in"}, "query parameter 'lien' does not exist"),
        ({"kind": "nonsense"}, "there are line_crossed"),
        ({"after": "1.2.3"}, "expected `next` of the page before"),
        ({"after": "zz.1.1.1"}, "expected `next` of the page before"),
        ({"after": "f" * 90 + ".1.1.1"}, "expected `next` of the page before"),
        ({"after": "1.ffffffffff.1.1"}, "expected `next` of the page before"),
        ({"limit": "0"}, "limit"),
        ({"site": "a b"}, "site"),
        ({"line": "a\0b"}, "line"),
        ({"priority": "9"}, "priority"),
    ],
)
def test_questions_that_make_no_sense_are_told_so(client: httpx.Client, asked: dict[str, str], words: str) -> None:
    answer = client.get("/api/v1/events", params=asked)
    assert answer.status_code == 422
    assert words in answer.text


def hawkline(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run("events", url, *more)


def run(question: str, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared", question, "--url", url, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_asks_the_same(client: httpx.Client, connection: Connection) -> None:
    site, url = Site(connection), str(client.base_url)
    done = hawkline(url, "--site", "north", "--limit", "10000", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert sorted(names([json.loads(line) for line in done.stdout.splitlines()])) == sorted(site.asked(site="north"))
    assert "more exist" not in done.stderr
    assert "more exist than these 5" in hawkline(url, "--limit", "5").stderr
    rows = list(csv.DictReader(io.StringIO(hawkline(url, "--since", "90d", "--limit", "600", "-o", "csv").stdout)))
    assert len(rows) == min(600, len(site.told))
    assert {row["camera"] for row in rows} == {*CAMERAS, ""}
    table = hawkline(url, "--kind", "config_applied", "--agent", "b").stdout.splitlines()
    assert len(table) == 2
    assert table[0].split() == ["AT", "SITE", "AGENT", "CAMERA", "LINE", "KIND", "PRIORITY", "NUMBER", "DETAIL"]


def test_counts_are_sums_of_the_same_crossings_whatever_the_step(client: httpx.Client, connection: Connection) -> None:
    site = Site(connection)
    crossed = [row for row in site.told if row["kind"] == "line_crossed"]
    begin = datetime.now(UTC) - timedelta(days=DAYS + 1)
    for step in ("quarter", "hour", "day", "week", "month"):
        for zone in ("UTC", "Asia/Shanghai"):
            asked = {"since": begin.isoformat(), "step": step, "zone": zone, "limit": 10_000}
            rows = client.get("/api/v1/counts", params=asked).json()
            assert sum(row["crossings"] for row in rows) == len(crossed)
            keys = [(row["site"], row["agent"], row["camera"], row["line"], row["since"]) for row in rows]
            assert len(set(keys)) == len(keys)
            times = [datetime.fromisoformat(row["since"]) for row in rows]
            assert times == sorted(times, reverse=True)
            if step == "day":
                assert {time.astimezone(ZoneInfo(zone)).time().isoformat() for time in times} == {"00:00:00"}
    north = client.get("/api/v1/counts", params={"since": begin.isoformat(), "site": "north", "line": "in"}).json()
    wanted = [row for row in crossed if (row["site"], row["line"]) == ("north", "in")]
    assert sum(row["crossings"] for row in north) == len(wanted)
    done = run("counts", str(client.base_url), "--since", "90d", "--step", "month", "-o", "csv")
    assert sum(int(row["crossings"]) for row in csv.DictReader(io.StringIO(done.stdout))) == len(crossed)
    for asked, words in (
        ({"zone": "Mars/Olympus"}, "Asia/Shanghai"),
        ({"step": "year"}, "step"),
        ({"since": "x"}, "zone"),
    ):
        answer = client.get("/api/v1/counts", params=asked)
        assert answer.status_code == 422
        assert words in answer.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--since", "tomorrow"], "--since 'tomorrow': expected a time ago"),
        (["--kind", "nonsense"], "there are line_crossed"),
        (["--url", "http://127.0.0.1:1"], "no aggregator answers"),
        (["--url", "127.0.0.1:8420"], "expected http://HOST:PORT"),
        (["--site", "a b"], "site: "),
    ],
)
def test_the_command_says_what_is_wrong(client: httpx.Client, more: list[str], words: str) -> None:
    done = hawkline(str(client.base_url), *more)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_health_tells_who_cannot_confirm(client: httpx.Client, connection: Connection) -> None:
    url = str(client.base_url)
    for agent, state, cameras in (
        ("fine", "online", ["watching", "watching"]),
        ("blind", "online", ["watching", "stalled"]),
        ("gone", "silent", ["watching"]),
    ):
        beat = {"at_ms": 0, "session": 1, "cameras": [{"name": f"c{n}", "state": s} for n, s in enumerate(cameras)]}
        connection.execute(
            "INSERT INTO agents (site, agent, state, health, last_seen_at) VALUES ('north', %s, %s, %s, now())",
            (agent, state, json.dumps(beat)),
        )
    done = run("health", url, "-o", "json")
    assert done.returncode == 1
    assert [json.loads(line)["agent"] for line in done.stdout.splitlines()] == ["blind", "fine", "gone"]
    done = run("health", url, "--cameras", "--troubled", "-o", "csv")
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["agent"], row["camera"]) for row in rows] == [("blind", "c1"), ("gone", "c0")]
    assert run("health", url, "--agent", "fine").returncode == 0
    assert run("health", url, "--agent", "fine", "--troubled").stdout.strip() == "(nothing)"
    done = run("health", url, "--agent", "nobody")
    assert (done.returncode, "'nobody'" in done.stderr) == (2, True), "who is not there is not well"


def test_moments_as_people_type_them() -> None:
    zone = timezone(timedelta(hours=8))
    now = datetime(2026, 11, 20, 12, tzinfo=zone)
    assert moment("90m", "--since", now) == now - timedelta(minutes=90)
    assert moment("2w", "--since", now) == now - timedelta(weeks=2)
    assert moment("2026-11-20", "--since", now) == datetime(2026, 11, 20, tzinfo=zone)
    assert moment("2026-11-20T08:00Z", "--since", now) == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert moment("1h30m", "--since", now) == now - timedelta(minutes=90)
    assert moment("02:00", "--since", now) == datetime(2026, 11, 20, 2, tzinfo=zone)
    assert moment("22:00:30", "--since", now) == datetime(2026, 11, 19, 22, 0, 30, tzinfo=zone), "the last one"
    assert moment("today", "--since", now) == moment("今天", "--since", now) == datetime(2026, 11, 20, tzinfo=zone)
    assert moment("yesterday", "--since", now) == moment("昨天", "--since", now) == datetime(2026, 11, 19, tzinfo=zone)
    assert moment("昨天 22:00", "--since", now) == moment("Yesterday 22：00", "--since", now)
    assert moment("yesterday 22:00", "--since", now) == datetime(2026, 11, 19, 22, tzinfo=zone)
    for nonsense in ("", "5", "-5m", "5y", "2026-13-01", "now", "25:00", "tomorrow", "999999w"):
        with pytest.raises(ConfigError, match="--until"):
            moment(nonsense, "--until", now)


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = [date(2026, 1, day) for day in (1, 2, 3)]


def test_only_whole_days_expire() -> None:
    days = [NOW.date() - timedelta(days=age) for age in (12, 11, 10, 9, 0)]
    assert [day for day in days if day < first_kept(NOW, timedelta(days=10))] == days[:2]


@pytest.mark.parametrize(
    ("days", "newest", "jump_s", "words"),
    [
        (OLD[:2], NOW - timedelta(hours=1), 5.0, None),
        (OLD[:1], NOW - timedelta(days=3), 0.0, "is the clock right"),
        (OLD[:1], NOW + timedelta(days=365), 0.0, "is the clock right"),
        (OLD[:1], None, 0.0, "is the clock right"),
        (OLD, NOW, 0.0, "3 days would go at once"),
        (OLD[:1], NOW, 86400.0, "the clock was set"),
        (OLD[:1], NOW, -3600.0, "the clock was set"),
    ],
)
def test_what_speaks_against_deleting(days: list[date], newest: datetime, jump_s: float, words: str | None) -> None:
    found = objection(days, NOW, newest, jump_s)
    assert (found is None) if words is None else (found is not None and words in found)


def test_the_oldest_days_go_and_everything_else_stays(connection: Connection, tmp_path: Path) -> None:
    Site(connection)
    days = [day.day for day in kept_days(connection)]
    today = datetime.now(UTC).date()
    assert days[0] == today - timedelta(days=DAYS)
    assert sum(day.bytes for day in kept_days(connection)) > 0

    def count(condition: str = "true") -> int:
        row = connection.execute(f"SELECT count(*) AS n FROM events WHERE {condition}".encode()).fetchone()
        assert row
        return int(row["n"])

    before, pictures = count(), PictureStore(tmp_path)
    means = RetentionContext(pictures, Ed25519PrivateKey.generate)
    enforcer = RetentionEnforcer(RetentionPeriods(*[timedelta(days=10)] * 4), means, ClockWatch())
    assert enforcer.look(connection)["events"] == [], "too many at once"
    assert count() == before
    keep = today - days[1]
    enforcer = RetentionEnforcer(RetentionPeriods(keep, keep, keep, keep), means, ClockWatch())
    first = connection.execute("SELECT count(*) AS n FROM events WHERE event_at < %s", (days[1],)).fetchone()
    assert enforcer.look(connection)["events"] == days[:1]
    assert first
    assert count() == before - first["n"]
    assert [day.day for day in kept_days(connection)] == days[1:]
    assert enforcer.look(connection)["events"] == []
