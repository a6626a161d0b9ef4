"""From nothing to an aggregator that can be started: folders, secrets, authority, broker. What is there stays."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggregator.api.first_token import make_token, token_path
from aggregator.config import AggregatorSettings, load_aggregator_settings
from aggregator.store import Database
from aggregator.store.migrate import migrate
from aggregator.trust import mosquitto
from shared.errors import ConfigError, HawklineError
from shared.files import DATA_MODE, make_folder, write_secret
from shared.trust.tls import fingerprint

_TEXT = """# What every key means: docs/configuration.md
data_dir = "{data_dir}"

[api]
host = "0.0.0.0"

[broker]
kind = "mosquitto"

[trust]
names = [{names}]
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, or found done already."""

    what: str
    where: str
    made: bool


def prepare(
    config: Path, data_dir: Path, names: Sequence[str], deployment: str, root_key: Path, passphrase: Callable[[], bytes]
) -> list[Step]:
    """Make what is not there yet.

    Args:
        config: the aggregator's file; written where it is absent.
        names: host names and addresses of this machine, for a file that is written.
        passphrase: of the root's key, asked for only where one is made.

    Raises:
        HawklineError: naming what is in the way.
    """
    steps = [_settings(config, data_dir, names)]
    settings = load_aggregator_settings(config)
    if settings.trust is None:
        raise ConfigError(f"{config}: has no table [trust]; add it with names, or move the file away")
    steps.append(_folder(settings.data_dir))
    had_token = token_path(settings.data_dir).exists()
    steps.append(Step("first token, for the first account", str(make_token(settings.data_dir)), not had_token))
    steps += _authority(settings, deployment, root_key, passphrase)
    steps.append(Step("environment of hawkline's commands: source it", str(write_environment(settings)), True))
    if settings.broker.kind == "mosquitto":
        mosquitto.program()
        listeners = mosquitto.Listeners(*settings.broker_address, settings.broker.box_host, settings.broker.box_port)
        path = mosquitto.write_configuration(settings.vault, settings.broker_folder, listeners)
        steps.append(Step("broker", str(path), True))
    if settings.database.dsn:
        applied = migrate(Database(settings.database.dsn))
        steps.append(Step("database", "database.dsn", bool(applied)))
    else:
        steps.append(Step("database", "embedded, made when the aggregator first runs", False))
    return steps


def _settings(config: Path, data_dir: Path, names: Sequence[str]) -> Step:
    if config.exists():
        return Step("configuration", str(config), False)
    if not names:
        raise ConfigError(
            f"--host: needed for {config}, which does not exist yet: under which names is this machine reached?"
        )
    quoted = ", ".join(f'"{name}"' for name in names)
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        # Passwords and secrets of webhooks will stand in it.
        write_secret(config, _TEXT.format(data_dir=data_dir, names=quoted).encode())
    except OSError as error:
        raise HawklineError(f"{config}: cannot be written ({error.strerror})") from None
    return Step("configuration", str(config), True)


def _folder(data_dir: Path) -> Step:
    existed = data_dir.is_dir()
    try:
        # An embedded database below it may belong to another account, which has to get through.
        make_folder(data_dir, DATA_MODE)
    except OSError as error:
        raise HawklineError(f"data_dir = {str(data_dir)!r}: cannot be created ({error.strerror})") from None
    if not os.access(data_dir, os.W_OK):
        raise HawklineError(f"data_dir = {str(data_dir)!r}: cannot be written by this user")
    return Step("data_dir", str(data_dir), not existed)


def _authority(
    settings: AggregatorSettings, deployment: str, root_key: Path, passphrase: Callable[[], bytes]
) -> list[Step]:
    vault, now = settings.vault, datetime.now(UTC)
    assert settings.trust  # noqa: S101 - looked at by the caller
    made = not vault.root_path.exists()
    if made:
        vault.create(deployment, root_key, passphrase(), now)
    steps = [Step(f"root certificate, SHA-256 {fingerprint(vault.root())}", str(vault.root_path), made)]
    if made:
        steps.append(Step("root's key: take it away, and keep a copy", str(root_key), True))
    renewed = vault.renew_services(settings.server_names, now)
    steps.append(Step("certificates of servers and services", str(vault.folder / "services"), bool(renewed)))
    return steps


def write_environment(settings: AggregatorSettings) -> Path:
    """What the commands need to know to find this aggregator; returns the file."""
    assert settings.trust  # noqa: S101 - looked at by the caller
    path = settings.data_dir / "secrets" / "hawkline.env"
    host, key_path = settings.trust.names[0], settings.data_dir / "secrets" / "hawkline.key"
    if not key_path.exists():
        # Until there is a key: `hawkline key add … --out` puts it there.
        write_secret(key_path, token_path(settings.data_dir).read_bytes())
    lines = {
        "HAWKLINE_URL": f"https://{host}:{settings.api.port}",
        "HAWKLINE_TOKEN_FILE": key_path,
        "HAWKLINE_ROOT": settings.vault.root_path,
    }
    write_secret(path, "".join(f"export {name}='{value}'\n" for name, value in lines.items()).encode())
    return path
