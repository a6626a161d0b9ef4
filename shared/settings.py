"""Typed TOML files: one struct per file, and errors that name file, key and expectation."""

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from shared.errors import ConfigError

T = TypeVar("T")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def load_toml(path: Path, kind: type[T]) -> T:
    """Read one TOML file into a struct.

    Raises:
        ConfigError: the file is missing, is not TOML, or does not fit; the message names file, key and expectation.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_toml(text, kind, source=str(path))


def parse_toml(text: bytes | str, kind: type[T], source: str) -> T:
    """As `load_toml`, from text already in hand; `source` stands for the file in messages."""
    try:
        return msgspec.toml.decode(text, type=kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explain(str(error))}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("expected a path")


def _explain(message: str) -> str:
    """msgspec's words, key first: `Expected ... - at `$.a.b`` becomes `key a.b: expected ...`."""
    found = _AT.search(message)
    said = message[: found.start()] if found else message
    path = found["path"] if found else ""
    return f"key {path or '(top level)'}: {said[:1].lower()}{said[1:]}"
