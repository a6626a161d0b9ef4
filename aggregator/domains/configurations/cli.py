"""`hawkline configuration`: what each box shall watch, whether it does, and back again."""

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from shared.errors import ConfigError
from shared.files import write_secret
from shared.ids import check_name
from shared.output import Output, OutputOption, emit, print_rows, say
from shared.topics import Address
from shared.trust.sealed import KEY_BYTES, new_sealing_key, open_sealed, public_part, seal

app = typer.Typer(help="What each box shall watch, and whether it does (下发配置).", no_args_is_help=True)

BoxArgument = Annotated[str, typer.Argument(help="SITE/AGENT", show_default=False)]
_PATH, _KEYS = "/api/v1/configurations", "/api/v1/sealing-keys"
_OWN_FILE: dict[str, Any] = {"files": {}, "drawn": []}
_LISTED = ("site", "agent", "state", "number", "in_force", "changed", "why_not", "made_at", "made_by", "why")


@app.callback()
def configuration() -> None:
    """What each box shall watch, and whether it does (下发配置)."""


@app.command("list", epilog="Example: hawkline configuration list --state refused")
def list_configurations(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    state: Annotated[str | None, typer.Option("--state", help="only waiting, tried, kept or refused")] = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Of each box what is wanted and what became of it: kept, tried, refused and why, or waiting and for what.

    `changed` names files that somebody has changed at the box: they are in force there.
    """
    rows = ApiClient(url).get(_PATH, {"place": place, "site": site, "agent": agent})
    told = [_told(row) for row in rows if state in (None, row["state"])]
    print_rows(told, output, _LISTED)


@app.command(epilog="Example: hawkline configuration log north/gate-1")
def log(box: BoxArgument, url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """The last ten configurations of a box, the one that is wanted first."""
    where = _split(box)
    rows = ApiClient(url).get(f"{_PATH}/{where.site}/{where.agent}/versions", {})
    told = [{**row, "made_at": local(row["made_at"])} for row in rows]
    print_rows(told, output, ("number", "made_at", "made_by", "why", "plan", "content"))


@app.command(epilog="Example: hawkline configuration show north/gate-1")
def show(
    box: BoxArgument,
    number: Annotated[int | None, typer.Option("--number", min=1, help="one before; `log` lists them")] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Print the files of a box's configuration. No passwords stand in them."""
    where = _split(box)
    found = ApiClient(url).get(f"{_PATH}/{where.site}/{where.agent}", {"number": number})
    for name, text in sorted(found["files"].items()):
        emit(f"# --- {name}\n{text}")


@app.command(epilog="Example: hawkline configuration back north/gate-1 --why 'the fence camera was right'")
def back(
    box: BoxArgument,
    to: Annotated[int | None, typer.Option("--to", min=1, help="which; by default the one before")] = None,
    own: Annotated[bool, typer.Option("--own-file", help="the file that lies on the box itself")] = False,
    why: Annotated[str, typer.Option("--why", help="for the audit")] = "",
    over_changes: Annotated[
        bool, typer.Option("--over-changes", help="replace what somebody has changed at the box")
    ] = False,
    url: options.UrlOption = options.URL,
) -> None:
    """Have a box watch what it watched before: put anew, under a number of its own."""
    where, client = _split(box), ApiClient(url)
    numbers = [row["number"] for row in client.get(f"{_PATH}/{where.site}/{where.agent}/versions", {})]
    wanted = to or next(iter(numbers[1:]), None)
    if not numbers:
        raise ConfigError(f"{box}: nothing was ever sent to it: nothing was changed")
    if own:
        before = _OWN_FILE
    elif wanted is None:
        raise ConfigError(f"{box}: there is no configuration before; --own-file is the one on the box itself")
    else:
        before = client.get(f"{_PATH}/{where.site}/{where.agent}", {"number": wanted})
    words = why or ("back to the box's own file" if own else f"back to configuration {wanted}")
    _put(client, where, numbers[0], before, words, over_changes=over_changes)
    say(f"{box}: {words}; `hawkline configuration list` shows whether it does")


@app.command("recovery-key", epilog="Example: hawkline configuration recovery-key /media/safe/recovery.key")
def recovery_key(
    file: Annotated[Path, typer.Argument(help="where its private part goes: a stick that lies in a safe")],
    url: options.UrlOption = options.URL,
) -> None:
    """Make the key with which a box that was replaced gets its cameras' passwords: it lies offline, and only there.

    Its public part goes to the centre. Passwords that were sent before are not sealed to it: send them anew.
    """
    if file.exists():
        raise ConfigError(f"{file}: is there already, and may be needed; name another file, nothing was made")
    private = new_sealing_key()
    try:
        write_secret(file, base64.b64encode(private) + b"\n")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror}); nothing was made") from None
    try:
        ApiClient(url).change("PUT", "/api/v1/recovery-key", {"key": _coded(public_part(private))})
    except BaseException:
        file.unlink()  # a key that the centre does not know opens nothing
        raise
    say(f"{file}: keep it offline; whoever has it and the centre's database can read the passwords of cameras")


