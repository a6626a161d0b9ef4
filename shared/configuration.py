"""The configuration of a box as it travels: what it watches, as files, known by their hash.

The centre sends what is watched and nothing else: what makes a box itself and how it reaches the centre is in a file of
its own (docs/adr/0031).
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from shared.errors import WireError

MAIN: Final = "configuration.toml"
"""The file that names the others: cameras, looks, sensors, partitions, outputs, panels, keypads."""
SCENE: Final = re.compile(r"scene-[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.toml")
"""Scenes of cameras lie beside it."""
MOST_BYTES: Final = 1024 * 1024
"""A box has 64 cameras at most, and a camera with many lines five kilobytes."""
_MOST_FILES: Final = 65
CONTENT_LETTERS: Final = 32

Files = dict[str, str]


class SentConfiguration(msgspec.Struct, frozen=True):
    """What a box fetches.

    Attributes:
        number: of the configuration.
        files: texts by name.
        passwords: of cameras by their names, each sealed to the box (`shared.trust.sealed`).
    """

    number: Annotated[int, Meta(ge=1, lt=2**62)]
    files: Files
    passwords: Annotated[dict[str, bytes], Meta(max_length=64)] = {}


def content_of(files: Files) -> str:
    """What tells these files from others: SHA-256, its first half in hexadecimal; empty of none."""
    if not files:
        return ""
    return hashlib.sha256(msgspec.json.encode(files, order="deterministic")).hexdigest()[:CONTENT_LETTERS]


def faults_of(files: Files) -> str:
    """Why files are no configuration, whatever stands in them; empty where they may be one.

    No file at all is one: the box's own is in force again.
    """
    if files and MAIN not in files:
        return f"there is no {MAIN}"
    if len(files) > _MOST_FILES or sum(len(text.encode()) for text in files.values()) > MOST_BYTES:
        return f"more than {_MOST_FILES} files or {MOST_BYTES // 1024} KB"
    odd = [name for name in files if name != MAIN and not SCENE.fullmatch(name)]
    return f"{odd[0][:80]!r} is the name of no file of one: expected {MAIN} and scene-NAME.toml" if odd else ""


def scene_files(files: Mapping[str, str]) -> dict[str, str]:
    """The scene file of each camera, in their order; empty where a camera names none, or what lies there is no TOML."""
    try:
        cameras = tomllib.loads(files.get(MAIN, "")).get("cameras", [])
        named = {str(camera["name"]): str(camera.get("scene", "")) for camera in cameras}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return {}
    return {camera: file if file in files else "" for camera, file in named.items()}


def decode_sent(content: bytes) -> SentConfiguration:
    """Read what a box fetched.

    Raises:
        WireError: it is none.
    """
    try:
        sent = msgspec.msgpack.decode(content, type=SentConfiguration)
    except msgspec.MsgspecError as error:
        raise WireError("configuration", f"what the centre sent is no configuration ({error})") from None
    if why := faults_of(sent.files):
        raise WireError("configuration", why)
    return sent
