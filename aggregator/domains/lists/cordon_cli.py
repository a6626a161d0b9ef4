"""`hawkline cordon`: a plate at checkpoints around a place, at once (快速封控)."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from aggregator.client.passwords import password_from
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Cordons (快速封控): one plate at checkpoints around a place, at once.", no_args_is_help=True)
_COLUMNS = ("number", "state", "armed", "site", "title", "case_number", "started_by", "confirm_by", "ends_at")
_BOXES = ("rank", "site", "agent", "km", "state", "box_state", "error")
NumberArgument = Annotated[int, typer.Argument(min=1, help="number of the cordon")]
AsOption = Annotated[str, typer.Option("--as", help="your account; its password is asked for")]
PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="has the password in its first line; - is standard input")
]


@app.callback()
def cordon() -> None:
    """Cordons (快速封控): one plate at checkpoints around a place, at once."""


@app.command(
    epilog="Example: hawkline cordon start --plate 皖A12345 --site north --title 'hit and run' --purpose 'accident at "
    "10:20' --case 2026-1187 --instructions 'stop it, call the shift leader' --as li"
)
def start(
    title: Annotated[str, typer.Option("--title", help="what people call it")],
    purpose: Annotated[str, typer.Option("--purpose", help="what it is for")],
    case: Annotated[str, typer.Option("--case", help="number of the case, or of the order")],
    instructions: Annotated[str, typer.Option("--instructions", help="what to do on a hit")],
    name: AsOption,
    plate: Annotated[
        str, typer.Option("--plate", help="as it was told; - asks for it, so that no history has it")
    ] = "",
    alert: Annotated[int | None, typer.Option("--alert", min=1, help="of a hit, whose plate it is")] = None,
    site: Annotated[str, typer.Option("--site", help="what is closed off; of a hit where it was")] = "",
    hours: Annotated[float, typer.Option("--hours", min=0.1, max=12, help="until it ends by itself")] = 2.0,
    checkpoints: Annotated[int, typer.Option("--checkpoints", min=1, max=300, help="how many take part")] = 40,
    priority: Annotated[int, typer.Option("--priority", min=1, max=4, help="of a hit, 1 is the highest")] = 1,
    file: PasswordOption = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Start one, as a person who signs in; another one confirms it within half an hour, or all of it is forgotten."""
    body = {
        "plate": _asked_for(plate, file),
        "alert": alert,
        "site": site,
        "title": title,
        "purpose": purpose,
        "case_number": case,
        "instructions": instructions,
        "priority": priority,
        "hours": hours,
        "checkpoints": checkpoints,
    }
    done = _as(url, name, file, lambda client: client.change("POST", "/api/v1/cordons", body))
    said = f"cordon {done['number']}: {len(done['boxes'])} checkpoints around {done['site']} until"
    confirmed = f"another person confirms it by {local(done['confirm_by'])}"
    say(f"{said} {local(done['ends_at'])}; {confirmed}: hawkline cordon confirm {done['number']} --as NAME")


@app.command(epilog="Example: hawkline cordon confirm 9 --as wang")
def confirm(
    number: NumberArgument, name: AsOption, file: PasswordOption = None, url: options.UrlOption = options.URL
) -> None:
    """Stand for a cordon as the second person."""
    done = _as(url, name, file, lambda client: client.change("POST", f"/api/v1/cordons/{number}/confirm"))
    say(f"cordon {number} is confirmed, and ends at {local(done['ends_at'])}; {_armed(done)} are armed")


@app.command(epilog="Example: hawkline cordon show 9")
def show(
    number: Annotated[int | None, typer.Argument(min=1, help="number of a cordon; all where none is named")] = None,
    over: Annotated[bool, typer.Option("--over", help="also those that have ended")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="at most so many")] = 50,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Cordons and how many of their boxes are armed; or of one each box, and why it is not."""
    client = ApiClient(url)
    if number is None:
        found = client.get("/api/v1/cordons", {"over": over or None, "limit": limit})
        print_rows(found if output is Output.JSON else [_told(each) for each in found], output, _COLUMNS)
        return
    one = client.get(f"/api/v1/cordons/{number}", {})
    print_rows([one] if output is Output.JSON else one["boxes"], output, _BOXES)
    if output is Output.TABLE:
        said = f"cordon {number}, {one['title']}: {one['state']}, {_armed(one)} armed, until {local(one['ends_at'])}"
        waits = f"; waits for another person until {local(one['confirm_by'])}" if one["state"] == "unconfirmed" else ""
        say(said + waits)


@app.command(epilog="Example: hawkline cordon end 9 --why 'it was found'")
def end(
    number: NumberArgument,
    why: Annotated[str, typer.Option("--why", help="for the audit")],
    url: options.UrlOption = options.URL,
) -> None:
    """End a cordon now, everywhere. One that nobody has confirmed is forgotten, with its hits."""
    done = ApiClient(url).change("POST", f"/api/v1/cordons/{number}/end", {"why": why})
    forgotten = "; nobody had confirmed it, so its hits are forgotten" if done["state"] == "lapsed" else ""
    say(f"cordon {number} is over{forgotten}; its boxes are told: hawkline cordon show {number}")


def _as(url: str, name: str, file: Path | None, deed: Callable[[ApiClient], Any]) -> Any:
    client = ApiClient(url)
    with client.as_person(name, password_from(file, new=False), lambda: str(typer.prompt("six digits", err=True))):
        return deed(client)


def _asked_for(plate: str, file: Path | None) -> str:
    """A plate; `-` stands for one that is typed unseen by shell histories and lists of processes.

    Raises:
        ConfigError: plate and password cannot both come from standard input.
    """
    if plate != "-":
        return plate
    if file is not None and str(file) == "-" and not sys.stdin.isatty():
        raise ConfigError("--plate -: standard input is the password's already")
    return str(typer.prompt("plate", err=True))


def _armed(one: dict[str, Any]) -> str:
    return f"{sum(box['state'] == 'armed' for box in one['boxes'])} of {len(one['boxes'])}"


def _told(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "armed": _armed(one), **{name: local(one[name]) for name in ("confirm_by", "ends_at")}}
