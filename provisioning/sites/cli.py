"""`hawkline site`: plans of sites, checked before anybody drives there."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from provisioning.sites.words import Language, Said, language_of
from shared.credentials import http_address
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say
from shared.topics import Address

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


@app.command(epilog="Example: hawkline site diff plan.xlsx")
def diff(
    plan: PlanArgument,
    before: Annotated[
        Path | None, typer.Argument(help="the plan that it is compared with; by default the one in force at the centre")
    ] = None,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """What would change: rows that are added or removed, cells that say something else.

    Both plans have to be right. Exit code 1 where nothing would change.
    """
    from provisioning.sites import centre, work
    from provisioning.sites.differences import differences

    language = lang or language_of()
    after = centre.sheets_of(work.sound(plan, language))
    if before is None:
        known = centre.newest(ApiClient(url))
        old = known["sheets"] if known else {}
    else:
        old = centre.sheets_of(work.sound(before, language))
    rows = [each._asdict() for each in differences(old, after)]
    print_rows(rows, output, ("sheet", "what", "name", "column", "before", "after"))
    if not rows:
        raise typer.Exit(1)


@app.command(epilog="Example: hawkline site apply plan.xlsx --why 'gate of the north village'")
def apply(
    plan: PlanArgument,
    why: Annotated[str, typer.Option("--why", help="for the audit")] = "",
    based_on: Annotated[
        int | None,
        typer.Option("--based-on", min=0, help="the plan that this one replaces, where the file does not say"),
    ] = None,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Have a plan in force at the centre: the tree of places, and what is said of sensors; all of it or nothing.

    It is refused where another planner has applied one meanwhile. The same plan again changes nothing.
    """
    from provisioning.sites import centre, work

    language = lang or language_of()
    found, client = work.sound(plan, language), ApiClient(url)
    sheets, there = centre.sheets_of(found), centre.newest(client)
    centre.require_sheets(found, there["sheets"] if there else {})
    known = centre.version_beside(plan) if based_on is None else based_on
    if known is None:
        if there and there["sheets"] != sheets:
            raise ConfigError(
                f"{plan}: plan {there['version']} is in force, and nothing says that this file was made from it: "
                f"look at `hawkline site diff {plan}`, then --based-on {there['version']} replaces it"
            )
        known = there["version"] if there else 0
    applied = centre.put(client, sheets, known, why)
    centre.note_beside(plan, applied["version"])
    say(centre.told(applied).of(language))


