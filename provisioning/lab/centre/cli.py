"""`hawkline bench ingest`, `bench latency`, `bench fanout`, `bench api` and `bench enrol`."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from provisioning.lab.cpu_steal import MOST, verdict
from provisioning.lab.rows import as_measured, fail_if_missed
from shared.output import Output, OutputOption, print_rows, to_json

UNBATCHED, BATCHED, BATCH = 10_000.0, 60_000.0, 20
_BURST = {False: 300_000, True: 60_000}
_ALARMS = 0.005
"""Part of the events that raise alerts: the rule is on, and the machine is not measured raising thousands of them."""


def ingest(
    quick: Annotated[bool, typer.Option("--quick", help="15 s of each load instead of ten minutes")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=5, help="seconds of each load")] = None,
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=10_000)] = 1100,
    unbatched: Annotated[
        float, typer.Option("--unbatched", min=0, help="events/s, one a batch; 0: not measured")
    ] = UNBATCHED,
    batched: Annotated[float, typer.Option("--batched", min=0, help="events/s, 20 a batch; 0: not measured")] = BATCHED,
    at_once: Annotated[
        int | None,
        typer.Option("--burst", min=0, help="single events sent at once, beside mosquitto_sub | COPY; 0: not measured"),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=16, help="processes of the bulk lane")] = 2,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ingest at a rate, with mosquitto, PostgreSQL and load on this machine. Exit code 1 when it does not keep up."""
    from provisioning.lab.centre.generator import Load
    from provisioning.lab.centre.ingest import burst, measure

    for_s = seconds or (15.0 if quick else 600.0)
    rows = []
    for name, rate, count in (("unbatched", unbatched, 1), (f"batches of {BATCH}", batched, BATCH)):
        if rate:
            row = measure(Load(0, boxes, rate, count, _ALARMS, for_s), name, workers)
            rows.append({**row, "bar": "keeps up", "verdict": verdict(_kept_up(row), row["stolen"])})
    print_rows(rows if output is Output.JSON else [{**row, "cores": to_json(row["cores"])} for row in rows], output)
    events = _BURST[quick] if at_once is None else at_once
    if events:
        both = burst(Load(0, boxes, float(events), 1, 0.0, 1.0, at_once=True), workers)
        print_rows([_shown(row) for row in both], output)
        rows += both[:1]
    if any(not _kept_up(row) and row["stolen"] <= MOST for row in rows):
        raise typer.Exit(1)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a burst, in which some of the peer's figures are missing."""
    names = ("load", "sent", "events_per_s", "of_peer", "acknowledged", "memory_mb", "stolen", "cores")
    return {name: to_json(row[name]) if name == "cores" and name in row else row.get(name) for name in names}


def _kept_up(row: dict[str, Any]) -> bool:
    """Everything acknowledged, and of a steady load as fast as it came, with no backlog that grows."""
    if "of_peer" in row:
        return bool(row["acknowledged"] == row["sent"])
    steady = row["events_per_s"] >= 0.97 * row["asked"] and row["backlog_slope_per_s"] <= 0.02 * row["asked"]
    return bool(steady and row["acknowledged"] == row["sent"])


def latency(
    quick: Annotated[bool, typer.Option("--quick", help="20 s instead of five minutes")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=10, help="seconds")] = None,
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=10_000)] = 1100,
    rate: Annotated[float, typer.Option("--rate", min=1, help="events a second, of all boxes together")] = 1000.0,
    alarms: Annotated[float, typer.Option("--alarms", min=0.1, help="how many of them are alarms")] = 20.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """From an event on a box to the operator's page, in an open loop. Exit code 1 when a bar is missed."""
    from provisioning.lab.centre.latency import measure

    row = measure(boxes, rate, alarms, seconds or (20.0 if quick else 300.0))
    print_rows([row if output is Output.JSON else {**row, "cores": to_json(row["cores"])}], output)
    fail_if_missed([row])


def fanout(
    quick: Annotated[bool, typer.Option("--quick", help="15 s instead of a minute, twice")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=5, help="seconds of each run")] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=5000, help="feeds that are read")] = 500,
    rate: Annotated[float, typer.Option("--alerts", min=0.1, help="alerts a second")] = 20.0,
    stalled: Annotated[int, typer.Option("--stalled", min=1, max=1000, help="feeds that no page reads")] = 10,
    output: OutputOption = Output.TABLE,
) -> None:
    """From event to every open console, without and with some that do not read; then 50 acknowledgements at once.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.centre.fanout import measure

    *rows, deeds = measure(clients, rate, stalled, seconds or (15.0 if quick else 60.0))
    print_rows(rows if output is Output.JSON else [{**row, "cores": to_json(row["cores"])} for row in rows], output)
    print_rows([deeds], output)
    fail_if_missed([*rows, deeds])


def api(
    quick: Annotated[bool, typer.Option("--quick", help="three turns of 4 s instead of seven of 10 s")] = False,
    rate: Annotated[float, typer.Option("--rate", min=1, help="questions a second")] = 50.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Questions to a centre of 6,000 sites in four levels, of whom all, a city or a district is theirs."""
    from provisioning.lab.centre.api import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as folder:
        print_rows(measure(Path(folder), rate, 4.0 if quick else 10.0, 3 if quick else 7), output)


