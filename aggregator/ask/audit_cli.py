"""`hawkline audit`: who changed or looked at what, and whether that was tampered with."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aggregator.ask import options
from aggregator.ask.client import ApiClient
from aggregator.ask.moments import local, since_until
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Who changed or looked at what, when, why and from where.", no_args_is_help=True)


@app.command("list", epilog="Example: hawkline audit list --since 30d --what 'picture seen' -o csv")
def list_entries(
    url: options.UrlOption = options.URL,
    who: Annotated[str | None, typer.Option("--who", help="such as administrator")] = None,
    what: Annotated[str | None, typer.Option("--what", help="such as 'picture seen'")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="such as north/gate")] = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="at most so many")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List entries of the audit, the newest first."""
    span = since_until(since, until, datetime.now().astimezone())
    asked = {"who": who, "what": what, "subject": subject, **span, "limit": limit}
    rows = ApiClient(url).get("/api/v1/audit", asked)
    print_rows([{**row, "at": local(row["at"])} for row in rows], output)


@app.command(epilog="Example: hawkline audit verify --config /etc/hawkline/aggregator.toml --seen 4711:9f2c…")
def verify(
    config: Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)],
    seen: Annotated[
        str | None, typer.Option("--seen", help="NUMBER:HASH of an entry that an earlier `verify` printed")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Walk through the whole chain, from its last anchor on. Exit code 1 where it was tampered with.

    Keep what it prints somewhere else: with --seen it finds out whether the newest entries were deleted since.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.store.audit import ChainError, audit_key
    from aggregator.store.audit import verify as walk
    from aggregator.upkeep.opened import opened

    settings = load_aggregator_settings(config)
    known = _seen(seen) if seen else None
    with opened(settings, config) as database, database.connect("audit") as connection:
        try:
            found = walk(connection, lambda: audit_key(settings.data_dir, make=False).public_key(), known)
        except ChainError as error:
            print_rows([{"first": None, "last": None, "seen": None, "verdict": f"BROKEN: {error}"}], output)
            raise typer.Exit(1) from None
    print_rows(
        [{"first": found.first, "last": found.last, "seen": f"{found.last}:{found.hash.hex()}", "verdict": "whole"}],
        output,
    )


def _seen(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    try:
        if len(digest) != 64:
            raise ValueError
        return int(number), bytes.fromhex(digest)
    except ValueError:
        raise ConfigError(f"--seen {text!r}: expected NUMBER:HASH as `hawkline audit verify` prints it") from None
