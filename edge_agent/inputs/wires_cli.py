"""`hawkline wires`: see what the wires of a box say, before anything is armed or told."""

import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.configuration.store import Store
from edge_agent.inputs.readings import Readings
from shared.errors import ConfigError
from shared.output import emit, say, to_json

app = typer.Typer(help="Wires of sensors: what each says now.", no_args_is_help=True)
_LOOK_S = 0.1


@app.callback()
def wires() -> None:
    """Wires of sensors: what each says now."""


@app.command(epilog="Example: hawkline wires watch --config agent.toml")
def watch(
    config: Annotated[Path, typer.Option("--config", help="the agent's file")],
    lasts_s: Annotated[
        float, typer.Option("--for", min=0, help="seconds; 0: until Ctrl-C, or until all have answered")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="a line of JSON each, for programs")] = False,
) -> None:
    """Print what each sensor's wire says, and each change: open every door, walk, press. Nothing is told or switched.

    At the end it lists those that have not answered; exit code 1 where there is one. The agent must not run: a GPIO
    line and a serial line have one reader.
    """
    settings = Store(config).in_force(only_look=True).settings
    if not settings.sensors:
        raise ConfigError(f"{config}: there is no [[sensors]]")
    readings = Readings(settings)
    shown, announced = dict[str, str](), set[str]()
    say(f"{len(settings.sensors)} sensors; open, press and walk; Ctrl-C ends it")
    ends_s = time.monotonic() + lasts_s if lasts_s else float("inf")
    with readings:
        try:
            while time.monotonic() < ends_s and len(readings.answered()) < len(settings.sensors):
                for name, reading in readings.newest().items():
                    said = f"{reading.circuit}{f', {reading.detail}' if reading.detail else ''}"
                    if shown.get(name) == said:
                        continue
                    shown[name] = said
                    at = datetime.now().astimezone().isoformat(timespec="milliseconds")
                    row = {"at": at, "sensor": name, "wire": readings.terminal(name), "state": said}
                    emit(to_json(row) if as_json else f"{at}  {name:<20} {said:<10}  {readings.terminal(name)}")
                for name in sorted(readings.answered() - announced):
                    announced.add(name)
                    say(f"{len(announced)} of {len(settings.sensors)} have answered: {name}")
                threading.Event().wait(_LOOK_S)
        except KeyboardInterrupt:
            say("ended")
        answered = readings.answered()
    silent = [each.name for each in settings.sensors if each.name not in answered]
    say(f"{len(answered)} of {len(settings.sensors)} have answered" + (f"; not: {', '.join(silent)}" if silent else ""))
    if silent:
        raise typer.Exit(1)
