"""`hawkline audit`: who changed or looked at what, and whether that was tampered with."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local, since_until
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

_PICTURE = "picture seen"
_PAGE, _PAGES = 1000, 50
_COLUMNS = ("number", "at", "who", "origin", "what", "subject", "why", "detail")
app = typer.Typer(help="Who changed or looked at what, when, why and from where.", no_args_is_help=True)


@app.command("list", epilog="Example: hawkline audit list --since 30d --pictures -o csv")
def list_entries(
    url: options.UrlOption = options.URL,
    who: Annotated[str | None, typer.Option("--who", help="such as administrator")] = None,
    what: Annotated[
        str | None, typer.Option("--what", help="exactly, such as 'picture seen' or 'export taken'")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="exactly, such as north/gate or 'export 7'")] = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="also who looked at which picture")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="at most so many")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List entries of the audit, the newest first. Pictures that were looked at are left out unless asked for."""
    span = since_until(since, until, datetime.now().astimezone())
    found = Found(ApiClient(url), {"who": who, "what": what, "subject": subject, **span})
    rows = found.newest(limit, hidden=None if pictures or what or subject else _PICTURE)
    print_rows([{**row, "at": local(row["at"])} for row in rows], output, _COLUMNS)
    if found.hidden:
        say(f"{found.hidden} pictures that were looked at are left out: --pictures shows them")
    if found.more:
        say("older entries were not gone through: narrow --since and --until, or give --pictures")


@app.command(epilog="Example: hawkline audit verify --config /etc/hawkline/aggregator.toml --seen 4711:9f2c…")
def verify(
    config: Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)],
    seen: Annotated[
        list[str] | None,
        typer.Option("--seen", help="NUMBER:HASH of an entry that an earlier `verify` printed; repeat it"),
    ] = None,
    seen_file: Annotated[
        Path | None,
        typer.Option("--seen-file", help="what another machine was told: any text with `audit: NUMBER:HASH` in it"),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Walk through the whole chain. Exit code 1 where it was tampered with.

    Keep what it prints somewhere else, or have another machine told ([audit] syslog): with --seen or --seen-file
    everything up to the newest of these entries is proven; what came after it is consistent, and no more.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.embedded.database_access import opened
    from aggregator.store.audit import ChainError, audit_key
    from aggregator.store.audit import verify as walk

    settings = load_aggregator_settings(config)
    known = [*map(_seen, seen or ()), *(_told(seen_file) if seen_file else ())]
    with opened(settings, config) as database, database.connect("audit") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # an entry may go for its age meanwhile
        try:
            found = walk(connection, lambda: audit_key(settings.data_dir, make=False).public_key(), known)
        except ChainError as error:
            broken = {"first": None, "last": None, "seen": None, "proven_to": None, "verdict": f"BROKEN: {error}"}
            print_rows([broken], output)
            raise typer.Exit(1) from None
    whole = {"first": found.first, "last": found.last, "seen": f"{found.last}:{found.hash.hex()}"}
    proven_to = max((number for number, _ in known), default=0)
    print_rows([{**whole, "proven_to": proven_to, "verdict": "whole"}], output)
    if not known:
        say("nothing is proven without --seen: whoever owns the database can make a whole chain anew")


class Found:
    """Entries of the audit, gone through a page at a time.

    Attributes:
        hidden: how many were left out on the way.
        more: whether there are older ones that were not gone through, though too few were found.
    """

    def __init__(self, client: ApiClient, asked: dict[str, Any]) -> None:
        self._client, self._asked = client, asked
        self.hidden, self.more = 0, False

    def newest(self, limit: int, hidden: str | None) -> list[dict[str, Any]]:
        """The newest `limit` entries, without those of one kind."""
        shown: list[dict[str, Any]] = []
        before = None
        for _ in range(_PAGES):
            size = _PAGE if hidden else limit
            page = self._client.get("/api/v1/audit", {**self._asked, "before": before, "limit": size})
            for row in page:
                if row["what"] == hidden:
                    self.hidden += 1
                    continue
                shown.append(row)
                if len(shown) == limit:
                    return shown
            if len(page) < size:
                return shown
            before = page[-1]["number"]
        self.more = True
        return shown


def _told(path: Path) -> list[tuple[int, bytes]]:
    """What the log of another machine holds.

    Raises:
        ConfigError: it cannot be read, or nothing of ours is in it.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"--seen-file {path}: cannot be read ({error.strerror})") from None
    found = re.findall(r"audit: (\d{1,18}:[0-9a-f]{64})", text)
    if not found:
        raise ConfigError(f"--seen-file {path}: holds no `audit: NUMBER:HASH`")
    return [_seen(each) for each in dict.fromkeys(found)]


def _seen(text: str) -> tuple[int, bytes]:
    number, _, digest = text.partition(":")
    try:
        if len(digest) != 64:
            raise ValueError
        return int(number), bytes.fromhex(digest)
    except ValueError:
        raise ConfigError(f"--seen {text!r}: expected NUMBER:HASH as `hawkline audit verify` prints it") from None
