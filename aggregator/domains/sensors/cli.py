"""`hawkline sensor`: what sensors tell, walk tests, what is left out, what is armed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import duration, local, moment
from aggregator.client.tables import rows_of
from shared.errors import ConfigError, HawklineError, UnavailableError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="Alarm sensors and what is armed with them (探测器、布防).", no_args_is_help=True)
_ASKED_EVERY_S, _ANSWER_S = 0.3, 15.0
_LISTED = ("site", "agent", "sensor", "what", "state", "box", "since", "detail", "location", "responsible", "code")
_PARTITIONS = ("site", "agent", "partition", "state", "box", "by", "since", "hinders", "detail")
_FACTS = ["site", "agent", "sensor"]
_OF_PEOPLE = ("code", "location", "responsible")
_CODE_DIGITS, _MOST_WRONG = 20, 10
_OUTPUT = "output/"
_LOOKED_BACK = timedelta(minutes=15)
"""Clocks may differ by so much."""
_WALKED_EVERY_S = 1.0

Site = Annotated[str, typer.Argument(help="the site of the box")]
Agent = Annotated[str, typer.Argument(help="the box")]
Sensor = Annotated[str, typer.Argument(help="the sensor, as `hawkline sensor list` names it")]
Partition = Annotated[str, typer.Argument(help="the partition, as `hawkline sensor partitions` names it")]


class Mode(StrEnum):
    """How a partition is armed."""

    AWAY = "away"
    HOME = "home"
    NIGHT = "night"


@app.callback()
def sensor() -> None:
    """Alarm sensors and what is armed with them (探测器、布防)."""


@app.command("list", epilog="Example: hawkline sensor list --site north --troubled")
def list_sensors(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    troubled: Annotated[bool, typer.Option("--troubled", help="only what confirms nothing now")] = False,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sensors with their newest state. Only `normal` of a box that is online confirms that nothing happens.

    With --troubled exit code 1 where there is one.
    """
    rows = ApiClient(url).get("/api/v1/sensors", {"place": place, "site": site, "agent": agent})
    whole = {(row["site"], row["agent"], row["sensor"]): row for row in rows}
    shown = [_listed(row, whole) for row in rows if not troubled or _is_troubled(row)]
    print_rows(shown, output, _LISTED)
    if troubled and shown:
        raise typer.Exit(1)


