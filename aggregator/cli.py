"""`hawkline aggregator`: what runs in the centre."""

from pathlib import Path
from typing import Annotated

import typer

from aggregator.trust.passphrase import OpenOption, PassphraseOption, passphrase
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="The aggregator: store events, raise alerts, serve operators.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="the aggregator's TOML file", show_default=False)]

SealOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="passphrase of the secrets; without, they are left out")
]


@app.command(
    epilog="Example: hawkline aggregator init --config /etc/hawkline/aggregator.toml --host alarm.example.org "
    "--root-key /media/stick/root.key"
)
def init(
    config: ConfigOption,
    root_key: Annotated[
        Path, typer.Option("--root-key", help="where the root's key goes: best a stick, taken away then")
    ],
    host: Annotated[
        list[str] | None, typer.Option("--host", help="name or address of this machine; again for more")
    ] = None,
    data_dir: Annotated[Path, typer.Option("--data-dir", help="for a file that is written; relative to it")] = Path(
        "data"
    ),
    name: Annotated[str, typer.Option("--name", help="of the deployment; stands in certificates")] = "Hawkline",
    passphrase_file: PassphraseOption = None,
    no_passphrase: OpenOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make everything that an aggregator needs: configuration, folders, secrets, certificates, broker, database.

    What is there already stays as it is, so it may be run again.
    """
    from dataclasses import asdict

    from aggregator.installation.init import prepare
    from shared.output import say

    steps = prepare(
        config, data_dir, host or [], name, root_key, lambda: passphrase(passphrase_file, no_passphrase, twice=True)
    )
    print_rows([{**asdict(step), "made": "made" if step.made else "is there"} for step in steps], output)
    say(f"start it: hawkline aggregator run --config {config}")


@app.command(epilog="Example: hawkline aggregator run --config /etc/hawkline/aggregator.toml")
def run(config: ConfigOption) -> None:
    """Run database, broker, ingest, alerting and API until stopped."""
    import logging

    from aggregator.config import load_aggregator_settings
    from shared.files import read_by_others

    settings = load_aggregator_settings(config)
    # Behind the file: what is wrong with that is said at once, and not seconds later.
    from aggregator.supervisor import Supervisor

    if settings.holds_passwords and (open_to := read_by_others(config)):
        logging.getLogger(__name__).warning("%s", open_to)
    Supervisor(settings, config).run()


@app.command(epilog="Example: hawkline aggregator migrate --config /etc/hawkline/aggregator.toml -o json")
def migrate(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Bring the database named by database.dsn up to date."""
    from aggregator.config import load_aggregator_settings
    from aggregator.store import Database
    from aggregator.store.migrate import migrate as apply
    from shared.errors import ConfigError

    settings = load_aggregator_settings(config)
    if not settings.database.dsn:
        raise ConfigError(f"{config}: key database.dsn: empty means the embedded database, which `run` migrates itself")
    print_rows([{"applied": name} for name in apply(Database(settings.database.dsn))], output)


@app.command(epilog="Example: hawkline aggregator check --config /etc/hawkline/aggregator.toml --days 30 -o json")
def check(
    config: ConfigOption,
    days: Annotated[int, typer.Option("--days", min=0, help="how many of the newest days are gone through")] = 7,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look whether the record is whole: schema, settings, numbers, counts, pictures. Exit code 1 when something is not.

    It changes nothing and may run beside the aggregator; an embedded database is started for it where none runs.
    """
    from dataclasses import asdict

    from aggregator.config import load_aggregator_settings
    from aggregator.installation.check import Finding
    from aggregator.installation.check import check as look
    from shared.files import read_by_others

    settings = load_aggregator_settings(config)
    open_to = read_by_others(config) if settings.holds_passwords else None
    findings = [*look(settings, config, days), *([Finding("file", None, open_to)] if open_to else [])]
    words = {True: "yes", False: "NO", None: "-"}
    print_rows([{**asdict(finding), "ok": words[finding.ok]} for finding in findings], output)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command(
    epilog="Example: hawkline aggregator backup --config /etc/hawkline/aggregator.toml --to /mnt/backup/monday"
)
def backup(
    config: ConfigOption,
    to: Annotated[Path, typer.Option("--to", help="folder; a backup of the same database there is replaced")],
    passphrase_file: SealOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write database and pictures into a folder, beside a running aggregator or without one.

    With a passphrase also certificates, tokens and keys, encrypted: without them a restored centre is another one.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.backup import backup as write
    from aggregator.installation.backup import summary
    from aggregator.installation.sealed import secrets_of
    from shared.output import say

    settings = load_aggregator_settings(config)
    manifest = write(settings, config, to, passphrase(passphrase_file, none=False) if passphrase_file else None)
    print_rows([summary(manifest, to)], output)
    if damaged := manifest["pictures_damaged"]:
        say(f"{damaged} pictures are not what they were and were left out: their SHA-256 is another; look at the disk")
    if not passphrase_file and settings.trust and secrets_of(settings.data_dir):
        say("without --passphrase-file the certificate authority is not in it: its boxes would have to enrol again")


@app.command(epilog="Example: hawkline aggregator restore --config new/aggregator.toml --from /mnt/backup/monday")
def restore(
    config: ConfigOption,
    source: Annotated[Path, typer.Option("--from", help="folder of a backup")],
    passphrase_file: SealOption = None,
    revoked: Annotated[
        list[Path] | None,
        typer.Option("--revoked", help="a list of after the backup, of the folder trust; again for more"),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Fill an empty installation from a backup. The aggregator must not run.

    What boxes told after the backup and deleted since is lost, and recorded as gaps when they send again. With the
    passphrase of the backup its certificates, tokens and keys are restored, too; data_dir must not have any. Boxes and
    services that were revoked after the backup stay so where --revoked names lists of then.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.backup import restore as fill
    from aggregator.installation.backup import summary
    from shared.output import say

    opens = passphrase(passphrase_file, none=False, known=True) if passphrase_file else None
    manifest = fill(load_aggregator_settings(config), config, source, opens, revoked or ())
    print_rows([summary(manifest, source)], output)
    if lost := manifest["pictures_lost"]:
        say(f"{lost} pictures of the backup are missing or are not what they were, and were left out")
    say(f"{manifest['claims_withdrawn']} claims that were open then are withdrawn: have new ones made")
    if kept := manifest.get("revocations_kept"):
        say(f"{kept} certificates stay revoked that the lists name")
    if boxes := manifest.get("boxes_kept_revoked"):
        say(f"revoked as the lists say: {', '.join(boxes)}")
    again = ["keys", "passwords"]
    if not manifest.get("boxes_listed"):
        again.insert(0, "boxes (but those that are named above: no revoked-boxes.json was there)")
    if "revocations_kept" not in manifest:
        again.insert(0, "services and issuers")
    say(f"what was revoked after {manifest['taken_at']} counts again: {', '.join(again)}; take it back anew")
    if manifest.get("issuer_missing"):
        say("the issuer of the backup was withdrawn since: before the start make another, with the root's key: ")
        say(f"  hawkline ca rotate --config {config} --root-key FILE")


@app.command(epilog="Example: hawkline aggregator retention --config aggregator.toml; and with --yes")
def retention(
    config: ConfigOption,
    yes: Annotated[bool, typer.Option("--yes", help="delete it; without, only say what would go")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what has expired and why it is not deleted by itself: after a long pause, or when a clock is in doubt.

    With --yes it is deleted whatever speaks against it. First make sure that this machine's clock is right.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.expiry import expiry

    print_rows(expiry(load_aggregator_settings(config), config, sure=yes), output)


@app.command(epilog="Example: hawkline aggregator psql --config aggregator.toml -- -c 'SELECT * FROM kept_days()'")
def psql(
    config: ConfigOption,
    arguments: Annotated[list[str] | None, typer.Argument(help="for psql, behind --")] = None,
) -> None:
    """Open PostgreSQL's own shell on the installation's database."""
    from aggregator.config import load_aggregator_settings
    from aggregator.embedded.database_access import opened
    from aggregator.installation.programs import run

    with opened(load_aggregator_settings(config), config) as database:
        code = run("psql", database, *(arguments or ()))
    raise typer.Exit(code)


@app.command(epilog="Example: hawkline aggregator remove --config trial/aggregator.toml --yes")
def remove(
    config: ConfigOption,
    yes: Annotated[bool, typer.Option("--yes", help="delete; without, only say what would go")] = False,
) -> None:
    """Delete what a trial has left: the embedded database, the pictures, all else that an aggregator writes.

    It must not run. Other files in data_dir stay; an aggregator with a database.dsn is left alone.
    """
    from aggregator.config import load_aggregator_settings
    from aggregator.installation.removal import remove as take_away
    from shared.output import say

    gone = take_away(load_aggregator_settings(config), config, sure=yes)
    say("deleted: " + ", ".join(map(str, gone)))


@app.command(epilog="Example: hawkline aggregator openapi > openapi.json")
def openapi() -> None:
    """Print the API's OpenAPI document."""
    import json

    from aggregator.alerting.alerts import Publishing
    from aggregator.console_api import build
    from aggregator.store import Database
    from aggregator.store.pictures import PictureStore
    from shared.output import emit

    document = build(Database(""), PictureStore(Path("/tmp")), Publishing()).openapi()  # noqa: S108 - nothing is stored
    emit(json.dumps(document, ensure_ascii=False, indent=2))
