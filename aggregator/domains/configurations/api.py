"""What each box shall watch: put by planners, and what became of it."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.audited import audited, audited_up_to
from aggregator.api.dependencies import SnapshotDependency
from aggregator.api.door import MOST_PLAN_BYTES
from aggregator.api.parameters import BoxesQuery
from aggregator.api.principal import Boxes, Draws, needs
from aggregator.api.scenes import SceneBody, read_scene
from aggregator.domains.configurations.configurations import (
    SQL,
    BoxConfiguration,
    BoxConfigurationState,
    BoxRollout,
    ConfigurationVersion,
    Put,
    SealedPassword,
    Wanted,
    one,
    put,
)
from aggregator.domains.configurations.scenes import CameraScene, Drawn, draw, scenes
from aggregator.people.principal import Principal
from aggregator.people.rights import Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.places import is_ours, where
from shared.ids import NAME_PATTERN
from shared.topics import Address
from shared.trust.sealed import KEY_BYTES

router = APIRouter(prefix="/api/v1", tags=["configurations"])

Configures = Annotated[Principal, needs(Right.PLACES_CHANGE, of_centre=True)]
_Name = Annotated[str, Field(pattern=NAME_PATTERN)]
_Text = Annotated[str, Field(max_length=1024 * 1024, pattern=r"^[^\x00]*$")]
_Base64 = Annotated[str, Field(max_length=4096, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "there is no such configuration"}}


class PasswordBody(BaseModel):
    """A camera's password, sealed where a planner has it: base64."""

    model_config = ConfigDict(extra="forbid")

    sealed: _Base64
    sealed_to: _Base64
    spare: _Base64 = ""


class WantedBody(BaseModel):
    """What a box shall watch."""

    model_config = ConfigDict(extra="forbid")

    site: _Name
    agent: _Name
    based_on: Annotated[int, Field(ge=0, lt=2**62, description="the configuration that it replaces; 0: none")]
    files: Annotated[dict[Annotated[str, Field(max_length=80)], _Text], Field(max_length=65)]
    passwords: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")], PasswordBody],
        Field(max_length=64),
    ] = {}
    drawn: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]],
        Field(max_length=64, description="cameras whose scene among the files was drawn at the centre"),
    ] = []


class ConfigurationsBody(BaseModel):
    """What boxes shall watch."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    plan: Annotated[int | None, Field(ge=1, lt=2**63, description="that they were built from")] = None
    over_changes: Annotated[bool, Field(description="what was changed at boxes gives way")] = False
    keep_drawn: Annotated[bool, Field(description="scenes that were drawn at the centre stay")] = False
    boxes: Annotated[list[WantedBody], Field(max_length=5000)]


class DrawnBody(BaseModel):
    """What a camera shall watch."""

    model_config = ConfigDict(extra="forbid")

    based_on: Annotated[int, Field(ge=1, lt=2**62, description="the configuration that was drawn upon")]
    scene: SceneBody
    why: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    over_changes: Annotated[bool, Field(description="what was changed at the box gives way")] = False


class SealingKey(BaseModel):
    """To which passwords are sealed: base64 of an X25519 key."""

    site: str
    agent: str
    key: str


class CameraPassword(Entity):
    """That a camera's password was sent."""

    site: str
    agent: str
    camera: str
    sent_at: datetime
    sent_by: str
    opens: bool
    """It is sealed to the key that the box has now."""


class RecoveryKeyBody(BaseModel):
    """The public part of a key that lies offline."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=44, max_length=44, pattern=r"^[A-Za-z0-9+/]{43}=$")]


class RecoveryKey(BaseModel):
    """The key to which passwords are sealed beside, so that a box that was replaced can be given them."""

    key: str
    made_at: datetime
    made_by: str


class SparePassword(BaseModel):
    """A camera's password, sealed to the recovery key: base64."""

    camera: str
    spare: str


@router.get("/configurations")
def list_configurations(who: Boxes, connection: SnapshotDependency, asked: BoxesQuery) -> list[BoxConfigurationState]:
    """Of each box what is wanted that it watches, and what it says of it; boxes of which nothing is are left out."""
    values = {**where(connection, who.scope, asked.place), "site": asked.site, "agent": asked.agent}
    with connection.cursor(row_factory=class_row(BoxConfigurationState)) as cursor:
        return cursor.execute(SQL["boxes"], values).fetchall()


@router.get("/rollout")
def list_rollout(who: Boxes, connection: SnapshotDependency, asked: BoxesQuery) -> list[BoxRollout]:
    """Every box that the plan has, that has come in or may: how far it has got."""
    values = {**where(connection, who.scope, asked.place), "site": asked.site, "agent": asked.agent}
    with connection.cursor(row_factory=class_row(BoxRollout)) as cursor:
        return cursor.execute(SQL["rollout"], values).fetchall()


