"""Passwords that commands are told."""

import sys
from pathlib import Path

import typer

from shared.errors import ConfigError


def password_from(file: Path | None, *, new: bool = True) -> str:
    """The first line of a file, or of standard input; asked for where there is none.

    Args:
        new: it is asked for twice.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    if file is None:
        return str(typer.prompt("password", hide_input=True, confirmation_prompt=new, err=True))
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--password-file {file}: cannot be read ({error})") from None
    found = text.splitlines()[0] if text.strip() else ""
    if not found:
        raise ConfigError(f"--password-file {file}: its first line is empty")
    return found
