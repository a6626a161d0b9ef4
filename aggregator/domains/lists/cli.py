"""`hawkline list`: lists of plates (布控), from the draft to their end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from aggregator.client.passwords import password_from
from aggregator.client.tables import cells_of
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Lists of plates: one person draws one up, another approves it.", no_args_is_help=True)
_COLUMNS = ("number", "state", "title", "case_number", "place", "entries", "ends_at", "drawn_by", "decided_by")
_WHOLE = (
    *("number", "kind", "state", "version", "title", "purpose", "case_number", "place", "priority", "instructions"),
    *("entries", "ends_at", "drawn_by", "drawn_at", "submitted_at", "decided_by", "decided_at", "why"),
)
_BOXES = ("site", "agent", "box_state", "state", "error")
_MOST_NAMED = 5
NumberArgument = Annotated[int, typer.Argument(min=1, help="number of the list")]


@app.callback()
def lists() -> None:
    """Lists of plates: one person draws one up, another approves it."""


@app.command(
    epilog="Example: hawkline list draw --title 'stolen lorries' --purpose 'theft of 12 November' --case 2026-1187"
    " --place north --instructions 'do not stop it, call the shift leader' plates.csv"
)
def draw(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8: a plate a line, its first column; - is standard input")],
    title: Annotated[str, typer.Option("--title", help="what people call it")],
    purpose: Annotated[str, typer.Option("--purpose", help="what it is for")],
    case: Annotated[str, typer.Option("--case", help="number of the case, or of the order")],
    place: Annotated[str, typer.Option("--place", help="where it is in force: a site, or a place above sites")],
    instructions: Annotated[str, typer.Option("--instructions", help="what to do on a hit")],
    priority: Annotated[int, typer.Option("--priority", min=1, max=4, help="of the alert, 1 is the highest")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="so long after now it ends")] = 30,
    known: Annotated[bool, typer.Option("--known", help="own vehicles, which never ring")] = False,
    url: options.UrlOption = options.URL,
) -> None:
    """Draw up a list; it is a draft. With a line that is no plate nothing is drawn up, and all such lines are named."""
    body = {
        "title": title,
        "purpose": purpose,
        "case_number": case,
        "place": place,
        "priority": priority,
        "instructions": instructions,
        "kind": "known" if known else "watch",
        "ends_at": (datetime.now().astimezone() + timedelta(days=days)).isoformat(),
        "entries": plates_in(file),
    }
    found = ApiClient(url).change("POST", "/api/v1/lists", body)
    number = found["number"]
    say(f"list {number}: a draft of {found['entries']} plates; submit it: hawkline list submit {number}")


@app.command(epilog="Example: hawkline list submit 7")
def submit(number: NumberArgument, url: options.UrlOption = options.URL) -> None:
    """Ask for a list's approval."""
    ApiClient(url).change("POST", f"/api/v1/lists/{number}/submit")
    say(f"list {number} waits for another person's approval: hawkline list approve {number} --as NAME")


