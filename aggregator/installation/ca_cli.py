"""`hawkline ca`: the deployment's certificate authority."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.trust.passphrase import OpenOption, PassphraseOption, passphrase
from shared.errors import ConfigError
from shared.output import Output, OutputOption, print_rows, say

if TYPE_CHECKING:
    from aggregator.config import AggregatorSettings

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
    made = vault.rotate(root_key, passphrase(passphrase_file, no_passphrase, known=True), now)
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
    from aggregator.installation.audit_note import recorded
    from aggregator.trust import authority, register
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
    # None is made unseen: before the file is there, the entry and the register are.
    with recorded(settings, config, "certificate issued", told) as connection:
        register.register(connection, made.certificate)
    made.write(to)
    say(f"{to}: key and certificates of {service}, number {number:x}, until {made.expires_at:%Y-%m-%d}")


@app.command(epilog="Example: hawkline ca issued --config aggregator.toml -o json")
def issued(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """List the certificates of services, here and on other machines, that still hold or were revoked before their end.

    Those of boxes: hawkline device list.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.audit_note import opened_schema
    from aggregator.trust.register import of_services

    settings = load_aggregator_settings(config)
    with opened_schema(settings, config) as connection:
        rows = of_services(connection)
    issuers = settings.vault.issuer_keys()
    print_rows(
        [
            # What an issuer has signed goes with it.
            {
                "counts": row.revoked_at is None and row.issuer in issuers,
                **row.model_dump(mode="json", exclude={"issuer"}),
            }
            for row in rows
        ],
        output,
    )


@app.command(epilog="Example: hawkline ca revoke 3fa9c1 --why 'the machine was stolen' --config aggregator.toml")
def revoke(
    number: Annotated[str, typer.Argument(help="of `ca issued`; of an issuer or time: `ca show`", show_default=False)],
    config: ConfigOption,
    why: Annotated[str, typer.Option("--why", help="stands in the audit", show_default=False)],
    root_key: Annotated[
        Path | None, typer.Option("--root-key", help="file of the root's key: only the root takes an issuer back")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option("--issuer", help="number of its issuer, where the register does not know it")
    ] = None,
    passphrase_file: PassphraseOption = None,
    no_passphrase: OpenOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take back the certificate of a service, or an issuer and all that it has signed. Boxes hear it within the hour.

    What this machine shows itself is issued anew. With an issuer every box gets another certificate by its old key, and
    nobody has to go there. A box is taken back with: hawkline device revoke.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.audit_note import actor, opened_schema, recorded
    from aggregator.trust import mosquitto, register

    settings = load_aggregator_settings(config)
    vault = settings.vault
    if not why.strip():
        raise ConfigError("--why: expected a reason; it stands in the audit")
    wanted = _number(number) if issuer else _whole_number(number, settings, config)
    if wanted == vault.root().serial_number:
        raise ConfigError(f"{number}: the root itself cannot be taken back: whoever has its key is the deployment")
    of_root = vault.is_of_root(wanted)
    if of_root and root_key is None:
        raise ConfigError(f"{number}: the root has issued it, and only the root takes it back: name --root-key")
    # Asked for while nobody waits for us.
    opens = passphrase(passphrase_file, no_passphrase, known=True) if of_root else b""
    with recorded(settings, config, "certificate revoked", f"number {wanted:x}: {why}") as connection:
        # In the audit before it is done; said again, what was left undone is done.
        if of_root:
            assert root_key is not None  # noqa: S101 - looked at above
            vault.withdraw(wanted, root_key, opens, datetime.now(UTC))
        elif issuer is not None:
            register.keep_revoked(connection, vault.issuer_of(_number(issuer)), wanted)
        else:
            register.revoke(connection, wanted, actor().who, why)
    now = datetime.now(UTC)
    _sign_lists(settings, config, now)
    renewed = vault.renew_services(settings.server_names, now)
    with opened_schema(settings, config) as connection:
        register.register_services(connection, vault, renewed, actor())
    # Who is connected stays: lists are looked at when a client comes. So whoever runs the broker starts it again.
    ours = settings.broker.kind == "mosquitto"
    ended = ours and mosquitto.end(settings.broker_folder)
    if ours and not ended:
        say("no broker of ours runs just now: it reads the lists when it starts")
    elif not ours:
        say("a broker elsewhere: carry trust/revoked.pem there, with its own key and certificate if those were revoked")
        say("(hawkline ca issue server), and restart it: connections that are there last on")
    print_rows([{"revoked": f"{wanted:x}", "issued_anew": ", ".join(renewed), "broker_restarts": ended}], output)


def _number(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise ConfigError(
            f"{text!r}: expected a number in hexadecimal digits, as hawkline ca issued tells it"
        ) from None


def _whole_number(text: str, settings: "AggregatorSettings", config: Path) -> int:
    """The one number that begins so, of those that can be taken back."""
    from aggregator.installation.audit_note import opened_schema
    from aggregator.trust.register import of_services

    _number(text)
    known = {row["number"] for row in settings.vault.summary()}
    with opened_schema(settings, config) as connection:
        known |= {row.number for row in of_services(connection)}
    found = [each for each in known if each.startswith(text.lower())]
    if len(found) > 1:
        raise ConfigError(f"{text}: {len(found)} numbers begin so; write more of it")
    return _number(found[0] if found else text)


def _sign_lists(settings: "AggregatorSettings", config: Path, at: datetime) -> int:
    """Sign the lists of all issuers anew; how many certificates are on them."""
    from aggregator.installation.audit_note import opened_schema
    from aggregator.trust.register import boxes_revoked, revoked

    with opened_schema(settings, config) as connection:
        rows, boxes = revoked(connection), boxes_revoked(connection)
    settings.vault.write_revoked(rows, at, boxes)
    return len(rows)


@app.command(epilog="Example: hawkline ca crl --config aggregator.toml")
def crl(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Sign the revocation lists anew, now. A running aggregator does so every day, and at every revocation."""
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.audit_note import note
    from aggregator.trust import mosquitto

    settings = load_aggregator_settings(config)
    count = _sign_lists(settings, config, datetime.now(UTC))
    note(settings, config, "revocation lists signed", f"{count} certificates")
    told = mosquitto.reload(settings.broker_folder)
    until = settings.vault.revoked_until()
    print_rows([{"revoked": count, "holds_until": until and f"{until:%Y-%m-%d %H:%M}Z", "broker_told": told}], output)
