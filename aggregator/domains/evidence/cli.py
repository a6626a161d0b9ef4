"""`hawkline export`: pictures that leave the centre, with nobody to be recognised in them."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from shared.errors import ConfigError, UnavailableError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Pictures that leave the centre (导出): nobody is recognised in them.", no_args_is_help=True)
_COLUMNS = ("id", "state", "box_state", "why", "alerts", "site", "agent", "recipient", "purpose", "asked_at", "taken")
_WAIT_S, _ASK_AGAIN_S = 120.0, 0.5
NumberArgument = Annotated[int, typer.Argument(min=1, help="number of the export")]
OutArgument = Annotated[
    Path | None, typer.Option("--out", help="where the picture goes; hawkline-export-N.jpg where it is not said")
]


@app.callback()
def export() -> None:
    """Pictures that leave the centre (导出): nobody is recognised in them."""


@app.command(epilog="Example: hawkline export ask 41 --purpose 'claim 2026-88, broken gate' --to 'the insurer'")
def ask(
    alert: Annotated[int, typer.Argument(min=1, help="the alert whose picture it is")],
    purpose: Annotated[str, typer.Option("--purpose", help="what it is exported for; it stands in the audit")],
    recipient: Annotated[str, typer.Option("--to", help="who gets it; it stands in the audit")],
    picture: Annotated[
        int, typer.Option("--picture", min=1, help="which of its pictures, in the order in which they were taken")
    ] = 1,
    blur: Annotated[
        list[str] | None,
        typer.Option(
            "--blur", help="LEFT,TOP,RIGHT,BOTTOM, 0 to 1 of its sides: what is blurred besides people; again for more"
        ),
    ] = None,
    out: OutArgument = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Have a picture rendered by its box so that nobody is recognised in it, wait for it, and keep it as a file.

    The number of an alert stands on its card. Two minutes are waited at most; `fetch` takes it later. Look at it before
    it leaves: what the detector missed is named with `--blur`, in an export of its own.
    """
    areas = [_area(text) for text in blur or ()]
    for option, said, least in (("--purpose", purpose, 4), ("--to", recipient, 2)):
        if not least <= len(said.strip()) <= 200:
            raise ConfigError(f"{option}: expected {least} to 200 characters; it stands in the audit")
    _require_free(out)
    client = ApiClient(url)
    of = client.get(f"/api/v1/alerts/{alert}", {})
    where = "/".join(of[name] for name in ("site", "agent", "camera", "name") if of[name])
    say(f"alert {alert}: {of['words']['en']} {where}, {local(of['first_at'])}")
    found = client.get(f"/api/v1/alerts/{alert}/pictures", {"limit": picture})["pictures"]
    if len(found) < picture:
        raise ConfigError(f"--picture {picture}: alert {alert} has {len(found)} pictures that are kept")
    case = client.change("POST", "/api/v1/cases", {"purpose": purpose})
    try:
        wish = {"sha256": found[-1]["sha256"], "case": case["id"], "recipient": recipient, "areas": areas}
        asked = client.change("POST", "/api/v1/exports", wish)
    finally:
        client.change("POST", f"/api/v1/cases/{case['id']}/close")
    number, until_s = asked["id"], time.monotonic() + _WAIT_S
    said = ""
    while True:
        if said != (said := _waits(asked)):
            say(said)
        if asked["state"] != "waiting" or time.monotonic() >= until_s:
            break
        time.sleep(_ASK_AGAIN_S)
        asked = client.get(f"/api/v1/exports/{number}", {})
    if asked["state"] == "waiting":
        why = f" ({asked['why']})" if asked["why"] else ""
        raise UnavailableError(f"export {number} waits for its box{why}; later: hawkline export fetch {number}")
    if asked["state"] == "failed":
        raise ConfigError(f"export {number}: {asked['why']}")
    _fetch(client, number, out)


@app.command("list", epilog="Example: hawkline export list -o json")
def list_exports(
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="at most so many")] = 50,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Your own exports of the last seven days, the newest first, and what keeps those that wait."""
    found = ApiClient(url).get("/api/v1/exports", {"limit": limit})
    print_rows(
        found if output is Output.JSON else [_told(each) for each in found],
        output,
        () if output is Output.JSON else _COLUMNS,
    )


@app.command(epilog="Example: hawkline export fetch 7 --out gate.jpg")
def fetch(number: NumberArgument, out: OutArgument = None, url: options.UrlOption = options.URL) -> None:
    """Take one that is ready away, as a file."""
    _fetch(ApiClient(url), number, out)


@app.command("give-up", epilog="Example: hawkline export give-up 7")
def give_up(number: NumberArgument, url: options.UrlOption = options.URL) -> None:
    """Delete one, whether its picture has come or not."""
    ApiClient(url).change("DELETE", f"/api/v1/exports/{number}")
    say(f"export {number} is deleted")


def _fetch(client: ApiClient, number: int, out: Path | None) -> None:
    path = out or Path(f"hawkline-export-{number}.jpg")
    _require_free(path)
    jpeg = client.content(f"/api/v1/exports/{number}/picture?take=true")
    try:
        path.write_bytes(jpeg)
    except OSError as error:
        raise ConfigError(
            f"--out {str(path)!r}: cannot be written ({error.strerror}); again: hawkline export fetch {number}"
        ) from None
    say(f"export {number} is in {path}: look at it before it leaves")


def _area(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not (0 <= numbers[0] < numbers[2] <= 1 and 0 <= numbers[1] < numbers[3] <= 1):
        expected = "LEFT,TOP,RIGHT,BOTTOM, each 0 to 1 of the picture's sides, LEFT before RIGHT and TOP before BOTTOM"
        raise ConfigError(f"--blur {text!r}: expected {expected}, such as 0.4,0.3,0.5,0.6")
    return numbers


def _require_free(out: Path | None) -> None:
    """Before anything is taken: what stands in the audit as taken shall be there."""
    if out is None:
        return
    if out.exists():
        raise ConfigError(f"--out {str(out)!r}: is there already; name another file")
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"--out {str(out)!r}: there is no folder {str(out.absolute().parent)!r}")


def _waits(one: dict[str, Any]) -> str:
    number, box = one["id"], f"{one['site']}/{one['agent']}"
    if one["state"] != "waiting":
        return f"export {number}: {one['state']}"
    if one["box_state"] != "online":
        return f"export {number} waits: box {box} is not there"
    return f"export {number}: {box} renders it" + (f" ({one['why']})" if one["why"] else "")


def _told(one: dict[str, Any]) -> dict[str, Any]:
    told = {**one, "asked_at": local(one["asked_at"]), "alerts": " ".join(map(str, one["alerts"]))}
    return {name: told[name] for name in _COLUMNS}
