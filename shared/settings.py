"""Typed TOML files: one struct per file, and errors that name file, key and expectation."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from shared.errors import ConfigError

T = TypeVar("T")
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a table in a settings file: a key nobody knows is an error, not a silence."""


_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def load_toml(path: Path, kind: type[T]) -> T:
    """Read one TOML file into a struct.

    Raises:
        ConfigError: the file is missing, is not TOML, or does not fit; the message names file, key and expectation.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: byte {error.start + 1} is not UTF-8, expected a TOML file saved as UTF-8 (not GBK)"
        ) from None
    return parse_toml(text, kind, source=str(path))


def parse_toml(text: str, kind: type[T], source: str) -> T:
    """As `load_toml`, from text already in hand; `source` stands for the file in messages."""
    try:
        return msgspec.toml.decode(text, type=kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explain(str(error), kind)}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("expected a path")


def _explain(message: str, kind: type[Any]) -> str:
    """msgspec's words, key first: `Expected ... - at `$.a.b`` becomes `key a.b: expected ...`."""
    found = _AT.search(message)
    said = message[: found.start()] if found else message
    path = found["path"] if found else ""
    if not path and not said.startswith(("Object", "Expected")):
        return f"key {said}"  # ours, about several keys: it begins with one
    expected = ""
    if "unknown field" in said:
        expected = f", expected one of: {', '.join(_known_keys(kind, path))}"
    return f"key {path or '(top level)'}: {said[:1].lower()}{said[1:]}{expected}"


def _known_keys(kind: type[Any], path: str) -> list[str]:
    """The keys of the struct at a path such as `cameras[0].source`."""
    here: list[Any] = [msgspec.inspect.type_info(kind)]
    for key in re.findall(r"[^.\[\]]+", path):
        step = []
        for node in here:
            if key.isdigit():
                step.append(getattr(node, "item_type", node))
            else:
                step += [field.type for field in getattr(node, "fields", ()) if field.encode_name == key]
        here = [
            part for node in step for part in (node.types if isinstance(node, msgspec.inspect.UnionType) else (node,))
        ]
    return sorted({field.encode_name for node in here for field in getattr(node, "fields", ())})
