"""Typed TOML files: one struct per file, and errors that name file, key and expectation."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from shared.errors import ConfigError
from shared.ids import NAME_RULE, WHOLE_NAME

T = TypeVar("T")
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a table in a settings file: a key that the program does not know is an error, not a silence."""


_PART = re.compile(r"\bpoints\[|_height$")
_FULL_WIDTH = {
    "，": ("全角逗号", "a comma ,"),
    "、": ("顿号", "a comma ,"),
    "“": ("全角引号", 'a quote "'),
    "”": ("全角引号", 'a quote "'),
    "‘": ("全角引号", 'a quote "'),
    "’": ("全角引号", 'a quote "'),
    "＂": ("全角引号", 'a quote "'),
    "。": ("全角句号", "a point ."),
    "＝": ("全角等号", "="),
    "【": ("全角括号", "["),
    "】": ("全角括号", "]"),
    "\u3000": ("全角空格", "a space"),
}
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
        said = _explain(str(error), kind)
        raise ConfigError(f"{source}: {said}{_names(said, text)}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {_full_width(text) or error}") from None
    except (RecursionError, ValueError) as error:  # nested a thousand deep, or a number of thousands of digits
        raise ConfigError(f"{source}: cannot be read: {str(error)[:100]}") from None


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
    if "unknown field" in said:
        said += f", expected one of: {', '.join(_known_keys(kind, path))}"
    elif WHOLE_NAME in said.replace("\\\\", "\\"):
        said = f"expected {NAME_RULE}" + ("; what people call it: hawkline place put --title" if path == "site" else "")
    elif "enum value" in said:
        said += f", expected one of: {', '.join(_known_words(kind, path))}"
    elif "matching regex" in said:
        slash = "/]" in said
        said = (
            "expected text without a slash or control characters"
            if slash
            else "expected text without control characters"
        )
    elif said.startswith("Invalid value") and path.endswith("kind"):
        said += f", expected one of: {', '.join(_known_tags(kind, path.rpartition('.')[0]))}"
    elif _PART.search(path) and "float" in said:
        said += ": a part of the picture, 0 to 1 from its top left, not pixels"
    return f"key {path or '(top level)'}: {said[:1].lower()}{said[1:]}"


def _names(said: str, text: str) -> str:
    """Which camera, line, zone or lane a number in a key is: `cameras[1]` says little to people."""
    node: Any = msgspec.toml.decode(text)
    found, key = list[str](), ""
    for word, place in re.findall(r"(\w+)|\[(\d+)\]", said.removeprefix("key ").partition(":")[0]):
        if word:
            key, node = word, node.get(word) if isinstance(node, dict) else None
        else:
            node = node[int(place)] if isinstance(node, list) and int(place) < len(node) else None
            if isinstance(node, dict) and isinstance(node.get("name"), str):
                found.append(f"{key}[{place}] is {node['name']!r}")
    return f" ({', '.join(found)})" if found else ""


def _full_width(text: str) -> str | None:
    """The first letter that a Chinese keyboard has put where TOML wants ASCII, and its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        for letter in re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|#.*", "", line):
            if letter in _FULL_WIDTH:
                name, wanted = _FULL_WIDTH[letter]
                return f"line {number}: {letter} is full-width ({name}), expected {wanted}"
            if "\uff01" <= letter <= "\uff5e":  # their ASCII twins lie in the same order
                return f"line {number}: {letter} is full-width (全角), expected {chr(ord(letter) - 0xFEE0)}"
    return None


def _known_keys(kind: type[Any], path: str) -> list[str]:
    """The keys of the struct at a path such as `cameras[0].source`."""
    return sorted({field.encode_name for node in _types_at(kind, path) for field in getattr(node, "fields", ())})


def _known_words(kind: type[Any], path: str) -> list[str]:
    """The words that a value at a path may have."""
    nodes = _types_at(kind, path)
    words = [word for node in nodes for word in getattr(node, "values", ())]
    enums = [node.cls for node in nodes if isinstance(node, msgspec.inspect.EnumType)]
    return [*map(str, words), *(str(each.value) for enum in enums for each in enum)]


def _known_tags(kind: type[Any], path: str) -> list[str]:
    """The kinds that a table at a path may be of."""
    return sorted({str(node.tag) for node in _types_at(kind, path) if getattr(node, "tag", None)})


def _types_at(kind: type[Any], path: str) -> list[Any]:
    here: list[Any] = [msgspec.inspect.type_info(kind)]
    for key in re.findall(r"[^.\[\]]+|\.\.\.", path):
        step = []
        for node in here:
            if key == "...":  # a value of a table whose key is not told
                step.append(getattr(node, "value_type", node))
            elif key.isdigit():
                step.append(getattr(node, "item_type", node))
            else:
                step += [field.type for field in getattr(node, "fields", ()) if field.encode_name == key]
        here = [
            part for node in step for part in (node.types if isinstance(node, msgspec.inspect.UnionType) else (node,))
        ]
    return here
