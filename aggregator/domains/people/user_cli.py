"""`hawkline user`: who may sign in, and what they may do where."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from aggregator.client.passwords import password_from
from aggregator.domains.people.asked import role_there
from aggregator.domains.people.at_machine import at_machine
from shared.errors import ConfigError
from shared.ids import check_name
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Who may sign in, and what they may do where.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="of the account", show_default=False)]
RoleThere = Annotated[str, typer.Argument(help="ROLE or ROLE@PLACE; without a place: everywhere", show_default=False)]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="its first line; - is standard input; else it is asked for")
]
_COLUMNS = ("name", "title", "roles", "state", "sessions", "password_at", "made_by")


@app.command("list", epilog="Example: hawkline user list -o csv")
def list_users(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List accounts with their roles."""
    client = ApiClient(url)
    given = client.get("/api/v1/grants", {})
    rows = [
        {
            **account,
            "roles": ", ".join(_shown(each) for each in given if each["account"] == account["name"]) or "none",
            "state": _state(account),
            "password_at": local(account["password_at"]),
        }
        for account in client.get("/api/v1/accounts", {})
    ]
    print_rows(rows, output, _COLUMNS)


@app.command(epilog="Example: hawkline user add li --title 李明 --role operator@north --role maintenance")
def add(
    name: Name,
    title: Annotated[str, typer.Option("--title", help="what people call them")] = "",
    role: Annotated[list[str] | None, typer.Option("--role", help="ROLE or ROLE@PLACE; repeat it")] = None,
    password_file: PasswordFile = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="the aggregator's TOML file, at its machine: asks no API"),
    ] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Add an account with its roles. The first, an administrator's, at the machine of the centre or with the token."""
    check_name(name, "NAME")
    roles = [role_there(text) for text in role or ()]
    person = {"name": name, "title": title, "password": password_from(password_file), "roles": roles}
    if config is not None:
        made = _made_here(config, person)
    else:
        made = ApiClient(url).change("POST", "/api/v1/accounts", person)
    for given in made:
        _tell_of_waiting(name, given)
    if not roles:
        say(f"{name} may do nothing yet: hawkline user give {name} ROLE@PLACE; hawkline role list shows the roles")