@app.command(epilog="Example: hawkline site send --passwords passwords.csv --why 'gate of the north village'")
def send(
    passwords: Annotated[
        Path | None,
        typer.Option("--passwords", help="CSV with a head: site,box,camera,password; sealed here, read by boxes alone"),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="for the audit")] = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="send passwords again that are there already: they were changed")
    ] = False,
    over_changes: Annotated[
        bool, typer.Option("--over-changes", help="replace what somebody has changed at a box")
    ] = False,
    over_drawn: Annotated[
        bool, typer.Option("--over-drawn", help="replace lines that were drawn at the centre by those of the plan")
    ] = False,
    without_recovery: Annotated[
        bool, typer.Option("--without-recovery", help="seal passwords to their boxes alone")
    ] = False,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Have every box watch what the plan in force says: all of them, or none.

    Each box tries it, and keeps it if its cameras come back as well as before; `configuration list` shows who does.
    Boxes that watch that already are left alone. A box that has not come in yet takes it when it does; passwords of its
    cameras are sent by the same command afterwards. Lines that were drawn at the centre stay.
    """
    from provisioning.sites.sending import send as send_all

    language = lang or language_of()
    how = {"anew": anew, "over_changes": over_changes, "over_drawn": over_drawn, "unrecoverable": without_recovery}
    done = send_all(ApiClient(url), passwords, why, **how)
    say(
        Said(
            f"plan {done.plan}: {done.changed} boxes take it, {done.unchanged} have it already; "
            f"{done.passwords} passwords sent, {done.known} are there already",
            f"规划 {done.plan}：{done.changed} 台设备将更新，{done.unchanged} 台已是最新；"
            f"发送密码 {done.passwords} 个，已有 {done.known} 个",
        ).of(language)
    )
    if done.not_come_in:
        some, count = ", ".join(done.not_come_in[:5]), len(done.not_come_in)
        say(
            Said(
                f"{count} boxes have not come in yet: say the same again when they have, for their cameras' passwords: "
                f"{some}",
                f"有 {count} 台设备尚未接入，接入后请再执行一次以发送摄像机密码：{some}",
            ).of(language)
        )
    if done.drawn:
        some, count = ", ".join(done.drawn[:5]), len(done.drawn)
        say(
            Said(
                f"lines of {count} cameras were drawn at the centre and stay (--over-drawn takes the plan's): {some}",
                f"有 {count} 个摄像机的警戒线是在中心画的，予以保留（--over-drawn 改用规划中的）：{some}",
            ).of(language)
        )
    if done.lacking:
        some, count = ", ".join(done.lacking[:5]), len(done.lacking)
        say(
            Said(
                f"warning: {count} cameras have a user and no password, and their boxes wait (--passwords): {some}",
                f"警告：有 {count} 个摄像机缺密码，其设备在等待（--passwords）：{some}",
            ).of(language)
        )


@app.command(epilog="Example: hawkline site replace north/gate-1 --serial 10000000a1b2c3d4 --why 'struck by lightning'")
def replace(
    box: Annotated[str, typer.Argument(help="SITE/BOX", show_default=False)],
    serial: Annotated[
        str, typer.Option("--serial", help="of the new machine: `hawkline agent serial` there", show_default=False)
    ],
    why: Annotated[str, typer.Option("--why", help="for the record", show_default=False)],
    hours: Annotated[int, typer.Option("--hours", min=1, max=24 * 90, help="how long the claim may be used")] = 24 * 14,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Give the place of a box that broke to another machine: the old one is out at once, the new one gets a claim.

    Name, history, alerts and configuration stay: the new machine fetches its configuration when it has come in.
    Passwords of its cameras are given to it then, by `configuration reseal` with the recovery key.
    """
    from provisioning.sites.replacing import replace as give

    language, where = lang or language_of(), box.partition("/")
    if not where[2]:
        raise ConfigError(f"{box!r}: expected SITE/BOX, such as north/gate-1")
    if not serial.strip() or ":" in serial:
        raise ConfigError(f"--serial {serial!r}: expected as `hawkline agent serial` prints it, without a colon")
    done = give(ApiClient(url), Address(where[0], where[2]), serial.strip(), why, hours)
    claim = {key: done.claim[key] for key in ("site", "agent", "serial", "code", "url", "fingerprint")}
    print_rows([{**claim, "expires_at": local(done.claim["expires_at"])}], output)
    if done.before:
        say(
            Said(f"{box}: the machine before ({done.before}) is out", f"{box}：原设备（{done.before}）已吊销").of(
                language
            )
        )
    if done.passwords:
        again = f"hawkline configuration reseal {box} --recovery-key FILE"
        say(
            Said(
                f"{done.passwords} cameras have passwords: when the new machine has come in, {again}",
                f"有 {done.passwords} 个摄像机带密码：新设备接入后执行 {again}",
            ).of(language)
        )
    if done.planned and done.planned != serial.strip():
        say(
            Said(
                f"the plan has serial number {done.planned}: change it there, too, and apply it",
                f"规划中的序列号是 {done.planned}，请一并修改并提交",
            ).of(language)
        )


@app.command(epilog="Example: hawkline site export plan.xlsx")
def export(
    to: Annotated[Path, typer.Argument(help="the workbook (.xlsx) or folder to write")],
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="one before it; `site log` lists them")
    ] = None,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Write the plan in force as a workbook, to be changed and applied again."""
    from provisioning.sites import centre
    from provisioning.sites.workbook import write_plan

    found = ApiClient(url).get(centre.PLAN, {"version": version})
    write_plan(to, found["sheets"], lang or language_of())
    centre.note_beside(to, found["version"])
    say(f"{to}: plan {found['version']}")


@app.command(epilog="Example: hawkline site log")
def log(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """The last twenty plans, the one in force first: by whom, when, why."""
    from provisioning.sites import centre

    rows = [{**row, "made_at": local(row["made_at"])} for row in ApiClient(url).get(centre.VERSIONS, {})]
    print_rows(rows, output, ("version", "made_at", "made_by", "why"))


@app.command(epilog="Example: hawkline site undo --why 'wrong village'")
def undo(
    why: Annotated[str, typer.Option("--why", help="for the audit")] = "",
    version: Annotated[
        int | None, typer.Option("--to", min=1, help="the plan to go back to; by default the one before")
    ] = None,
    lang: LanguageOption = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Go back to a plan of before: it is applied anew, under a number of its own; a second time takes that back."""
    from provisioning.sites import centre

    client = ApiClient(url)
    versions = [row["version"] for row in client.get(centre.VERSIONS, {})]
    back = version or next(iter(versions[1:]), None)
    if back is None:
        raise ConfigError("there is no plan before the one in force: nothing was changed")
    old = client.get(centre.PLAN, {"version": back})
    done = centre.put(client, old["sheets"], versions[0], why or f"back to plan {back}")
    say(centre.told(done).of(lang or language_of()))
