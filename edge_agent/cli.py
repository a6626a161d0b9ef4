"""`hawkline agent`: what an installer runs on a box."""

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from shared.credentials import is_stream
from shared.errors import ConfigError, UnavailableError
from shared.objects import ModelLayout
from shared.output import Output, OutputOption, emit, print_rows, say, to_json

app = typer.Typer(help="The agent on a box: watch cameras, report what crosses a line.", no_args_is_help=True)

_OURS: ModelLayout = "nanodet"
ConfigOption = Annotated[Path, typer.Option("--config", help="the agent's TOML file", show_default=False)]


@app.command(epilog="Example: hawkline agent run --config /etc/hawkline/agent.toml")
def run(config: ConfigOption) -> None:
    """Watch the configured cameras and report to the aggregator, until stopped."""
    from edge_agent.config_warnings import warn
    from edge_agent.configuration.store import Store

    store = Store(config)
    in_force = store.begin()
    warn(in_force.settings, in_force.cameras, in_force.path)
    # Behind the file: what is wrong with that is said at once, and not a second later.
    from edge_agent.agent import Agent, Ending
    from edge_agent.uplink.outbox.epoch_reset import renew_epoch
    from shared.clock import SystemClock
    from shared.stop_signals import set_by_signals

    clock, stopping = SystemClock(), threading.Event()
    with set_by_signals(stopping):
        agent = Agent(in_force.settings, in_force.cameras, clock, configured=(store, in_force))
        while (ending := agent.run(stopping)) is not Ending.STOPPED:
            if ending is Ending.COPY:
                epoch = renew_epoch(in_force.settings.data_dir / "outbox.db", clock)
                say(f"the outbox was a copy of another one; going on under the new epoch {epoch:08x}")
            elif ending is Ending.CARD:
                say("the card takes writes again; going on with the outbox on it")
            else:
                in_force = store.in_force()
                warn(in_force.settings, in_force.cameras, in_force.path)
                number, tried = in_force.number, "is tried" if in_force.tried else "is in force again"
                say(f"configuration {number} {tried}" if number else "this box's own file is in force again")
            what = in_force.settings, in_force.cameras
            agent = Agent(*what, clock, agent.left, agent.partitions, (store, in_force))