@app.command(epilog="Example: hawkline configuration reseal north/gate-1 --recovery-key /media/safe/recovery.key")
def reseal(
    box: BoxArgument,
    key_file: Annotated[Path, typer.Option("--recovery-key", help="the file that `recovery-key` made")],
    url: options.UrlOption = options.URL,
) -> None:
    """Give the machine that has taken a box's place the passwords of its cameras, and its configuration again."""
    where, client = _split(box), ApiClient(url)
    private = _read_key(key_file)
    device = next(iter(client.get("/api/v1/devices", {"site": where.site, "agent": where.agent})), None)
    if device and device["state"] not in ("enrolled", "expired"):  # the key is that of the machine before
        raise ConfigError(f"{box}: the new machine has not come in yet ({device['state']}): enrol it, then again")
    keys = {(row["site"], row["agent"]): row["key"] for row in client.get(_KEYS, {})}
    if (key := keys.get((where.site, where.agent))) is None:
        raise ConfigError(f"{box}: the new machine has not come in yet: claim, enrol, then again")
    spares = client.get(f"{_PATH}/{where.site}/{where.agent}/spares", {})
    if not spares:
        raise ConfigError(f"{box}: no password of its cameras was ever sent: there is nothing to give")
    there = client.get(f"{_PATH}/{where.site}/{where.agent}", {})
    passwords, lost = dict[str, dict[str, str]](), list[str]()
    for each in spares:
        if not each["spare"]:
            lost.append(each["camera"])
            continue
        secret = open_sealed(base64.b64decode(each["spare"]), private, where, each["camera"])
        sealed = seal(secret, base64.b64decode(key), where, each["camera"])
        passwords[each["camera"]] = {"sealed": _coded(sealed), "sealed_to": key, "spare": each["spare"]}
    if passwords:
        _put(client, where, there["number"], there, "another machine", passwords, over_changes=True)
    say(f"{box}: {len(passwords)} passwords sealed to the new machine")
    if lost:
        raise ConfigError(f"{box}: sealed to the machine before alone, send them anew: {', '.join(lost)}")


def _put(
    client: ApiClient,
    box: Address,
    based_on: int,
    what: dict[str, Any],
    why: str,
    passwords: dict[str, dict[str, str]] | None = None,
    *,
    over_changes: bool,
) -> None:
    """Put a configuration as `BoxConfiguration` has it: its files, and which scenes of them were drawn."""
    told = {"files": what["files"], "drawn": what["drawn"], "passwords": passwords or {}}
    wanted = {"site": box.site, "agent": box.agent, "based_on": based_on, **told}
    client.change("PUT", _PATH, {"why": why, "over_changes": over_changes, "boxes": [wanted]})


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "made_at": local(row["made_at"]), "changed": ", ".join(row["changed"])}


def _read_key(file: Path) -> bytes:
    try:
        key = base64.b64decode(file.read_bytes().strip(), validate=True)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--recovery-key {file}: cannot be read: {error}") from None
    if len(key) != KEY_BYTES:
        raise ConfigError(f"--recovery-key {file}: is no recovery key")
    return key


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _split(box: str) -> Address:
    site, slash, agent = box.partition("/")
    if not slash:
        raise ConfigError(f"{box!r}: expected SITE/AGENT, such as north/gate-1")
    return Address(check_name(site, "site"), check_name(agent, "agent"))
