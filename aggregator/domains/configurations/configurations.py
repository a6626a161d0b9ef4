"""Configurations of boxes: put for many at once or not at all, on top of what their planner knew; fetched by each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from aggregator.domains.boxes import desired
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, SenselessError
from aggregator.store.queries import load_queries
from shared.configuration import SentConfiguration, content_of, faults_of, scene_files
from shared.desired import CONFIGURATION, Configuration
from shared.topics import Address

SQL = load_queries(__package__)
_KEPT = 10
"""Configurations of each box."""
_NAMED = 5
"""Boxes that a refusal names."""


class ConfigurationVersion(Entity):
    """A configuration that was wanted of a box."""

    number: int
    content: str
    """What tells its files from others; empty: the box's own file."""
    made_at: datetime
    made_by: str
    why: str
    plan: int | None
    """The plan that it was built from."""


class BoxConfiguration(ConfigurationVersion):
    """With its files."""

    site: str
    agent: str
    files: dict[str, str]
    drawn: list[str]
    """Cameras whose scene was drawn at the centre."""


class BoxConfigurationState(ConfigurationVersion):
    """What is wanted of a box, and what it says of it."""

    site: str
    agent: str
    state: Literal["waiting", "tried", "kept", "refused"]
    why_not: str
    """Why the box cannot obey it, or does not yet."""
    in_force: int
    """The number of the configuration in force there; 0: the box's own file."""
    changed: list[str]
    """Files that somebody has changed at the box."""
    online: bool
    takes_passwords: bool
    """The box has said to which key they are sealed."""
    passwords: int
    """Of its cameras, that were sent."""
    passwords_for_another: int
    """Those that were sealed to the key of a machine that had its place before."""


class BoxRollout(Entity):
    """How far a box has got: planned, claimed, come in, configured, seeing."""

    site: str
    agent: str
    title: str
    """Of its place."""
    planned: bool
    """The plan in force has it."""
    model: str
    state: Literal["awaited", "claimed", "enrolled", "online", "away", "revoked"]
    """`enrolled`: it has a certificate and was never heard."""
    configuration: Literal["none", "waiting", "tried", "kept", "refused"]
    wanted: int
    """The number of the configuration that is wanted; 0: none."""
    in_force: int
    why_not: str
    changed: list[str]
    cameras_planned: int
    cameras_seeing: int
    """Of those that are planned, that give pictures now."""


class Put(Entity):
    """What became of configurations that were put."""

    changed: int
    unchanged: int
    passwords: int
    drawn: list[str]
    """`SITE/AGENT/CAMERA` of scenes that were drawn at the centre and stay."""

    @property
    def audit_subject(self) -> str:
        """What the audit says that it was about."""
        return "configurations"

    @property
    def audit_detail(self) -> str:
        """Not the files: they are kept themselves."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class SealedPassword:
    """A camera's password, which is read here by nobody.

    Attributes:
        sealed: to the box.
        sealed_to: its public key.
        spare: the same, sealed to the recovery key.
    """

    sealed: bytes
    sealed_to: bytes
    spare: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a box shall watch.

    Attributes:
        box: which.
        based_on: the configuration that its planner knew; 0: none.
        files: by name.
        passwords: of cameras, where they are new.
        drawn: cameras whose scene among the files was drawn at the centre.
    """

    box: Address
    based_on: int
    files: dict[str, str]
    passwords: Mapping[str, SealedPassword] = field(default_factory=dict)
    drawn: Sequence[str] = ()


def put(
    connection: Connection,
    by: str,
    why: str,
    wanted: Sequence[Wanted],
    *,
    plan: int | None,
    over_changes: bool,
    keep_drawn: bool = False,
) -> Put:
    """Have boxes watch something else: all of them or none.

    Args:
        by: who puts them.
        why: in words.
        wanted: a box once.
        plan: that they were built from.
        over_changes: what was changed at boxes gives way.
        keep_drawn: scenes that were drawn at the centre stay, where their cameras do.

    Raises:
        ConflictError: another was put meanwhile, or something was changed at a box.
        SenselessError: files are no configuration, a box is there twice, or passwords are sealed to a wrong key.
    """
    connection.execute(SQL["lock"])
    _check(wanted)
    sites, agents = [each.box.site for each in wanted], [each.box.agent for each in wanted]
    named = {"sites": sites, "agents": agents}
    known = {(row["site"], row["agent"]): row for row in connection.execute(SQL["newest"], named)}
    there = [(each, known[each.box.site, each.box.agent]) for each in wanted]
    others = [each.box for each, row in there if each.based_on != (row["number"] or 0)]
    if others:
        raise ConflictError(f"another one was put meanwhile for {_names(others)}: look at it, then send again")
    if keep_drawn:
        there = [(_with_drawn(each, row["files"] or {}, row["drawn"] or []), row) for each, row in there]
    new = [(each, row) for each, row in there if row["content"] != content_of(each.files) or each.passwords]
    touched = [each.box for each, row in new if row["changed"]]
    if touched and not over_changes:
        raise ConflictError(f"somebody has changed files at {_names(touched)}: look at that, then send over it")
    sealed = _put_passwords(connection, by, wanted)
    for each, row in new:
        values = {"content": content_of(each.files), "files": Jsonb(each.files), "over": row["lies"]}
        values["drawn"] = list(each.drawn)
        who = {"plan": plan, "by": by, "why": why, "after": row["number"] or 0}
        connection.execute(SQL["add"], {"site": each.box.site, "agent": each.box.agent, **values, **who})
        desired.want(connection, each.box, CONFIGURATION)
    connection.execute(SQL["forget_old"], {**named, "kept": _KEPT})
    kept = [f"{each.box.site}/{each.box.agent}/{camera}" for each, _ in there for camera in each.drawn if keep_drawn]
    return Put(changed=len(new), unchanged=len(wanted) - len(new), passwords=sealed, drawn=kept)