@app.command("show", epilog="Example: hawkline sensor show north gate 'front door'")
def show(
    site: Site,
    agent: Agent,
    name: Sensor,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """All that is known of one sensor."""
    row = _known(ApiClient(url), site, agent, name)
    found = {
        key: local(value) if key.endswith(("_at", "since", "until")) and value else value for key, value in row.items()
    }
    if output is not Output.TABLE:
        print_rows([found], output)
        return
    print_rows([{"what": key, "is": value} for key, value in found.items() if value not in (None, "")], output)


@app.command("put", epilog="Example: hawkline sensor put north gate 'front door' --location 东门 --responsible 门卫")
def put(
    site: Site,
    agent: Agent,
    name: Sensor,
    code: Annotated[str | None, typer.Option("--code", help="of GB/T 28181, twenty digits")] = None,
    location: Annotated[str | None, typer.Option("--location", help="where it is, in words")] = None,
    responsible: Annotated[str | None, typer.Option("--responsible", help="who looks after it")] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Say where a sensor is, who looks after it, and its code; what is not given stays as it is."""
    given = {"code": code, "location": location, "responsible": responsible}
    if all(value is None for value in given.values()):
        raise ConfigError("nothing to put: give --code, --location or --responsible")
    client = ApiClient(url)
    row = _known(client, site, agent, name)
    facts = {key: row[key] if value is None else value for key, value in given.items()}
    client.change("PUT", f"{_box(site, agent)}/sensors", {"sensor": name, **facts})
    say(f"{site}/{agent}/{name}: " + ", ".join(f"{key} {value}" for key, value in facts.items() if value))


@app.command("import", epilog="Example: hawkline sensor import sensors.csv")
def import_facts(
    file: Annotated[Path, typer.Argument(help="CSV with a head: site,agent,sensor,code,location,responsible")],
    url: options.UrlOption = options.URL,
) -> None:
    """The same for many, zones of panels among them: `PANEL/zone 12`, or its name there. An empty cell changes nothing.

    What is said of a panel itself (its account's name on the box) holds for its zones that have nothing of their own.
    All lines are checked before anything is changed.
    """
    client = ApiClient(url)
    there = {(row["site"], row["agent"], row["sensor"]): row for row in client.get("/api/v1/sensors", {})}
    rows = list(rows_of(file, _FACTS, _OF_PEOPLE))
    if wrong := list(_wrong_facts(rows, there)):
        raise ConfigError(f"{file}: {'; '.join(wrong[:_MOST_WRONG])}; nothing was changed")
    for number, row in rows:
        known = there[row["site"], row["agent"], row["sensor"]]
        facts = {"sensor": row["sensor"], **{key: row.get(key) or known[key] for key in _OF_PEOPLE}}
        try:
            client.change("PUT", f"{_box(row['site'], row['agent'])}/sensors", facts)
        except HawklineError as error:
            raise ConfigError(f"{file}: line {number}: {error}; the lines before it were taken") from None
    say(f"{len(rows)} sensors")


def _wrong_facts(
    rows: Sequence[tuple[int, Mapping[str, str]]], there: Mapping[tuple[str, str, str], Any]
) -> Iterator[str]:
    """What is wrong with the lines of a file, each named."""
    for number, row in rows:
        code = row.get("code", "")
        if (row["site"], row["agent"], row["sensor"]) not in there:
            yield f"line {number}: no box has told of {row['site']}/{row['agent']}/{row['sensor']}"
        if code and not (code.isascii() and code.isdecimal() and len(code) == _CODE_DIGITS):
            yield f"line {number}: code {code!r}: expected {_CODE_DIGITS} digits"


@app.command("test", epilog="Example: hawkline sensor test north gate 'front door' --for 2m")
def test(
    site: Site,
    agent: Agent,
    name: Sensor,
    lasts: Annotated[str, typer.Option("--for", help="how long to wait for it")] = "60s",
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open it, walk before it, press it now: says whether it was heard, and whether it rang.

    An output, `output/NAME`, is sounded for two seconds. Exit code 1 when nothing was heard.
    """
    client, waits_s = ApiClient(url), duration(lasts, "--for").total_seconds()
    # Compared with what was there before, and not with a moment: the clock of this machine may be another's.
    if name.startswith(_OUTPUT):
        before = _known(client, site, agent, name)["answered_at"]
        client.change("PUT", f"{_box(site, agent)}/partitions", {"partition": name, "deed": "test"})
        said = f"{name} sounds for two seconds"
    else:
        row = _known(client, site, agent, name)
        for doubt in _doubts(row):
            say(doubt)
        before, said = row["answered_at"], f"open, press or walk before {name} now"
    say(f"{said}; waiting {lasts}")
    until_s = time.monotonic() + waits_s
    while time.monotonic() < until_s:
        for row in _rows(client, site, agent):
            if row["sensor"] == name and row["answered_at"] != before:
                heard = {"heard": local(row["answered_at"]), "state": row["state"], "detail": row["detail"]}
                print_rows([heard], output)
                return
        time.sleep(_ASKED_EVERY_S)
    say(f"nothing was heard of it within {lasts}")
    for doubt in _doubts(_known(client, site, agent, name)):
        say(doubt)
    raise typer.Exit(1)


@app.command("walk", epilog="Example: hawkline sensor walk --site north --for 30m")
def walk(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    lasts: Annotated[str, typer.Option("--for", help="how long the walk may take")] = "30m",
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """A walk test: which sensors and lines have answered since now. Walk; it ends when all have, or by Ctrl-C.

    Each is told as it answers; those that have not are listed at the end, and the exit code is 1. What rings meanwhile
    rings as always: `hawkline maintenance begin` keeps it from people.
    """
    client, ends_s = ApiClient(url), time.monotonic() + duration(lasts, "--for").total_seconds()
    since = (datetime.now(UTC) - _LOOKED_BACK).isoformat()
    asked = {"place": place, "site": site, "agent": agent, "since": since}
    rows, heard = client.get("/api/v1/walk", asked), set[str]()
    # As for one: what was there before is compared with, for clocks differ.
    before = {_name(row): row["answered_at"] for row in rows}
    if not rows:
        raise HawklineError("no sensor and no line is there")
    say(f"walk now: {len(rows)} sensors and lines; Ctrl-C ends it")
    try:
        while time.monotonic() < ends_s and len(heard) < len(rows):
            time.sleep(_WALKED_EVERY_S)
            rows = client.get("/api/v1/walk", asked)
            for row in rows:
                if _name(row) not in heard and row["answered_at"] != before.get(_name(row)):
                    heard.add(_name(row))
                    say(f"{len(heard)} of {len(rows)}: {_name(row)}")
    except KeyboardInterrupt:
        say("ended")
    silent = [row for row in rows if _name(row) not in heard]
    said = [{"silent": _name(row), "kind": row["kind"], "what": row["what"], "state": row["state"]} for row in silent]
    print_rows(said, output, ("silent", "kind", "what", "state"))
    say(f"{len(rows) - len(silent)} of {len(rows)} have answered")
    if silent:
        raise typer.Exit(1)


@app.command("availability", epilog="Example: hawkline sensor availability --site north --since 30d")
def availability(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """For how long each sensor was fit to confirm something, the worst first; of the last day unless told."""
    now = datetime.now().astimezone()
    span = {
        "since": moment(since, "--since", now).isoformat() if since else None,
        "until": moment(until, "--until", now).isoformat() if until else None,
    }
    asked = {"place": place, "site": site, "agent": agent, **span}
    rows = sorted(ApiClient(url).get("/api/v1/sensors/availability", asked), key=lambda row: float(row["share"]))
    shown = [
        {
            "site": row["site"],
            "agent": row["agent"],
            "sensor": row["sensor"],
            "percent": round(100 * row["share"], 3),
            "lacking_s": row["uncovered_s"],
            "since": local(row["since"]),
            "until": local(row["until"]),
        }
        for row in rows
    ]
    print_rows(shown, output, ("site", "agent", "sensor", "percent", "lacking_s", "since", "until"))


@app.command("bypass", epilog="Example: hawkline sensor bypass north gate 'front door' --until-closed --reason 门坏了")
def bypass(
    site: Site,
    agent: Agent,
    name: Sensor,
    reason: Annotated[str, typer.Option("--reason", help="why; operators and the audit see it")],
    once: Annotated[bool, typer.Option("--once", help="until its partition is disarmed")] = False,
    until_closed: Annotated[
        bool, typer.Option("--until-closed", help="until it is closed, and watched from then on")
    ] = False,
    lasts: Annotated[str, typer.Option("--for", help="at the latest until then; 31 days are the most")] = "24h",
    url: options.UrlOption = options.URL,
) -> None:
    """Leave a sensor out (旁路): it confirms nothing, and rings nobody. `bypasses` lists them, `watch` ends one."""
    if once and until_closed:
        raise ConfigError("--once and --until-closed: either of them")
    way = "once" if once else "until_closed" if until_closed else "until"
    hours = duration(lasts, "--for").total_seconds() / 3600
    body = {"sensor": name, "way": way, "hours": hours, "reason": reason}
    done = ApiClient(url).change("POST", f"{_box(site, agent)}/bypasses", body)
    say(f"bypass {done['number']}: {site}/{agent}/{name} is left out until {local(done['until'])} at the latest")


@app.command("watch", epilog="Example: hawkline sensor watch 7")
def watch(
    number: Annotated[int, typer.Argument(min=1, help="of the bypass, as `hawkline sensor bypasses` shows it")],
    url: options.UrlOption = options.URL,
) -> None:
    """End a bypass: the sensor is watched again."""
    done = ApiClient(url).change("POST", f"/api/v1/bypasses/{number}/end", {})
    say(f"{done['site']}/{done['agent']}/{done['sensor']} is watched again")


@app.command("bypasses", epilog="Example: hawkline sensor bypasses --site north")
def bypasses(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    over: Annotated[bool, typer.Option("--over", help="also those that are over")] = False,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sensors that are left out, by whom, why and until when."""
    asked = {"place": place, "site": site, "agent": agent, "active": not over, "limit": 1000}
    rows = [
        {
            "number": row["number"],
            "sensor": f"{row['site']}/{row['agent']}/{row['sensor']}",
            "way": row["way"],
            "until": local(row["until"]),
            "by": row["begun_by"],
            "reason": row["reason"],
            "state": _state_of_bypass(row),
        }
        for row in ApiClient(url).get("/api/v1/bypasses", asked)
    ]
    print_rows(rows, output, ("number", "sensor", "way", "until", "by", "reason", "state"))


@app.command("partitions", epilog="Example: hawkline sensor partitions --site north")
def partitions(
    place: options.PlaceOption = None,
    site: options.SiteOption = None,
    agent: options.AgentOption = None,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """What is armed together, and how it is. Exit code 1 where one is not armed that should be."""
    rows = ApiClient(url).get("/api/v1/partitions", {"place": place, "site": site, "agent": agent})
    print_rows([_of_partition(row) for row in rows], output, _PARTITIONS)
    if any(row["not_armed"] for row in rows):
        raise typer.Exit(1)


@app.command("arm", epilog="Example: hawkline sensor arm north gate house --mode night --without window")
def arm(
    site: Site,
    agent: Agent,
    partition: Partition,
    mode: Annotated[Mode, typer.Option("--mode", help="away (布防), home (留守布防) or night")] = Mode.AWAY,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="a sensor that is left out of this arming; again for more")
    ] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Arm a partition (布防), and say what the box answers: exit code 1 where something hinders it."""
    _order(ApiClient(url), site, agent, partition, {"deed": mode.value, "without": without or []})


@app.command("disarm", epilog="Example: hawkline sensor disarm north gate house")
def disarm(site: Site, agent: Agent, partition: Partition, url: options.UrlOption = options.URL) -> None:
    """Disarm a partition (撤防): sirens fall silent; what stays in alarm until it is reset stays."""
    _order(ApiClient(url), site, agent, partition, {"deed": "disarm"})


@app.command("reset", epilog="Example: hawkline sensor reset north gate house")
def reset(site: Site, agent: Agent, partition: Partition, url: options.UrlOption = options.URL) -> None:
    """Let go what stays in alarm until a person has looked: panic buttons and smoke detectors (复位)."""
    _order(ApiClient(url), site, agent, partition, {"deed": "reset"})


def _order(client: ApiClient, site: str, agent: str, partition: str, order: Mapping[str, Any]) -> None:
    done = client.change("PUT", f"{_box(site, agent)}/partitions", {"partition": partition, **order})
    until_s = time.monotonic() + _ANSWER_S
    while time.monotonic() < until_s:
        for row in client.get("/api/v1/partitions", {"site": site, "agent": agent}):
            if row["partition"] == partition and row["answered"] >= done["number"]:
                words = ", ".join(word for word in (row["state"], ", ".join(row["hinders"]), row["detail"]) if word)
                say(f"{site}/{agent}/{partition}: {words}")
                if row["not_armed"] and order["deed"] not in ("disarm", "reset"):
                    say("it is armed as soon as nothing hinders it; `hawkline sensor disarm` takes that back")
                if _failed(row, order["deed"]):
                    raise typer.Exit(1)
                return
        time.sleep(_ASKED_EVERY_S)
    raise UnavailableError(
        f"{site}/{agent} has not answered within {_ANSWER_S:g} s; what it does not hear within a quarter of "
        "an hour it does not do. `hawkline sensor partitions` shows how it is"
    )


def _failed(row: Mapping[str, Any], deed: str) -> bool:
    if deed == "reset":
        return False
    if deed == "disarm":
        return bool(row["state"] != "disarmed")
    return row["state"] not in ("arming", f"armed_{deed}")


def _of_partition(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "site": row["site"],
        "agent": row["agent"],
        "partition": row["partition"],
        "state": "not armed" if row["not_armed"] else row["state"],
        "box": row["box"],
        "by": row["changed_by"],
        "since": local(row["since"]),
        "hinders": ", ".join(row["hinders"]),
        "detail": row["detail"],
    }


def _listed(row: Mapping[str, Any], whole: Mapping[tuple[str, str, str], Mapping[str, Any]]) -> dict[str, Any]:
    """As it is printed; where nothing is said of a zone of a panel, what is said of the panel holds for it."""
    state = f"{row['state']}, battery low" if row["battery_low"] else row["state"]
    of = whole.get((row["site"], row["agent"], row["sensor"].partition("/")[0]), row)
    said = {key: row[key] or of[key] for key in ("location", "responsible")}
    return {**{key: row[key] for key in _LISTED}, **said, "state": state, "since": local(row["since"])}


def _is_troubled(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] != "normal" or row["box"] != "online" or row["battery_low"])


def _doubts(row: Mapping[str, Any]) -> Iterator[str]:
    """What would keep it from being heard, or from ringing."""
    if row["box"] != "online":
        yield f"its box is {row['box']}: nothing is heard of it now"
    if row["state"] not in ("normal", "alarm"):
        yield f"it is {row['state']}: {row['detail']}"
    if row["state"] == "alarm":
        yield "it is in alarm already: it has to be closed before it can answer"


def _state_of_bypass(row: Mapping[str, Any]) -> str:
    if row["ended_at"]:
        return f"ended by {row['ended_by']}"
    return "holds" if row["seen_at"] else "the box has not answered yet"


def _known(client: ApiClient, site: str, agent: str, name: str) -> dict[str, Any]:
    rows = _rows(client, site, agent)
    found = next((row for row in rows if row["sensor"] == name), None)
    if found is None:
        known = ", ".join(repr(row["sensor"]) for row in rows) or "none"
        raise HawklineError(f"box {site}/{agent} has told of no sensor {name!r}; it has told of: {known}")
    return found


def _rows(client: ApiClient, site: str, agent: str) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = client.get("/api/v1/sensors", {"site": site, "agent": agent})
    return found


def _name(row: Mapping[str, Any]) -> str:
    return "/".join(part for part in (row["site"], row["agent"], row["camera"], row["name"]) if part)


def _box(site: str, agent: str) -> str:
    return f"/api/v1/boxes/{quote(site, safe='')}/{quote(agent, safe='')}"
