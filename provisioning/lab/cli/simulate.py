"""`hawkline simulate`: boxes without cameras against a real aggregator, with a ledger and a verdict."""

from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigError
from shared.output import emit, say, to_json

app = typer.Typer(help="A district of simulated boxes on this machine, with faults where wanted, and a verdict.")


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline simulate --boxes 100 --for 60 --dir /tmp/sim; "
    "hawkline simulate --chaos 7 --kills 50 --dir /tmp/chaos",
)
def simulate(
    folder: Annotated[Path, typer.Option("--dir", help="where data, ledgers and logs go; a new folder")],
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=10_000)] = 20,
    alarms: Annotated[float, typer.Option("--alarms", min=0, help="a second, of all boxes together")] = 5.0,
    bulk: Annotated[float, typer.Option("--bulk", min=0, help="counted events a second, of all together")] = 200.0,
    backlog: Annotated[int, typer.Option("--backlog", min=0, help="events a box that waited for the network")] = 0,
    at_once: Annotated[bool, typer.Option("--at-once", help="all boxes come back at once, not one by one")] = False,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="seconds; without, until Ctrl+C")] = None,
    chaos: Annotated[int | None, typer.Option("--chaos", help="seed of faults: kills, freezes, a bad network")] = None,
    kills: Annotated[int | None, typer.Option("--kills", min=1, help="with --chaos: end after so many kills")] = None,
    by_hour: Annotated[bool, typer.Option("--by-hour/--steady", help="whether the hour of the day counts")] = True,
    storms: Annotated[float, typer.Option("--storms", min=0, help="an hour and box; ten times the alarms")] = 0.0,
    mishaps: Annotated[
        float, typer.Option("--mishaps", min=0, help="an hour and box: outages, clocks set, reboots")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="of what the boxes see")] = 1,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="of console and API")] = None,
) -> None:
    """Start an aggregator and boxes, let them run, and compare every number with the database.

    With --chaos, outboxes are on disk, processes are killed and the network fails; a run that was interrupted goes on
    when it is started again with the same options. One JSON summary goes to standard output. Exit code 0: every event
    is stored once; 1: not so; 2: it could not run; 3: interrupted, and what ran was well.
    """
    from provisioning.lab.simulate.run import SimulationOptions, run_simulation

    if kills is not None and chaos is None:
        raise ConfigError("--kills belongs to --chaos SEED: without faults nothing is killed")
    if chaos is not None and backlog:
        raise ConfigError("--backlog and --chaos exclude each other: faults make backlogs of their own")
    if for_s is None and backlog:
        raise ConfigError("--backlog wants --for SECONDS: the boxes come back one after another within that time")
    options = SimulationOptions(
        folder=folder.resolve(),
        boxes=boxes,
        alarms=alarms,
        bulk=bulk,
        backlog=backlog,
        at_once=at_once,
        for_s=for_s,
        chaos=chaos,
        kills=kills,
        by_hour=by_hour,
        storms=storms,
        mishaps=mishaps,
        seed=seed,
        port=port,
    )
    summary = run_simulation(options)
    emit(to_json(summary))
    if not summary["ok"]:
        say("not ok: something was lost, stored twice or still waits; the logs are in " + str(folder / "logs"))
        raise typer.Exit(1)
    if summary["interrupted"]:
        say("interrupted: the summary is about what ran; with --chaos the same command goes on")
        raise typer.Exit(3)