@app.command(epilog="Example: hawkline agent replay gate.mp4 --scene gate.toml --render seen.mp4 --sheet events.png")
def replay(
    video: Annotated[Path, typer.Argument(help="video file", show_default=False)],
    scene: Annotated[Path, typer.Option("--scene", help="scene file with lines and zones", show_default=False)],
    render: Annotated[
        Path | None, typer.Option("--render", help="write the video with everything drawn on it", show_default=False)
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="write a page with a picture of every event", show_default=False)
    ] = None,
    looks: Annotated[
        float,
        typer.Option(
            *("--looks", "--budget"), min=0, max=30, help="looks of the object detector a second; 0 is motion alone"
        ),
    ] = 0,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="look with this ONNX file instead of Hawkline's", show_default=False),
    ] = None,
    layout: Annotated[ModelLayout, typer.Option("--layout", help="how that file is read")] = _OURS,
    explain: Annotated[
        str, typer.Option("--explain", help="name of a line or zone: say also what was not counted there, and why")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the analysis over a video, without broker or aggregator, and print what lines and zones see."""
    from edge_agent.camera.looks.lookers import patient_looks
    from edge_agent.config import LookSettings
    from edge_agent.video_replay import COLUMNS, NOT_COUNTED, Replay
    from edge_agent.vision.tripwire.faults import faults
    from shared.scene import load_scene

    if is_stream(video):
        raise ConfigError("VIDEO: an address, expected a video file; record a piece of it, or let an agent watch it")
    if model and not looks:
        raise ConfigError("--model: needs --looks, or it would not be used")
    if layout != _OURS and not model:
        raise ConfigError(f"--layout {layout}: of --model, which is not given; Hawkline's own is {_OURS}")
    watched = load_scene(scene)
    for fault in faults(watched):
        say(f"warning: {scene}: {fault}")
    run = Replay(video, watched, render, sheet, patient_looks(LookSettings(looks, model, layout)), explain)
    rows = []
    for row in run.rows():
        rows.append(row)
        if output is Output.JSON:
            emit(to_json(row))
    if not run.frames:
        raise UnavailableError(f"VIDEO = {str(video)!r}: no frame could be decoded, expected a video")
    asking = [repr(watch.name) for watch in watched.watches if watch.objects]
    if asking and not looks:
        names = ", ".join(asking)
        say(f"warning: objects of {names}: without --looks nothing tells what a thing is, so everything counts")
    columns = (*COLUMNS, "why") if explain else COLUMNS
    if output is not Output.JSON:
        print_rows(sorted(rows, key=lambda row: int(str(row["frame"]))), output, columns)
        left_out = sum(row["kind"] == NOT_COUNTED for row in rows)
        also = f", {left_out} not counted at {explain!r}" if explain else ""
        events = f"{len(rows) - left_out} events{also}"
        say(f"{run.frames} frames, {len(run.tracks)} tracks, {events}; lines count whether armed or not")
    if run.damaged:
        raise typer.Exit(1)


@app.command(epilog="Example: hawkline agent check --config /etc/hawkline/agent.toml")
def check(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Read the configuration and try everything in it: broker, aggregator, clock, cameras, scenes.

    Exit code 2 when something does not answer; 1 when a clock is wrong, there are no looks where they were asked for,
    or something is watched that cannot happen.
    """
    from edge_agent.check import check_everything
    from edge_agent.configuration.store import Store

    in_force = Store(config).in_force(only_look=True)
    findings = check_everything(in_force.settings, in_force.cameras, in_force.path)
    print_rows(findings, output)
    bad = [finding["key"] for finding in findings if finding["ok"] is False]
    if any(not key.endswith((".scene", "clock", "looks")) for key in bad):
        raise UnavailableError(f"{config}: not everything answers; the list says what and which key names it")
    if bad:
        raise typer.Exit(1)


@app.command(epilog="Example: hawkline agent enrol --config agent.toml --claim 7KQ2M-… --fingerprint 9f2c…")
def enrol(
    config: ConfigOption,
    claim: Annotated[
        str,
        typer.Option("--claim", help="the code that `hawkline device claim` printed; - reads it from standard input"),
    ],
    root: Annotated[Path | None, typer.Option("--root", help="the deployment's root certificate, PEM")] = None,
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", help="or its SHA-256, from the same print")
    ] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="where the machine has no number of its own")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make this box one of the deployment: it makes a key and has it certified for the claim. Once; it renews itself.

    A wrong clock does no harm. When no answer comes, the same again.
    """
    from edge_agent.config import load_agent_file
    from edge_agent.uplink.trust import Door, serial_number
    from edge_agent.uplink.trust import enrol as become
    from edge_agent.uplink.trust.enrolment import CLAIM_LETTERS
    from shared.files import write_public
    from shared.topics import Address
    from shared.trust import read_root

    settings = load_agent_file(config)
    if settings.trust is None:
        raise ConfigError(f'{config}: key trust.url: missing; expected [trust] with url = "https://HOST:8421"')
    door = Door(settings.trust.url, settings.trust_folder)
    if root:
        read_root(root)
        door.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_public(door.root_path, root.read_bytes())
    elif fingerprint:
        door.learn_root(fingerprint)
    elif not door.root_path.is_file():
        raise ConfigError("--root or --fingerprint: needed, or a stranger could pass for the aggregator")
    if claim == "-":  # what stands in a command is seen by everybody on the machine
        claim = sys.stdin.readline().strip()
    if len(claim.replace("-", "").replace(" ", "")) != CLAIM_LETTERS:
        raise ConfigError(f"--claim: a claim has {CLAIM_LETTERS} letters and digits, such as 7KQ2M-0VN3C-XT4PW-81HZD")
    address = Address(settings.site, settings.agent)
    credentials = become(door, address, claim, serial or serial_number())
    expires_at = f"{credentials.expires_at:%Y-%m-%d %H:%M}Z"
    print_rows([{"site": address.site, "agent": address.agent, "certificate_until": expires_at}], output)


@app.command(epilog="Example: hawkline agent configuration --config /etc/hawkline/agent.toml")
def configuration(
    config: ConfigOption,
    own_file: Annotated[
        bool, typer.Option("--own-file", help="from the next start on watch what this file says, not what was sent")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what this box watches: its own file or what the centre sent, where that lies, and what was changed there.

    Its files may be changed where they lie; that holds from the agent's next start, and the centre is told.
    """
    from edge_agent.configuration.store import Store

    store = Store(config)
    if own_file:
        if not store.was_sent:
            raise ConfigError(f"{config}: the centre has sent nothing: this file is in force already")
        store.forget()
        say("start the agent anew: this file is in force then, until the centre sends another configuration")
        return
    in_force = store.in_force(only_look=True)
    refused, why = store.refused
    row = {
        "configuration": in_force.number or "own file",
        "file": str(in_force.path),
        "cameras": len(in_force.cameras),
        "tried": in_force.tried,
        "changed": ", ".join(in_force.changed),
        "refused": refused or "",
        "why": why,
    }
    print_rows([row], output)


@app.command(epilog="Example: hawkline agent serial")
def serial() -> None:
    """Print the machine's serial number, for the planner who makes the claim."""
    from edge_agent.uplink.trust import serial_number

    emit(serial_number())


@app.command(epilog="Example: hawkline agent outbox --config /etc/hawkline/agent.toml -o json")
def outbox(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Show what the outbox holds: numbers used and events that still wait."""
    from edge_agent.config import load_agent_file
    from edge_agent.uplink.outbox.salvage import damages
    from edge_agent.uplink.outbox.store import OutboxFile
    from shared.events import Lane

    settings = load_agent_file(config)
    path = settings.data_dir / "outbox.db"
    if not path.is_file():
        raise ConfigError(f"{config}: key data_dir: no outbox at {str(path)!r} yet; the agent has not run")
    file = OutboxFile(path, exclusive=False)
    waiting, _ = file.waiting()
    rows = []
    for lane in Lane:
        record = file.lane(lane)
        rows.append(
            {
                "site": settings.site,
                "agent": settings.agent,
                "epoch": file.counter("epoch"),
                "lane": lane.label,
                "durable_to": record.durable_to,
                "clean_next": record.clean_next,
                "waiting": waiting[lane],
                "pictures_waiting": file.count_pictures_waiting(),
                "put_aside": file.count_put_aside(lane),
                "damaged_files": damages(path),
            }
        )
    file.close()
    print_rows(rows, output)
