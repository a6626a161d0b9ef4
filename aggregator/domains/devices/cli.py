"""`hawkline device`: which machines may be boxes, which are, and which may no more."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from aggregator.client.tables import rows_of
from shared.errors import ConfigError, UnavailableError
from shared.ids import check_name
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Who may be a box: claims, certificates, revocation.", no_args_is_help=True)

BoxArgument = Annotated[str, typer.Argument(help="SITE/AGENT", show_default=False)]
_COLUMNS = ["site", "agent", "serial"]


_LISTED = (*_COLUMNS, "state", "claim_until", "certificate_until", "revoked_why")


class State(StrEnum):
    """What a box, or what may become one, can be."""

    CLAIMED = "claimed"
    LAPSED = "lapsed"
    LOCKED = "locked"
    ENROLLED = "enrolled"
    EXPIRED = "expired"
    REVOKED = "revoked"


@app.command(epilog="Example: hawkline device claim north/gate --serial 10000000a1b2c3d4; claim --plan -o csv")
def claim(
    box: Annotated[str | None, typer.Argument(help="SITE/AGENT", show_default=False)] = None,
    serial: Annotated[
        str | None, typer.Option("--serial", help="of the machine: `hawkline agent serial` there")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="CSV with a head: site,agent,serial")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="every box with a serial number of the plan in force")] = False,
    hours: Annotated[int, typer.Option("--hours", min=1, max=24 * 90, help="how long the claim may be used")] = 24 * 14,
    replace: Annotated[
        bool, typer.Option("--replace", help="with --file or --plan: end claims that were handed out and not used yet")
    ] = False,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a machine become a box, once, and print what its installer needs. The code is shown this once.

    A claim for one box ends an earlier one for it that was not used yet. A file leaves such claims, and boxes that are
    enrolled, as they are, and says so in `note`; exit code 1 when one of them is for another machine.
    """
    if (file is not None) + (box is not None) + plan != 1 or (box is None) != (serial is None):
        raise ConfigError("expected SITE/AGENT and --serial, or --file with many, or --plan")
    if serial is not None and (not serial.strip() or ":" in serial):
        raise ConfigError(f"--serial {serial!r}: expected as `hawkline agent serial` prints it, without a colon")
    client = ApiClient(url)
    if box is not None:
        order = {**_split(box), "serial": serial, "hours": hours}
        made = client.change("POST", "/api/v1/claims", order)
        print_rows([_claim(made)], output)
        return
    orders = _read(file) if file else _planned(client)
    batch = Batch(client, {"hours": hours, "replace": replace})
    print_rows(batch.claims(orders), output)
    batch.tell()


