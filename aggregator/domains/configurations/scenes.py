"""Scenes of cameras within the configuration of their box: read, drawn at the centre, and kept when a plan is sent."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import tomli_w

from aggregator.domains.configurations.configurations import Wanted, one, put
from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, SenselessError
from aggregator.store.places import is_ours
from shared.configuration import MAIN, scene_files
from shared.scene import Scene
from shared.topics import Address

_HEAD = "# Drawn at the centre. Coordinates are parts of the picture, from its top left.\n"


class CameraScene(Entity):
    """What is watched in a camera's picture, by the configuration that is wanted of its box."""

    camera: str
    number: int
    """Of the configuration."""
    drawn: bool
    """At the centre; else it is the plan's."""
    scene: dict[str, Any]
    """`tripwires`, `zones`, `masks`, `timezone`: what is not said is as by default."""


class Drawn(Entity):
    """What became of a scene that was drawn."""

    number: int
    """Of the configuration that is wanted now."""
    changed: bool
    """The camera did not watch that already."""


def scenes(connection: Connection, who: Principal, box: Address) -> list[CameraScene]:
    """Of each camera of a box, in the order of its configuration; none where the centre has sent it none.

    Raises:
        MissingError: there is no such box of theirs, or nothing was ever sent to it.
    """
    if not is_ours(connection, who.scope, box.site):
        raise MissingError(f"there is no box {box.site}/{box.agent}")
    there = one(connection, box, None)
    return [
        CameraScene(
            camera=camera,
            number=there.number,
            drawn=camera in there.drawn,
            scene=_read(file, there.files[file]) if file else {},
        )
        for camera, file in scene_files(there.files).items()
    ]


def _read(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SenselessError(f"{file} of the configuration is no scene: {error}") from None


def draw(
    connection: Connection,
    who: Principal,
    box: Address,
    camera: str,
    scene: Scene,
    *,
    based_on: int,
    why: str,
    over_changes: bool,
) -> Drawn:
    """Have a camera watch what was drawn: a configuration of its box in which nothing else is new.

    Raises:
        MissingError: there is no such box or camera of theirs, or nothing was ever sent to the box.
        ConflictError: another configuration was put meanwhile, or files were changed at the box.
        SenselessError: the scene lacks a line that a partition of the box arms.
    """
    if not is_ours(connection, who.scope, box.site):
        raise MissingError(f"there is no box {box.site}/{box.agent}")
    there = one(connection, box, None)
    if there.number != based_on:
        raise ConflictError(f"{there.made_by} has sent another configuration meanwhile: look at it, then draw again")
    if camera not in (files := scene_files(there.files)):
        raise MissingError(f"box {box.site}/{box.agent} has no camera {camera!r} by its configuration")
    _require_partitions(there.files, camera, scene)
    main, file = there.files[MAIN], files[camera]
    if not file:
        file, main = _with_scene(main, camera)
    drawn = {MAIN: main, file: _HEAD + tomli_w.dumps(msgspec.to_builtins(scene))}
    wanted = Wanted(box, based_on, there.files | drawn, drawn=sorted({*there.drawn, camera}))
    done = put(connection, who.name, why, [wanted], plan=there.plan, over_changes=over_changes)
    return Drawn(number=one(connection, box, None).number, changed=bool(done.changed))


def _with_scene(main: str, camera: str) -> tuple[str, str]:
    """A camera that has no scene file yet names one."""
    table, file = tomllib.loads(main), f"scene-{camera}.toml"
    for each in table["cameras"]:
        if each["name"] == camera:
            each["scene"] = file
    return file, tomli_w.dumps(table)


def _require_partitions(files: Mapping[str, str], camera: str, scene: Scene) -> None:
    """The box would refuse the whole configuration, and say the same."""
    table, there = tomllib.loads(files[MAIN]), {f"{camera}/{watch.name}" for watch in scene.watches}
    for partition in table.get("partitions", ()):
        named: Sequence[str] = partition.get("lines", ())
        if lacking := [line for line in named if line.startswith(f"{camera}/") and line not in there]:
            raise SenselessError(
                f"partition {partition.get('name', '')!r} arms {', '.join(lacking)}, which the scene has no more: "
                "keep its name, or change the partition in the plan first"
            )
