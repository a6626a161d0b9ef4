"""`hawkline bench ingest`, `bench latency` and `bench fanout`."""

from typing import Annotated

import typer

from shared.output import Output, OutputOption, print_rows, to_json

UNBATCHED, BATCHED, BATCH = 10_000.0, 60_000.0, 20
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
    workers: Annotated[int, typer.Option("--workers", min=1, max=16, help="processes of the bulk lane")] = 2,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ingest at a rate, with mosquitto, PostgreSQL and load on this machine. Exit code 1 when it does not keep up."""
    from provisioning.bench.generator import Load
    from provisioning.bench.ingest import measure

    for_s = seconds or (15.0 if quick else 600.0)
    rows = []
    for name, rate, count in (("unbatched", unbatched, 1), (f"batches of {BATCH}", batched, BATCH)):
        if rate:
            rows.append(measure(Load(0, boxes, rate, count, _ALARMS, for_s), name, workers))
    print_rows(rows if output is Output.JSON else [{**row, "cores": to_json(row["cores"])} for row in rows], output)
    if any(row["acknowledged"] < row["sent"] or row["events_per_s"] < 0.97 * row["asked"] for row in rows):
        raise typer.Exit(1)


def fanout(
    quick: Annotated[bool, typer.Option("--quick", help="15 s instead of a minute, twice")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=5, help="seconds of each run")] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=5000, help="feeds that are read")] = 500,
    rate: Annotated[float, typer.Option("--alerts", min=0.1, help="alerts a second")] = 20.0,
    stalled: Annotated[int, typer.Option("--stalled", min=1, max=1000, help="feeds that nobody reads")] = 10,
    output: OutputOption = Output.TABLE,
) -> None:
    """From event to every open console, without and with some that do not read. Exit code 1 when a bar is missed."""
    from provisioning.bench.fanout import measure

    rows = list(measure(clients, rate, stalled, seconds or (15.0 if quick else 60.0)))
    print_rows(rows if output is Output.JSON else [{**row, "cores": to_json(row["cores"])} for row in rows], output)
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)
