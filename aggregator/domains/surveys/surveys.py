"""Surveys: who draws lines of a camera asks its box how it looks now, and what they would have told in the last minute.

Each is asked for by a person, is in the audit, is seen by that person alone, and is gone ten minutes later.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aggregator.domains.boxes import desired
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, SenselessError
from aggregator.store.places import is_ours
from aggregator.store.queries import load_queries
from shared.desired import SURVEYS, Surveys, WantedSurvey
from shared.scene import Scene
from shared.surveys import MOST_SCENE_BYTES, SurveyAnswer
from shared.topics import Address

SQL = load_queries(__package__)

KEPT = timedelta(minutes=10)
"""So long a picture is here: who draws has it on the page."""
PATIENCE = timedelta(minutes=2)
"""A box that has not answered by then is not waited for."""
MOST = 60
"""Of one camera in that time: lines are drawn, nobody is watched."""
_TIMES = {"kept": KEPT, "patience": PATIENCE}


class SurveyFinding(Entity):
    """Something that met a line or zone of the scene that is tried."""

    at_ms: int
    """When, Unix milliseconds of the box."""
    watch: str
    """Name of the line or zone."""
    kind: str
    """Of the event; `not_counted` is none."""
    direction: str
    object: str
    score: float
    why: str
    """It is none."""


class SurveyOutcome(Entity):
    """What a scene would have made of the last minute."""

    watched_s: float
    """Of that minute, what the box has watched: it begins when a survey is asked for."""
    moved: int
    """Things that went somewhere in it."""
    found: Sequence[SurveyFinding]
    warnings: Sequence[str]


class Survey(Entity):
    """How a camera looks now."""

    number: int
    site: str
    agent: str
    camera: str
    asked_at: datetime
    state: Literal["waiting", "ready", "failed"]
    why: str
    """It failed."""
    taken_at: datetime | None
    outcome: SurveyOutcome | None

    @property
    def audit_subject(self) -> str:
        """What the audit says that it was about."""
        return f"camera {self.site}/{self.agent}/{self.camera}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it."""
        return f"picture {self.number}, to draw lines"


def ask(connection: Connection, who: Principal, box: Address, camera: str, scene: Scene | None) -> Survey:
    """Want a picture of a camera, and a scene to be tried; the box hears of it behind this transaction.

    Raises:
        MissingError: there is no such box of theirs.
        ConflictError: the box is away, or so many were made that no more are.
        SenselessError: the scene is too long.
    """
    of = {"site": box.site, "agent": box.agent, "camera": camera}
    row = connection.execute(SQL["box"], of).fetchone()
    if row is None or not is_ours(connection, who.scope, box.site):
        raise MissingError(f"there is no box {box.site}/{box.agent}")
    if row["state"] != "online":
        raise ConflictError(f"box {box.site}/{box.agent} is away: a picture can be had when it is back")
    drawn = msgspec.json.encode(scene) if scene else b""
    if len(drawn) > MOST_SCENE_BYTES:
        raise SenselessError(f"the scene has more than {MOST_SCENE_BYTES // 1024} KB")
    connection.execute(SQL["one_at_a_time"], of)
    there = connection.execute(SQL["count"], {**of, **_TIMES}).fetchone()
    assert there is not None  # noqa: S101 - an aggregate has a row
    if there["there"] >= MOST:
        raise ConflictError(f"{MOST} pictures of camera {camera} were made within ten minutes: wait a little")
    asked = connection.execute(SQL["ask"], {**of, "scene": drawn, "by": who.name}).fetchone()
    assert asked is not None  # noqa: S101 - INSERT ... RETURNING returns
    desired.want(connection, box, SURVEYS)
    return one(connection, who, asked["number"])


def one(connection: Connection, who: Principal, number: int) -> Survey:
    """One of theirs.

    Raises:
        MissingError: there is none, or not any more.
    """
    with connection.cursor(row_factory=class_row(Survey)) as cursor:
        found = cursor.execute(SQL["survey"], {"number": number, "by": who.name, **_TIMES}).fetchone()
    if found is None or not is_ours(connection, who.scope, found.site):
        raise MissingError(f"there is no survey {number} of yours; they are kept for ten minutes")
    return found


def picture(connection: Connection, who: Principal, number: int) -> bytes:
    """The picture of one of theirs.

    Raises:
        MissingError: there is none, or not yet.
    """
    if one(connection, who, number).state != "ready":
        raise MissingError(f"survey {number} has no picture")
    row = connection.execute(SQL["picture"], {"number": number, "by": who.name, **_TIMES}).fetchone()
    if row is None:
        raise MissingError(f"survey {number} has no picture")
    return bytes(row["jpeg"])


def wanted(connection: Connection, box: Address) -> Surveys:
    """The section of a box."""
    rows = connection.execute(SQL["wanted"], {"site": box.site, "agent": box.agent, **_TIMES})
    return Surveys(tuple(WantedSurvey(row["number"], row["camera"], bytes(row["scene"])) for row in rows))


def is_waited_for(connection: Connection, box: Address, number: int) -> bool:
    """Whether a box shall bring this one."""
    asked = {"number": number, "site": box.site, "agent": box.agent, **_TIMES}
    return connection.execute(SQL["is_waiting"], asked).fetchone() is not None


def settle(connection: Connection, box: Address, number: int, answer: SurveyAnswer | str) -> bool:
    """Take what a box brings, or why there is none; returns whether it was waited for."""
    told = {"number": number, "site": box.site, "agent": box.agent, **_TIMES}
    there: dict[str, Any] = {"jpeg": None, "taken_at": None, "outcome": None, "why": ""}
    if isinstance(answer, str):
        there["why"] = answer
    else:
        outcome = None if answer.outcome is None else Jsonb(msgspec.to_builtins(answer.outcome))
        taken_at = datetime.fromtimestamp(answer.taken_at_ms / 1000, UTC)
        there |= {"jpeg": answer.jpeg, "taken_at": taken_at, "outcome": outcome}
    return connection.execute(SQL["settle"], {**told, **there}).fetchone() is not None


def forgetting(_work: JobContext) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        connection.execute(SQL["forget"], _TIMES)

    return turn