@router.put(
    "/configurations", responses={409: {"description": "another was put meanwhile, or something was changed at a box"}}
)
@audited_up_to(MOST_PLAN_BYTES)
def put_configurations(who: Configures, body: ConfigurationsBody, connection: Connection) -> Put:
    """Have boxes watch something else, all of those that are named or none: each tries it, and keeps it if its cameras
    come back as well as before.

    What a box is to watch already is left alone. Passwords that are not named stay as they are.
    """
    wanted = [
        Wanted(
            Address(each.site, each.agent),
            each.based_on,
            each.files,
            {name: _sealed(password) for name, password in each.passwords.items()},
            each.drawn,
        )
        for each in body.boxes
    ]
    how = {"over_changes": body.over_changes, "keep_drawn": body.keep_drawn}
    return put(connection, who.name, body.why, wanted, plan=body.plan, **how)


@router.get("/configurations/{site}/{agent}/scenes", responses=_MISSING)
def list_scenes(who: Boxes, site: str, agent: str, connection: SnapshotDependency) -> list[CameraScene]:
    """What is watched in the picture of each camera of a box, by the configuration that is wanted of it."""
    return scenes(connection, who, Address(site, agent))


@router.put(
    "/configurations/{site}/{agent}/scenes/{camera}",
    responses={**_MISSING, 409: {"description": "another was put meanwhile, or something was changed at the box"}},
)
@audited
def draw_scene(who: Draws, site: str, agent: str, camera: str, body: DrawnBody, connection: Connection) -> Drawn:
    """Have a camera watch what was drawn. The box tries it, as any configuration; the plan's lines give way to it."""
    return draw(
        connection,
        who,
        Address(site, agent),
        camera,
        read_scene(body.scene),
        based_on=body.based_on,
        why=body.why,
        over_changes=body.over_changes,
    )


@router.get("/configurations/{site}/{agent}/versions")
def list_configuration_versions(
    who: Boxes, site: str, agent: str, connection: SnapshotDependency
) -> list[ConfigurationVersion]:
    """The last ten configurations of a box, the one that is wanted first."""
    if not is_ours(connection, who.scope, site):
        return []
    with connection.cursor(row_factory=class_row(ConfigurationVersion)) as cursor:
        return cursor.execute(SQL["versions"], {"site": site, "agent": agent}).fetchall()


@router.get("/configurations/{site}/{agent}", responses=_MISSING)
def read_configuration(
    _who: Configures,
    site: str,
    agent: str,
    connection: SnapshotDependency,
    number: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
) -> BoxConfiguration:
    """A configuration of a box with its files; by default the one that is wanted."""
    return one(connection, Address(site, agent), number)


@router.get("/configurations/{site}/{agent}/spares")
def list_spare_passwords(
    _who: Configures, site: str, agent: str, connection: SnapshotDependency
) -> list[SparePassword]:
    """Passwords of a box's cameras, sealed to the recovery key: for a machine that takes its place."""
    rows = connection.execute(SQL["spares"], {"site": site, "agent": agent})
    return [SparePassword(camera=row["camera"], spare=_coded(row["spare"])) for row in rows]


@router.get("/sealing-keys")
def list_sealing_keys(_who: Configures, connection: SnapshotDependency) -> list[SealingKey]:
    """To which key passwords of each box are sealed, as far as it has said."""
    rows = connection.execute(SQL["sealing_keys"])
    return [SealingKey(site=row["site"], agent=row["agent"], key=_coded(row["key"])) for row in rows]


@router.get("/camera-passwords")
def list_camera_passwords(_who: Configures, connection: SnapshotDependency) -> list[CameraPassword]:
    """Of which cameras passwords were sent; what they are is known to their boxes alone."""
    with connection.cursor(row_factory=class_row(CameraPassword)) as cursor:
        return cursor.execute(SQL["camera_passwords"]).fetchall()


@router.get("/recovery-key")
def read_recovery_key(_who: Configures, connection: SnapshotDependency) -> RecoveryKey | None:
    """The key to which passwords are sealed beside; null where there is none."""
    row = connection.execute(SQL["recovery_key"]).fetchone()
    if row is None:
        return None
    return RecoveryKey(key=_coded(row["key"]), made_at=row["made_at"], made_by=row["made_by"])


@router.put("/recovery-key")
@audited
def put_recovery_key(who: Configures, body: RecoveryKeyBody, connection: Connection) -> RecoveryKey:
    """From now on passwords are sealed to this one beside; those that were sent before stay with the one before."""
    values = {"key": _decoded(body.key, KEY_BYTES), "by": who.name}
    row = connection.execute(SQL["add_recovery_key"], values).fetchone()
    assert row  # noqa: S101 - INSERT ... RETURNING returns
    return RecoveryKey(key=body.key, made_at=row["made_at"], made_by=row["made_by"])


def _sealed(body: PasswordBody) -> SealedPassword:
    return SealedPassword(_decoded(body.sealed), _decoded(body.sealed_to, KEY_BYTES), _decoded(body.spare))


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str, length: int | None = None) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise HTTPException(422, "expected base64") from None
    if length is not None and len(content) != length:
        raise HTTPException(422, f"expected base64 of {length} bytes")
    return content
