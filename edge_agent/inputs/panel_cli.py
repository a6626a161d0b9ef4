"""`hawkline panel`: hear what an alarm panel reports, before it is configured anywhere."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.inputs.dc09.contents import Said
from edge_agent.inputs.dc09.receiver import Received, Receiver
from edge_agent.inputs.panels import read_key
from shared.errors import ConfigError
from shared.output import emit, say, to_json

app = typer.Typer(help="Alarm panels that report by SIA DC-09.", no_args_is_help=True)
_NAMED = "what", "partition", "zone", "user", "code", "text"
_DIGITS = frozenset("0123456789ABCDEFabcdef")


@app.callback()
def panel() -> None:
    """Alarm panels that report by SIA DC-09."""


@app.command(epilog="Example: hawkline panel listen --port 12000")
def listen(
    host: Annotated[str, typer.Option("--host", help="our address that panels report to")] = "0.0.0.0",  # noqa: S104 - panels are elsewhere
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP and UDP; 0 takes a free one")] = 12000,
    account: Annotated[str, typer.Option("--account", help="only this one; any where none is named")] = "",
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", help="has the key of the --account: 16, 24 or 32 bytes, as text or hexadecimal"),
    ] = None,
    most: Annotated[int, typer.Option("--for", min=0, help="end behind so many messages; 0: until Ctrl-C")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="a line of JSON each, for programs")] = False,
) -> None:
    """Acknowledge what panels report, and print it: which account, which zone numbers, which codes.

    For setting a panel up: what is no message, or not believed, is told as well. A repeat is acknowledged, and not
    printed again. Nothing is kept, and nothing rings: do not leave it where the panel is to report to.
    """
    if key_file is not None and not account:
        raise ConfigError("--key-file: of which --account?")
    keys = (
        {_account(account): None if key_file is None else read_key(key_file, f"--key-file {key_file}")}
        if account
        else {}
    )
    asyncio.run(_listen(host, port, keys, most, as_json=as_json))


async def _listen(host: str, port: int, keys: dict[str, bytes | None], most: int, *, as_json: bool) -> None:
    heard, over = 0, asyncio.Event()

    async def take(received: Received) -> None:
        nonlocal heard
        heard += 1
        for row in _rows(received):
            emit(to_json(row) if as_json else _line(row))
        if heard == most:
            asyncio.get_running_loop().call_later(0.2, over.set)  # behind the answer

    receiver = Receiver(keys, take, wrong=lambda said: say(f"not taken: {said}"))
    try:
        port = await receiver.listen(host, port)
    except OSError as error:
        raise ConfigError(f"--port {port}: cannot be listened on ({error.strerror})") from None
    say(f"listening on {host}:{port}, TCP and UDP; Ctrl-C ends it")
    try:
        await over.wait()
    finally:
        receiver.close()


def _rows(received: Received) -> list[dict[str, object]]:
    return [_row(received, said) for said in received.said or (None,)]


def _row(received: Received, said: Said | None) -> dict[str, object]:
    message = received.message
    return {
        "at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "address": received.address,
        "account": message.account,
        "kind": message.identifier,
        "code": said.code if said else "",
        "meaning": "poll" if message.is_poll else said.meaning.value if said else "not understood",
        "what": said.what if said else "",
        "over": said.over if said else False,
        "partition": said.partition if said else "",
        "zone": said.zone if said else "",
        "user": said.user if said else "",
        "text": said.text if said else message.content,
    }


def _line(row: dict[str, object]) -> str:
    """The same for people; what is empty is left out."""
    said = [
        str(row["meaning"]),
        "is over" if row["over"] else "",
        *(f"{name} {row[name]}" for name in _NAMED if row[name]),
    ]
    return f"{row['at']} {row['address']} account {row['account']}: {' '.join(each for each in said if each)}"


def _account(text: str) -> str:
    if not (1 <= len(text) <= 16 and set(text) <= _DIGITS):
        raise ConfigError(f"--account {text!r}: expected 1 to 16 hexadecimal digits, as the panel has it")
    return text
