"""Scenes in the bodies of requests."""

from typing import Annotated, Any

import msgspec
from pydantic import Field

from aggregator.store.errors import SenselessError
from shared.scene import Scene

SceneBody = Annotated[
    dict[str, Any], Field(description="`tripwires`, `zones`, `masks`, `timezone`, as in a scene file")
]


def read_scene(given: dict[str, Any]) -> Scene:
    """A scene that somebody has drawn.

    Raises:
        SenselessError: it is none; the message names what is wrong, and where.
    """
    try:
        return msgspec.convert(given, Scene)
    except msgspec.ValidationError as error:
        raise SenselessError(f"scene: {error}") from None
