"""`hawkline simulate-boxes`: many boxes without cameras against a broker that runs."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigError
from shared.output import emit, to_json
from shared.stop_signals import set_by_signals

app = typer.Typer(help="Many boxes without cameras against a broker that runs.")


@app.callback(
    invoke_without_command=True,
    epilog="Example: hawkline simulate-boxes --dir /tmp/boxes --boxes 100 --alarms 50 --bulk 200 --for 60",
)
def simulate(
    folder: Annotated[Path, typer.Option("--dir", help="where the ledger goes, and outboxes where they are on disk")],
    broker: Annotated[str, typer.Option("--broker", help="HOST:PORT")] = "127.0.0.1:1883",
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=10_000)] = 20,
    first: Annotated[int, typer.Option("--first", min=1, help="number of the first box")] = 1,
    alarms: Annotated[float, typer.Option("--alarms", min=0, help="a second, of all boxes together")] = 2.0,
    bulk: Annotated[float, typer.Option("--bulk", min=0, help="counted events a second, of all together")] = 20.0,
    by_hour: Annotated[bool, typer.Option("--by-hour/--steady", help="whether the hour of the day counts")] = True,
    storms: Annotated[float, typer.Option("--storms", min=0, help="an hour and box; ten times the alarms")] = 0.0,
    mishaps: Annotated[
        float, typer.Option("--mishaps", min=0, help="an hour and box: outages, clocks set, reboots")
    ] = 0.0,
    backlog: Annotated[int, typer.Option("--backlog", min=0, help="events a box that waited for the network")] = 0,
    at_once: Annotated[bool, typer.Option("--at-once", help="all backlogs in the same moment")] = False,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="seconds; without, until stopped")] = None,
    drain_s: Annotated[float, typer.Option("--drain", min=0, help="seconds that what waits may take at the end")] = 60,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    on_disk: Annotated[bool, typer.Option("--on-disk", help="keep outboxes on disk, as real boxes do")] = False,
    twice: Annotated[float, typer.Option("--twice", min=0, max=1, help="part of the batches sent twice")] = 0.0,
) -> None:
    """Run many boxes without cameras against a broker: the real protocol, a ledger, figures as JSON lines.

    Exit code 0: everything that was numbered is stored; 1: something still waits.
    """
    from provisioning.lab.boxes.behaviour import Rates
    from provisioning.lab.boxes.fleet import Fleet, Plan

    taken, outboxes = (folder / "ledger.csv").exists(), any(folder.glob("*/outbox.db"))
    if (folder.exists() and not folder.is_dir()) or (outboxes and not on_disk) or (taken and not outboxes):
        raise ConfigError(
            f"--dir {str(folder)!r}: holds something else, perhaps the ledger of a run; choose another folder"
        )
    host, _, port = broker.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--broker {broker!r}: expected HOST:PORT, such as 127.0.0.1:1883")
    stopping = threading.Event()
    rates = Rates(alarms / boxes, bulk / boxes, storms, mishaps, by_hour)
    plan = Plan(boxes, rates, folder, first, backlog, at_once, for_s, drain_s, seed, on_disk, twice)
    with set_by_signals(stopping):
        figures = Fleet(plan, (host, int(port))).run(stopping, lambda told: emit(to_json(told)))
    emit(to_json({**figures, "ended": True}))
    if figures["waiting"]:
        raise typer.Exit(1)
