"""`hawkline site`: plans of sites, checked before anybody drives there."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from provisioning.sites.words import Language, Said, language_of
from shared.credentials import http_address
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Plans of sites: a workbook, checked cell by cell (站点规划).", no_args_is_help=True)

PlanArgument = Annotated[Path, typer.Argument(help="a workbook (.xlsx), or a folder with a CSV file for each sheet")]
LanguageOption = Annotated[
    Language | None, typer.Option("--lang", help="of sheets and messages; by default the terminal's")
]
_FILED = ("unit", "person", "phone", "place", "region", "mounted", "cameras", "kept_days", "serving_since")


@app.callback()
def site() -> None:
    """Plans of sites: a workbook, checked cell by cell (站点规划)."""


@app.command(epilog="Example: hawkline site init plan.xlsx --lang zh")
def init(
    to: Annotated[Path, typer.Argument(help="the workbook (.xlsx) or folder to make")],
    empty: Annotated[bool, typer.Option("--empty", help="heads alone, without the rows that show how it goes")] = False,
    lang: LanguageOption = None,
) -> None:
    """Make a workbook to fill in: one site with a box, two cameras, a sensor; what must be filled in has a star."""
    from provisioning.sites import work

    work.example(to, lang or language_of(), empty=empty)
    say(f"{to}: fill it in, then `hawkline site check {to}`")


@app.command(epilog="Example: hawkline site check plan.xlsx")
def check(plan: PlanArgument, lang: LanguageOption = None, output: OutputOption = Output.TABLE) -> None:
    """Say what cannot be right, each with its sheet and cell, before anybody drives there.

    Exit code 1 when there is something.
    """
    from provisioning.sites import work

    language = lang or language_of()
    found, faults = work.read(plan)
    print_rows(work.told(faults, language), output, ("sheet", "cell", "value", "expected"))
    if faults:
        count = Counter(fault.cell.sheet for fault in faults)
        where = ", ".join(f"{sheet} {number}" for sheet, number in count.items())
        say(Said(f"{len(faults)} cells are wrong ({where})", f"有 {len(faults)} 处要改（{where}）").of(language))
        raise typer.Exit(1)
    say(work.size(found).of(language))


@app.command("codes", epilog="Example: hawkline site codes plan.xlsx --to coded.xlsx")
def give_codes(
    plan: PlanArgument,
    to: Annotated[Path, typer.Option("--to", help="the workbook or folder to write")],
    lang: LanguageOption = None,
) -> None:
    """Give a code of GB/T 28181 to each box, camera and sensor that has none, by the region of its place."""
    from provisioning.sites import work

    say(f"{to}: {work.give_codes(plan, to, lang or language_of())} codes given out")


@app.command(epilog="Example: hawkline site build plan.xlsx --to boxes --door https://alarm.example.org:8421")
def build(
    plan: PlanArgument,
    to: Annotated[Path, typer.Option("--to", help="folder, made anew: SITE/BOX/agent.toml and its scenes")],
    door: Annotated[
        str, typer.Option("--door", help="the boxes' door of the centre; empty: a trial on one machine")
    ] = "",
    passwords: Annotated[
        Path | None, typer.Option("--passwords", help="CSV with a head: site,box,camera,password; it stays with you")
    ] = None,
    lang: LanguageOption = None,
) -> None:
    """Write the files of every box, as its agent reads them; only of a plan in which nothing is wrong."""
    from provisioning.sites import work

    if door:
        try:
            http_address(door, "https://HOST:PORT", ("https",))
        except ValueError as error:
            raise ConfigError(f"--door: {error}") from None
    if to.exists():
        raise ConfigError(f"{to}: is there already; name another folder, nothing was written")
    boxes, lacking = work.build(plan, to, door, passwords, lang or language_of())
    if lacking:
        say(f"warning: {lacking} cameras have a user and no password: give it in the file of --passwords")
    say(f"{to}: {boxes} boxes")


@app.command(epilog="Example: hawkline site filing plan.xlsx -o csv")
def filing(
    plan: PlanArgument,
    kept_days: Annotated[int, typer.Option("--kept-days", min=30, help="for how long pictures are kept")] = 30,
    serving_since: Annotated[str, typer.Option("--since", help="when it went into service: 2026-12-01")] = "",
    lang: LanguageOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What is filed with the police within thirty days (decree 799, section 14): units, places, cameras and kinds."""
    from provisioning.sites import work
    from provisioning.sites.filing import filed

    language = lang or language_of()
    print_rows(filed(work.sound(plan, language), kept_days, serving_since, language), output, _FILED)