@app.command("list", epilog="Example: hawkline device list --state enrolled --place district-1 -o csv")
def list_devices(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    state: Annotated[State | None, typer.Option("--state", help="only these")] = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """List who has enrolled, may enrol, or was revoked."""
    rows = ApiClient(url).get("/api/v1/devices", {"place": place, "site": site, "agent": agent})
    print_rows([_device(row) for row in rows if state is None or state.value == row["state"]], output, _LISTED)


@app.command(epilog="Example: hawkline device show north/gate")
def show(box: BoxArgument, url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """Show one of them, with all that is known."""
    rows = ApiClient(url).get("/api/v1/devices", _split(box))
    if not rows:
        raise ConfigError(f"{box}: no such box has enrolled, or has a claim")
    if output is not Output.TABLE:
        print_rows(rows, output)
        return
    print_rows([{"what": name, "is": value} for name, value in rows[0].items() if value is not None], output)


@app.command(epilog="Example: hawkline device revoke north/gate --why stolen")
def revoke(
    box: BoxArgument,
    why: Annotated[str, typer.Option("--why", help="for the record", show_default=False)],
    url: options.UrlOption = options.URL,
) -> None:
    """Take back a box's certificates and its claim. Its session ends within seconds, and it cannot come back."""
    where = _split(box)
    path = f"/api/v1/devices/{where['site']}/{where['agent']}/revoke"
    ApiClient(url).change("POST", path, {"why": why})
    say(f"{box}: revoked; to let a machine take its place: hawkline device claim {box} --serial …")


def _split(box: str) -> dict[str, str]:
    site, slash, agent = box.partition("/")
    if not slash:
        raise ConfigError(f"{box!r}: expected SITE/AGENT, such as north/gate")
    return {"site": check_name(site, "site"), "agent": check_name(agent, "agent")}


def _planned(client: ApiClient) -> list[dict[str, str]]:
    """Boxes of the plan in force, but those without a serial number, which are named."""
    boxes = client.get("/api/v1/plan", {})["sheets"].get("boxes", [])
    without = [f"{row['site']}/{row['box']}" for row in boxes if not row.get("serial")]
    if without:
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        say(f"without a serial number in the plan, and so without a claim: {', '.join(without[:5])}{more}")
    found = [{"site": row["site"], "agent": row["box"], "serial": row["serial"]} for row in boxes if row.get("serial")]
    if not found:
        raise ConfigError("the plan in force has no box with a serial number: nothing was claimed")
    return found


def _read(path: Path) -> list[dict[str, str]]:
    """All of it is read and checked before anything is claimed."""
    return list(_checked(path, rows_of(path, _COLUMNS)))


def _checked(path: Path, rows: list[tuple[int, dict[str, str]]]) -> Iterator[dict[str, str]]:
    seen: dict[tuple[str, str], int] = {}
    for number, row in rows:
        if not row["serial"]:
            raise ConfigError(f"{path}: line {number}: expected {','.join(_COLUMNS)}")
        if ":" in row["serial"]:
            raise ConfigError(f"{path}: line {number}: serial: expected a number without a colon")
        try:
            box = check_name(row["site"], "site"), check_name(row["agent"], "agent")
        except ConfigError as error:
            raise ConfigError(f"{path}: line {number}: {error}") from None
        if box in seen:
            raise ConfigError(f"{path}: line {number}: {box[0]}/{box[1]} stands in line {seen[box]} already")
        seen[box] = number
        yield {"site": box[0], "agent": box[1], "serial": row["serial"]}


class Batch:
    """Claims of many boxes: what is handed out already stays, and one that cannot be made stops none of the others."""

    def __init__(self, client: ApiClient, order: dict[str, Any]) -> None:
        self._client, self._order = client, order
        self._made = self._left = self._wrong = 0
        self._failed: UnavailableError | None = None

    def claims(self, orders: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
        """A row of each, with a `note` where no claim was made."""
        known = {(row["site"], row["agent"]): row for row in self._client.get("/api/v1/devices", {})}
        for order in orders:
            there = known.get((order["site"], order["agent"]))
            keeps = ("enrolled", "expired") if self._order["replace"] else ("enrolled", "expired", "claimed")
            if there and there["state"] in keeps and there["serial"] == order["serial"]:
                self._left += 1
                yield _claim({**order, **_KEPT}, _LEFT[there["state"]])
                continue
            try:
                made = self._client.change("POST", "/api/v1/claims", {**order, **self._order})
            except ConfigError as error:
                self._wrong += 1
                yield _claim({**order, **_KEPT}, str(error))
            except UnavailableError as error:  # the codes that were made are shown only now
                self._failed = error
                return
            else:
                self._made += 1
                yield _claim(made, "")

    def tell(self) -> None:
        """Say on standard error how it went.

        Raises:
            UnavailableError: the aggregator went away in the middle.
            Exit: 1, some boxes are not as the file has them.
        """
        say(f"{self._made} claims made, {self._left} boxes left as they are, {self._wrong} not as the file has them")
        if self._failed:
            raise UnavailableError(f"{self._failed}; the same file again goes on with those that have no claim yet")
        if self._wrong:
            raise typer.Exit(1)


_LEFT = {
    "claimed": "has a claim already, which stays; --replace ends it",
    "enrolled": "is enrolled already",
    "expired": "is enrolled already; its certificate has expired, and it renews it when it is back",
}
_KEPT = dict.fromkeys(("code", "expires_at", "url", "fingerprint"))


def _claim(made: dict[str, Any], note: str | None = None) -> dict[str, Any]:
    return {
        **{name: made[name] for name in (*_COLUMNS, "code")},
        "expires_at": made["expires_at"] and local(made["expires_at"]),
        "url": made["url"],
        "fingerprint": made["fingerprint"],
        **({} if note is None else {"note": note}),
    }


def _device(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("site", "agent", "serial", "state")},
        "claim_until": local(row["claim_expires_at"]) if row["claim_expires_at"] else None,
        "certificate_until": local(row["expires_at"]) if row["expires_at"] else None,
        "revoked_why": row["revoked_why"],
    }
