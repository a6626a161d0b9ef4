"""What commands about people are told: roles in places, passwords."""

import sys
from pathlib import Path

import typer

from shared.errors import ConfigError
from shared.ids import check_name


def role_there(text: str) -> dict[str, str | None]:
    """`ROLE` or `ROLE@PLACE`.

    Raises:
        ConfigError: it is neither.
    """
    role, at, place = text.partition("@")
    check_name(role, f"{text!r}: role")
    if at:
        check_name(place, f"{text!r}: place")
    return {"role": role, "place": place if at else None}


def password_from(file: Path | None) -> str:
    """The first line of a file, or of standard input; asked for twice where there is none.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    if file is None:
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--password-file {file}: cannot be read ({error})") from None
    found = text.splitlines()[0] if text.strip() else ""
    if not found:
        raise ConfigError(f"--password-file {file}: its first line is empty")
    return found