def hostile(
    quick: Annotated[bool, typer.Option("--quick", help="5 s beside each attack instead of 30")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """One box sends all that it may, one attack after another, and another box's alarms are timed beside it.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.centre.hostile import measure

    rows = list(measure(5.0 if quick else 30.0))
    print_rows(
        rows if output is Output.JSON else [{**row, "memory_mb": to_json(row["memory_mb"])} for row in rows], output
    )
    fail_if_missed(rows)


def wire(
    each: Annotated[int, typer.Option("--each", min=100, help="of each struct")] = 100_000,
    output: OutputOption = Output.TABLE,
) -> None:
    """Every struct of the wire at its bounds and beyond, through ingest, alerting and heartbeats.

    Exit code 1 when one raises what it should not, or costs more statements than a message may.
    """
    from provisioning.lab.centre.machine import bench_folder
    from provisioning.lab.centre.wire_fuzz import measure
    from provisioning.lab.database.server import bench_server

    with bench_folder() as folder, bench_server(folder, None) as server:
        rows = list(measure(server.database, each))
    print_rows(rows, output)
    fail_if_missed(rows)


def enrol(
    boxes: Annotated[int, typer.Option("--boxes", min=1, help="how many come in")] = 1100,
    output: OutputOption = Output.TABLE,
) -> None:
    """Claim and enrol a district of boxes, both sides on this machine. Exit code 1 when it takes over five minutes."""
    from provisioning.lab.centre.enrol import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as folder:
        rows = measure(Path(folder), boxes)
    print_rows(rows, output)
    fail_if_missed(rows[-1:])


def quiet(
    lines: Annotated[int, typer.Option("--lines", min=10)] = 500,
    seed: Annotated[int, typer.Option("--seed", help="1 is what thresholds were chosen on")] = 2,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lines that have gone quiet, or wild: a simulated year of many lines, drawn as the judge's model does not have it.

    Exit code 1 when more than 0.03 false ones a line and year are told.
    """
    from provisioning.lab.centre.line_years import rows

    found = list(rows(lines, seed))
    print_rows(found, output)
    fail_if_missed(found)


def lists(
    boxes: Annotated[int, typer.Option("--boxes", min=1, help="checkpoints")] = 276,
    entries: Annotated[int, typer.Option("--entries", min=1, max=10_000, help="of the list")] = 10_000,
    output: OutputOption = Output.TABLE,
) -> None:
    """From a list's submission until every checkpoint's box has said that it holds it; then a cordon of forty.

    Both sides on this machine. Exit code 1 when a bar is missed.
    """
    from provisioning.lab.centre.lists import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as folder:
        rows = as_measured(measure(Path(folder), boxes, entries))
    print_rows(rows, output)
    fail_if_missed(rows)


def forgetting(
    passages: Annotated[int, typer.Option("--passages", min=1, help="vehicles that pass, at least")] = 20_000,
    vehicles: Annotated[
        int, typer.Option("--vehicles", min=20, help="of a clip, which is played again and again")
    ] = 400,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="keep everything there, to look at", show_default=False)
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Rendered passages through a box and the centre that log all they can; then every file is searched for plates.

    Exit code 1 when one that no list names is anywhere.
    """
    from provisioning.lab.centre.forgetting import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as temporary:
        where = folder or Path(temporary)
        where.mkdir(parents=True, exist_ok=True)
        where.chmod(0o755)  # the embedded database may belong to another account
        rows = as_measured(measure(where, passages, vehicles))
    print_rows(rows, output)
    fail_if_missed(rows)


def hits(
    vehicles: Annotated[int, typer.Option("--vehicles", min=1, help="that drive by, all of them listed")] = 120,
    output: OutputOption = Output.TABLE,
) -> None:
    """From a listed plate at its line to the operator's feed: a box, the broker and the centre, in real time.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.centre.hits import measure

    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as temporary:
        where = Path(temporary)
        where.chmod(0o755)  # the embedded database may belong to another account
        rows = as_measured(measure(where, vehicles))
    print_rows(rows, output)
    fail_if_missed(rows)


def sensors(
    quick: Annotated[bool, typer.Option("--quick", help="40 alarms and a storm of 60 on 30 boxes")] = False,
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=10_000)] = 300,
    each: Annotated[int, typer.Option("--sensors", min=1, max=64, help="of each box")] = 4,
    ordinary: Annotated[int, typer.Option("--ordinary", min=1, help="alarms, two a second")] = 500,
    storm: Annotated[int, typer.Option("--storm", min=1, help="alarms in ten seconds")] = 600,
    loss: Annotated[float, typer.Option("--loss", min=0, max=0.9, help="part of the radio's frames")] = 0.1,
    output: OutputOption = Output.TABLE,
) -> None:
    """A district of alarm sensors: from the moment that one trips to the operator's feed, in calm and in a storm.

    Each sensor trips once. A frame that the radio loses is sent again, four times at most. Exit code 1 when a bar is
    missed.
    """
    from provisioning.lab.boxes.district import Trips
    from provisioning.lab.centre.sensors import measure

    trips = Trips(each, 40, 0.25, 60, 2.0, loss) if quick else Trips(each, ordinary, 0.5, storm, 10.0, loss)
    rows = as_measured(measure(30 if quick else boxes, trips))
    print_rows(rows, output)
    fail_if_missed(rows)
