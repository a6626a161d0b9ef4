"""`hawkline broker`: mosquitto's configuration, and who may do what there."""

from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigError
from shared.output import Output, OutputOption, emit, print_rows, say

app = typer.Typer(help="The MQTT broker of a deployment: its configuration and its roles.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)]


@app.command(epilog="Example: hawkline broker config --config aggregator.toml --show")
def config(
    config: ConfigOption,
    show: Annotated[bool, typer.Option("--show", help="print it and write nothing")] = False,
) -> None:
    """Write mosquitto's configuration and its first roles into data_dir/broker. `aggregator run` does so by itself.

    For a mosquitto that another program starts (broker.kind = "other"): `mosquitto -c data_dir/broker/mosquitto.conf`.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.trust.mosquitto import Listeners, configuration, write_configuration

    settings = load_aggregator_settings(config)
    listeners = Listeners(*settings.broker_address, settings.broker.box_host, settings.broker.box_port)
    settings.vault.root()
    if show:
        emit(configuration(settings.vault, settings.broker_folder, listeners))
        return
    say(f"written: {write_configuration(settings.vault, settings.broker_folder, listeners)}")


@app.command(epilog="Example: hawkline broker sync --config aggregator.toml -o json")
def sync(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Make a running broker let in exactly the boxes that are enrolled. A running aggregator does so all the time."""
    from aggregator.config import load_aggregator_settings
    from aggregator.embedded.database_access import opened
    from aggregator.trust.broker_access import admitted_boxes
    from aggregator.trust.broker_access import sync as bring_in_step
    from aggregator.trust.control import BrokerControl

    settings = load_aggregator_settings(config)
    if settings.trust is None:
        raise ConfigError(f"{config}: key trust: missing; a broker in plain text has no roles")
    control = BrokerControl(*settings.broker_address, settings.vault.context("broker-admin"))
    control.start()
    try:
        with opened(settings, config) as database, database.connect("broker-sync") as connection:
            wanted = admitted_boxes(connection)
        added, removed = bring_in_step(control, list(wanted))
    finally:
        control.stop()
    print_rows([{"boxes": len(wanted), "let_in": added, "put_out": removed}], output)
