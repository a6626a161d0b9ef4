"""The passphrase of the root's key: from a file, from who sits there, or on purpose none."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigError

PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="passphrase of the root's key; without, it is asked for")
]
OpenOption = Annotated[bool, typer.Option("--no-passphrase", help="the root's key is kept safe in another way")]
_SHORTEST = 8


def passphrase(file: Path | None, none: bool, *, twice: bool = False, known: bool = False) -> bytes:
    """The passphrase; empty where none is wanted.

    Args:
        file: that holds it; None asks.
        none: none is wanted.
        twice: who types it types it again.
        known: it opens what is there, so it is as long as it is.

    Raises:
        ConfigError: there is no operator to ask, or it is too short.
    """
    if file and none:
        raise ConfigError("--passphrase-file and --no-passphrase: one of them")
    if none:
        return b""
    if file:
        try:
            found = file.read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"--passphrase-file {file}: cannot be read ({error.strerror})") from None
    elif sys.stdin.isatty():
        found = str(typer.prompt("passphrase of the root's key", hide_input=True, confirmation_prompt=twice)).encode()
    else:
        raise ConfigError("--passphrase-file: needed, because there is no terminal to ask at; or --no-passphrase")
    if not known and len(found) < _SHORTEST:
        raise ConfigError(f"the passphrase has at least {_SHORTEST} characters")
    return found