@app.command(epilog="Example: hawkline user give li shift-leader@station-3")
def give(
    name: Name,
    role: RoleThere,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="only alerts of this subject or condition, such as camera; repeat it"),
    ] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Give an account a role in a place. One that approves lists waits for another administrator (user confirm)."""
    _give(ApiClient(url), name, [{**role_there(role), "kinds": kind or None}])


@app.command(epilog="Example: hawkline user confirm li list-approver@north")
def confirm(name: Name, role: RoleThere, url: options.UrlOption = options.URL) -> None:
    """Say, as another administrator, that somebody shall have a role that waits."""
    client = ApiClient(url)
    client.change("POST", f"/api/v1/grants/{_number(client, name, role)}/confirm")


@app.command(epilog="Example: hawkline user take li operator@north")
def take(name: Name, role: RoleThere, url: options.UrlOption = options.URL) -> None:
    """Take a role away; their sessions end."""
    client = ApiClient(url)
    client.change("DELETE", f"/api/v1/grants/{_number(client, name, role)}")


@app.command(epilog="Example: hawkline user password li --password-file -")
def password(name: Name, password_file: PasswordFile = None, url: options.UrlOption = options.URL) -> None:
    """Give an account another password; its sessions end."""
    client = ApiClient(url)
    client.change("PUT", f"/api/v1/accounts/{name}/password", {"password": password_from(password_file)})


@app.command(epilog="Example: hawkline user disable li")
def disable(name: Name, url: options.UrlOption = options.URL) -> None:
    """Let somebody in no more; what they did stays in the record."""
    ApiClient(url).change("POST", f"/api/v1/accounts/{name}/disable")


@app.command(epilog="Example: hawkline user enable li")
def enable(name: Name, url: options.UrlOption = options.URL) -> None:
    """Let them in again."""
    ApiClient(url).change("POST", f"/api/v1/accounts/{name}/enable")


@app.command(epilog="Example: hawkline user unlock li")
def unlock(name: Name, url: options.UrlOption = options.URL) -> None:
    """Let an account try to sign in at once again, from everywhere."""
    ApiClient(url).change("POST", f"/api/v1/accounts/{name}/unlock")


@app.command("forget-phone", epilog="Example: hawkline user forget-phone li")
def forget_phone(name: Name, url: options.UrlOption = options.URL) -> None:
    """Take away the second step of who has lost phone and recovery codes; make sure first that it is them who ask."""
    ApiClient(url).change("DELETE", f"/api/v1/accounts/{name}/second-step")


@app.command(epilog="Example: hawkline user sessions; hawkline user sessions --end 17")
def sessions(
    end: Annotated[int | None, typer.Option("--end", min=1, help="end this one")] = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """List who is signed in where, or end a session."""
    client = ApiClient(url)
    if end is not None:
        client.change("DELETE", f"/api/v1/sessions/{end}")
        return
    rows = client.get("/api/v1/sessions", {})
    times = ("began_at", "seen_at", "until")
    shown = [{**row, **{name: local(row[name]) for name in times}} for row in rows]
    print_rows(shown, output, ("id", "account", *times, "address", "browser"))


@app.command(epilog="Example: hawkline user reset li --config /etc/hawkline/aggregator.toml")
def reset(
    name: Name,
    config: Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)],
    password_file: PasswordFile = None,
) -> None:
    """On the machine of the centre: give an account another password and let it in, without its phone, too."""
    from aggregator.people import accounts, second_step

    kept = accounts.kept(name, password_from(password_file))
    with at_machine(config) as here:
        accounts.set_password(here.connection, name, kept)
        accounts.enable(here.connection, name)
        second_step.remove(here.connection, name)
        here.note("password reset", name)
    say(f"{name}: signs in with the new password")


def _made_here(config: Path, person: dict[str, Any]) -> list[dict[str, Any]]:
    from aggregator.people import accounts, grants

    name, wanted = str(person["name"]), [(each["role"], each["place"]) for each in person["roles"]]
    with at_machine(config) as here:
        accounts.add(here.connection, here.console, name, person["title"], person["password"])
        given = grants.give_all(here.connection, here.console, grants.Holder(account=name), wanted)
        here.note("account made", name)
    return [each.model_dump() for each in given]


def _give(client: ApiClient, name: str, roles: Sequence[Mapping[str, Any]]) -> None:
    for each in roles:
        _tell_of_waiting(name, client.change("POST", "/api/v1/grants", {"account": name, **each}))


def _tell_of_waiting(name: str, given: dict[str, Any]) -> None:
    if given["waits"]:
        say(f"{_shown(given)} for another administrator: hawkline user confirm {name} {_there(given)}")


def _number(client: ApiClient, name: str, role: str) -> int:
    wanted = role_there(role)
    for each in client.get("/api/v1/grants", {}):
        if each["account"] == name and (each["role"], each["place"]) == (wanted["role"], wanted["place"]):
            return int(each["id"])
    raise ConfigError(f"{name} has no role {role}; hawkline user list shows what they have")


def _state(account: dict[str, Any]) -> str:
    if account["disabled_at"]:
        return "disabled"
    if account["from_provider"]:
        return "from provider"
    if not account["has_password"]:
        return "no password"
    return "open, with phone" if account["has_second_step"] else "open"


def _shown(given: dict[str, Any]) -> str:
    of = f" of {' '.join(given['kinds'])}" if given["kinds"] else ""
    return f"{_there(given)}{of}{' (waits)' if given['waits'] else ''}"


def _there(given: dict[str, Any]) -> str:
    return f"{given['role']}@{given['place']}" if given["place"] else str(given["role"])
