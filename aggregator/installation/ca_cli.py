"""`hawkline ca`: the deployment's certificate authority."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from aggregator.trust.passphrase import OpenOption, PassphraseOption, passphrase
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="The deployment's certificate authority.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)]
RootKeyOption = Annotated[
    Path,
    typer.Option("--root-key", help="file of the root's key, best on a stick that is taken away", show_default=False),
]


@app.command(
    epilog="Example: hawkline ca init --config aggregator.toml --root-key /media/stick/root.key --name 'North county'"
)
def init(
    config: ConfigOption,
    root_key: RootKeyOption,
    name: Annotated[str, typer.Option("--name", help="of the deployment; stands in certificates")] = "Hawkline",
    passphrase_file: PassphraseOption = None,
    no_passphrase: OpenOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make root, first issuer and the servers' certificates. Then take the root's key away: it is seldom needed."""
    from aggregator.config import load_aggregator_settings

    settings = load_aggregator_settings(config)
    vault, now = settings.vault, datetime.now(UTC)
    assert settings.trust  # noqa: S101 - or there were no vault
    vault.create(name, root_key, passphrase(passphrase_file, no_passphrase, twice=True), now)
    vault.renew_services(settings.server_names, now)
    say(f"the root's key is {root_key}: take it away, and keep a copy; without it no new issuer can be made")
    print_rows(vault.summary(), output)


@app.command(epilog="Example: hawkline ca show --config aggregator.toml -o json")
def show(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """List root, issuers and services: until when they hold, and their fingerprints."""
    from aggregator.config import load_aggregator_settings

    print_rows(load_aggregator_settings(config).vault.summary(), output)


@app.command(epilog="Example: hawkline ca rotate --config aggregator.toml --root-key /media/stick/root.key")
def rotate(
    config: ConfigOption,
    root_key: RootKeyOption,
    passphrase_file: PassphraseOption = None,
    no_passphrase: OpenOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a new issuer, which signs from now on. What the old one has signed holds as long as it says.

    Once a year is a good time: an issuer holds for two, and nothing that it signs holds longer than it.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.audit_note import note
    from aggregator.trust import mosquitto

    settings = load_aggregator_settings(config)
    vault, now = settings.vault, datetime.now(UTC)
    made = vault.rotate(root_key, passphrase(passphrase_file, no_passphrase), now)
    note(settings, config, "issuer made", f"holds until {made.expires_at:%Y-%m-%d}")
    if not mosquitto.reload(settings.broker_folder):
        say("a broker that runs and is not ours to tell has to read its files again: SIGHUP, or restart it")
    print_rows(vault.summary(), output)


@app.command(
    epilog="Example: hawkline ca issue server --host broker.example.org --to broker.pem --config aggregator.toml"
)
def issue(
    config: ConfigOption,
    service: Annotated[str, typer.Argument(help="server, aggregator or broker-admin", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="file for key and certificates", show_default=False)],
    host: Annotated[
        list[str] | None, typer.Option("--host", help="name or address of a server; again for more")
    ] = None,
) -> None:
    """Make key and certificate of a service on another machine. Boxes get theirs by enrolling.

    It holds for 90 days and does not renew itself there: services on the aggregator's own machine do.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.audit_note import note
    from aggregator.trust import authority
    from aggregator.trust.vault import CLIENTS, SERVER

    if service not in (SERVER, *CLIENTS) or (service == SERVER) != bool(host):
        raise ConfigError(f"{service!r}: expected {SERVER} with --host, or one of {', '.join(CLIENTS)} without")
    if to.exists():
        raise ConfigError(f"--to {to}: exists already")
    settings = load_aggregator_settings(config)
    issuer, now = settings.vault.issuers()[-1], datetime.now(UTC)
    made = authority.new_server(issuer, service, host, now) if host else authority.new_client(issuer, service, now)
    number, where = made.certificate.serial_number, f", for {', '.join(host)}" if host else ""
    told = f"{service}, number {number:x}, until {made.expires_at:%Y-%m-%d}{where}"
    note(settings, config, "certificate issued", told, required=True)  # before it is there: none is made unseen
    made.write(to)
    say(f"{to}: key and certificates of {service}, until {made.expires_at:%Y-%m-%d}")


@app.command(epilog="Example: hawkline ca crl --config aggregator.toml")
def crl(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Sign the revocation lists anew, now. A running aggregator does so every day, and at every revocation."""
    from aggregator.config import load_aggregator_settings
    from aggregator.embedded.database_access import opened
    from aggregator.installation.audit_note import note
    from aggregator.trust import mosquitto
    from aggregator.trust.enrolment import revoked

    settings = load_aggregator_settings(config)
    vault, now = settings.vault, datetime.now(UTC)
    with opened(settings, config) as database, database.connect("ca") as connection:
        rows = revoked(connection)
    vault.write_revoked(rows, now)
    note(settings, config, "revocation lists signed", f"{len(rows)} certificates")
    told = mosquitto.reload(settings.broker_folder)
    until = vault.revoked_until()
    print_rows(
        [{"revoked": len(rows), "holds_until": until and f"{until:%Y-%m-%d %H:%M}Z", "broker_told": told}], output
    )