def _with_drawn(wanted: Wanted, before: Mapping[str, str], drawn: Sequence[str]) -> Wanted:
    """With the scenes that were drawn, of cameras that are still there."""
    if not drawn:
        return wanted
    there, was = scene_files(wanted.files), scene_files(before)
    kept = [camera for camera in drawn if there.get(camera) and was.get(camera)]
    files = wanted.files | {there[camera]: before[was[camera]] for camera in kept}
    return replace(wanted, files=files, drawn=kept)


def _check(wanted: Sequence[Wanted]) -> None:
    twice = [box for box, times in Counter(each.box for each in wanted).items() if times > 1]
    if twice:
        raise SenselessError(f"{_names(twice)}: is there twice")
    for each in wanted:
        if why := faults_of(each.files):
            raise SenselessError(f"{each.box.site}/{each.box.agent}: {why}")


def _put_passwords(connection: Connection, by: str, wanted: Sequence[Wanted]) -> int:
    """Keep what is new.

    Raises:
        ConflictError: it is sealed to a key that is the box's no more, and would not be opened there.
    """
    told = [(each.box, camera, sealed) for each in wanted for camera, sealed in each.passwords.items()]
    if not told:
        return 0
    boxes = list(dict.fromkeys(box for box, _, _ in told))
    named = {"sites": [box.site for box in boxes], "agents": [box.agent for box in boxes]}
    keys = {Address(row["site"], row["agent"]): bytes(row["key"]) for row in connection.execute(SQL["keys_of"], named)}
    wrong = list(dict.fromkeys(box for box, _, sealed in told if keys.get(box) != sealed.sealed_to))
    if wrong:
        raise ConflictError(f"passwords of {_names(wrong)} are sealed to a key that is not theirs: send them again")
    values = {
        "sites": [box.site for box, _, _ in told],
        "agents": [box.agent for box, _, _ in told],
        "cameras": [camera for _, camera, _ in told],
        "sealed": arrays.of_bytes(each.sealed for _, _, each in told),
        "sealed_to": arrays.of_bytes(each.sealed_to for _, _, each in told),
        "spare": arrays.of_bytes(each.spare for _, _, each in told),
    }
    connection.execute(SQL["put_passwords"], {**values, "by": by})
    return len(told)


def _names(boxes: Sequence[Address]) -> str:
    more = f" and {len(boxes) - _NAMED} more" if len(boxes) > _NAMED else ""
    return ", ".join(f"{box.site}/{box.agent}" for box in boxes[:_NAMED]) + more


def wanted(connection: Connection, box: Address) -> Configuration:
    """The body of the section."""
    row = connection.execute(SQL["wanted"], {"site": box.site, "agent": box.agent}).fetchone()
    return Configuration(row["number"], row["content"], row["over"]) if row else Configuration(0)


def sent(connection: Connection, box: Address, number: int) -> SentConfiguration:
    """What a box fetches.

    Raises:
        MissingError: there is no such configuration, or not any more.
    """
    where = {"site": box.site, "agent": box.agent}
    row = connection.execute(SQL["sent"], {**where, "number": number}).fetchone()
    if row is None:
        raise MissingError(f"box {box.site}/{box.agent} has no configuration {number}")
    passwords = {each["camera"]: bytes(each["sealed"]) for each in connection.execute(SQL["passwords"], where)}
    return SentConfiguration(row["number"], row["files"], passwords)


def one(connection: Connection, box: Address, number: int | None) -> BoxConfiguration:
    """A configuration of a box; by default the newest.

    Raises:
        MissingError: it is not there.
    """
    with connection.cursor(row_factory=class_row(BoxConfiguration)) as cursor:
        found = cursor.execute(SQL["one"], {"site": box.site, "agent": box.agent, "number": number}).fetchone()
    if found is None:
        raise MissingError(f"box {box.site}/{box.agent} has no {'' if number is None else 'such '}configuration")
    return found


def tell_key(connection: Connection, box: Address, key: bytes) -> bool:
    """Take note of the key to which passwords of a box are sealed; returns whether it is a new one."""
    told: dict[str, Any] = {"site": box.site, "agent": box.agent, "key": key}
    return connection.execute(SQL["tell_key"], told).fetchone() is not None