@app.command(epilog="Example: hawkline list approve 7 --as wang")
def approve(
    number: NumberArgument,
    name: Annotated[str, typer.Option("--as", help="your account; its password is asked for")],
    refuse: Annotated[bool, typer.Option("--refuse", help="refuse it, or take back an approval")] = False,
    why: Annotated[str, typer.Option("--why", help="for who drew it up, and the audit")] = "",
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="that you have looked at; of a newer one nothing is decided")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--password-file", help="has the password in its first line; - is standard input")
    ] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Approve a list, as a person who signs in: no key does, and nobody who had a hand in it."""
    client = ApiClient(url)
    with client.as_person(name, password_from(file, new=False), lambda: str(typer.prompt("six digits", err=True))):
        seen = client.get(f"/api/v1/lists/{number}", {})
        version = seen["version"] if version is None else version
        what = f"{seen['title']}: {seen['entries']} plates, {seen['purpose']}; drawn up by {seen['drawn_by']}"
        say(f"version {seen['version']} of list {number}, {what}")
        body = {"approved": not refuse, "version": version, "why": why}
        done = client.change("POST", f"/api/v1/lists/{number}/decide", body)
    say(f"list {number} is {done['state']}" + (f", until {local(done['ends_at'])}" if not refuse else ""))


@app.command(epilog="Example: hawkline list withdraw 7 --why 'found'")
def withdraw(
    number: NumberArgument,
    why: Annotated[str, typer.Option("--why", help="for the audit")],
    url: options.UrlOption = options.URL,
) -> None:
    """End a list now: its entries are forgotten."""
    ApiClient(url).change("POST", f"/api/v1/lists/{number}/withdraw", {"why": why})
    say(f"list {number} is withdrawn, and keeps no plate")


@app.command(epilog="Example: hawkline list show 7 --purpose 'is the lorry in it'")
def show(
    number: Annotated[int | None, typer.Argument(min=1, help="number of a list; all where none is named")] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="show its plates, and say in the audit what for", show_default=False)
    ] = None,
    entry: Annotated[
        int | None, typer.Option("--entry", min=1, help="of a hit: with --purpose its plate alone", show_default=False)
    ] = None,
    boxes: Annotated[bool, typer.Option("--boxes", help="show which checkpoints' boxes hold it, or still do")] = False,
    over: Annotated[bool, typer.Option("--over", help="also those that were withdrawn or have ended")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="at most so many lists")] = 200,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists, or one of them; its plates only with what one looks for.

    A box holds a list when it has said so itself.
    """
    client = ApiClient(url)
    if number is None:
        if purpose is not None or boxes:
            raise ConfigError(f"{'--boxes' if boxes else '--purpose'}: of which list? Name its number")
        found = client.get("/api/v1/lists", {"over": over or None, "limit": limit})
        print_rows(found if output is Output.JSON else [_told(each) for each in found], output, _COLUMNS)
        return
    if purpose is not None:
        seen = client.change("POST", f"/api/v1/lists/{number}/look", {"purpose": purpose, "entry": entry})
        print_rows(seen["entries"], output, ("entry", "plate"))
        return
    if entry is not None:
        raise ConfigError("--entry: its plate is shown for a --purpose, which stands in the audit")
    asked = client.get(f"/api/v1/lists/{number}/boxes", {})
    if boxes:
        print_rows(asked, output, _BOXES)
        return
    one = client.get(f"/api/v1/lists/{number}", {})
    if output is not Output.TABLE:
        print_rows([one if output is Output.JSON else _told(one)], output, _WHOLE)
        return
    told = _told(one)
    print_rows([{"what": name, "said": told[name]} for name in _WHOLE if told[name] not in (None, "")], output)
    if one["state"] == "approved":
        say(_held(asked, number, "held", "hold it"))
    elif asked:
        say(_held(asked, number, "released", "have said that they hold it no more"))


def _held(boxes: Sequence[dict[str, Any]], number: int, state: str, what: str) -> str:
    """How far a list in force has come, or its end."""
    if not boxes:
        return "no box there has a checkpoint: nothing is compared with this list"
    missing = [f"{each['site']}/{each['agent']}" for each in boxes if each["state"] != state]
    said = f"{len(boxes) - len(missing)} of {len(boxes)} boxes {what}"
    if not missing:
        return said
    named = ", ".join(missing[:_MOST_NAMED]) + (" …" if len(missing) > _MOST_NAMED else "")
    return f"{said}; not {named}: hawkline list show {number} --boxes"


def _told(one: dict[str, Any]) -> dict[str, Any]:
    times = ("ends_at", "drawn_at", "submitted_at", "decided_at")
    return {**one, **{name: local(one[name]) for name in times if one[name]}}


def plates_in(file: Path) -> list[str]:
    """The first column of a CSV file; lines that are empty, and a head, are left out.

    Raises:
        ConfigError: the file cannot be read, or holds nothing.
    """
    columns = [cells[0] for _, cells in cells_of(file) if cells[0]]
    if columns and not any(letter.isdigit() for letter in columns[0]):
        columns = columns[1:]  # a head such as 车牌
    if not columns:
        raise ConfigError(f"{file}: no plate in it, expected one a line")
    return columns
