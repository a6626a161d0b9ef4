"""A box, ingest and alerting without any process: events go in, time passes by being told so, alerts come out."""

import time
from datetime import UTC, datetime, timedelta

from aggregator.alerting.alerts import Publishing
from aggregator.alerting.engine import AlertingEngine
from aggregator.domains.boxes.presence_judge import PresenceJudge
from aggregator.ingest.commit import Committer
from aggregator.ingest.reading import read
from aggregator.store import Database
from aggregator.store.database import Connection
from shared.clock import to_ms
from shared.envelope import Header, encode_batch, encode_event
from shared.events import CameraChanged, CameraState, ConfigApplied, Direction, Event, Lane, LineCrossed, LineSpec
from shared.mqtt import Message

POINTS = ((0.1, 0.5), (0.9, 0.5))


class House:
    """Its box `s/a` has a camera, `gate`, with a line, `in`, of priority 1; those of another site what they send."""

    def __init__(
        self,
        database: Database,
        connection: Connection,
        publishing: Publishing = Publishing(),  # noqa: B008
        site: str = "s",
    ) -> None:
        self.site = site
        self.database, self.connection = database, connection
        self.engine = AlertingEngine(database, publishing, timedelta(seconds=30))
        self.judge = PresenceJudge(database)
        self._next = dict[str, int]()
        self.heard(well=True)
        if site == "s":
            self.send(configuration("gate"))

    def send(self, *events: Event, agent: str = "a", settle: bool = True) -> None:
        now_s, first = time.time(), self._next.get(agent, 1)
        self._next[agent] = first + len(events)
        header = Header(Lane.ALARM, 1, first, len(events), 1, to_ms(now_s))
        payload = encode_batch(header, [encode_event(event) for event in events])
        message = Message(f"hl/1/{self.site}/{agent}/up/alarm", payload, False, now_s)
        Committer("test").commit(self.connection, read([message], Lane.ALARM))
        if settle:
            self.settle()

    def beat(self, agent: str = "a", state: str = "online", health: str = "{}") -> None:
        self.connection.execute(
            "INSERT INTO agents (site, agent, state, last_seen_at, health) VALUES (%s, %s, %s, now(), %s::jsonb)"
            " ON CONFLICT (site, agent) DO UPDATE SET state = excluded.state, state_since = now(),"
            " last_seen_at = now(), health = excluded.health",
            (self.site, agent, state, health),
        )

    def heard(self, *, well: bool) -> None:
        """Whether we hear from any box."""
        self.connection.execute(
            "INSERT INTO services (name, heartbeat_at, broker_since) VALUES ('presence', now(), %s)"
            " ON CONFLICT (name) DO UPDATE SET heartbeat_at = now(), broker_since = excluded.broker_since",
            (datetime.now(UTC) - timedelta(hours=1) if well else None,),
        )

    def settle(self) -> None:
        """Let alerting do what is due."""
        with self.database.connect("alerting") as own:
            while self.engine.take(own) or self.engine.ring(own):
                pass

    def look(self) -> None:
        """Let the judge of boxes look, and alerting act on it; whether we hear of boxes is as it was said last."""
        self.connection.execute("UPDATE services SET heartbeat_at = now() WHERE name = 'presence'")
        self.judge.look(self.connection)
        self.settle()

    def wait(self, seconds: float) -> None:
        """What was due within the next seconds is due now."""
        self.connection.execute("UPDATE conditions SET due_at = due_at - %s * interval '1 s'", (seconds,))
        self.settle()

    def alerts(self) -> list[tuple[str, ...]]:
        """Condition, subject and how it is, oldest first."""
        rows = self.connection.execute(
            "SELECT *, CASE WHEN cleared_at IS NOT NULL THEN 'cleared' WHEN ended_at IS NOT NULL THEN 'ended'"
            " ELSE 'open' END AS is FROM alert_views ORDER BY id"
        ).fetchall()
        named = ("subject", "agent", "camera", "name", "is")
        return [(row["condition"], *(row[name] for name in named if row[name])) for row in rows]

    def told(self) -> list[str]:
        """Changes on the feed, oldest first."""
        rows = self.connection.execute("SELECT message::jsonb ->> 'change' AS change FROM feed ORDER BY id")
        return [row["change"] for row in rows.fetchall()]


def configuration(*names: str, priority: int = 1) -> ConfigApplied:
    return ConfigApplied(now_ms(), 1, names, (LineSpec(0, "in", POINTS, "both", priority),))


def now_ms(ago_s: float = 0.0) -> int:
    return to_ms(time.time() - ago_s)


def crossed(track: int, ago_s: float = 0.0, priority: int = 2) -> LineCrossed:
    return LineCrossed(now_ms(ago_s), 1, 0, Direction.LEFT_TO_RIGHT, 1, track, priority, 0)


def camera(state: CameraState, ago_s: float = 0.0) -> CameraChanged:
    return CameraChanged(now_ms(ago_s), 1, 0, state, "why")
