"""`hawkline doctor`: is this installation healthy, and if not, what is there to do. It changes nothing."""

import os
import shutil
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from aggregator.api.first_token import token_of, token_path
from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import opened
from aggregator.installation.check import Finding
from aggregator.people import grants, second_step
from aggregator.people.sealing import Sealer, key_path
from aggregator.store.database import Connection
from aggregator.store.places import places
from aggregator.store.scope import EVERYWHERE
from aggregator.store.session_settings import OLDEST
from aggregator.trust import mosquitto
from aggregator.trust.broker_access import admitted_boxes
from aggregator.trust.control import BrokerControl
from aggregator.trust.roles import difference
from aggregator.trust.vault import CLIENTS, SERVER
from shared.errors import HawklineError
from shared.files import read_by_others
from shared.net import is_listening
from shared.trust import Credentials

_DISK_FREE = 0.1
_DISK_BYTES = 2 * 1024**3
_CRL_LEFT = timedelta(days=7)
_ISSUER_LEFT = timedelta(days=365)
_SERVICE_LEFT = timedelta(days=14)
_CLOCKS_S = 5.0


def examine(settings: AggregatorSettings, config: Path) -> Iterator[Finding]:
    """Look at everything, one after the other; a fault in one place does not hide the next."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _account(settings),
        lambda: _files(settings),
        lambda: _configuration(settings, config),
        lambda: _disk(settings),
        _clock,
        lambda: _certificates(settings),
        lambda: _ports(settings),
        lambda: _broker(settings, config),
        lambda: _database(settings, config),
    ]
    for look in looks:
        try:
            yield from look()
        except (HawklineError, OSError, psycopg.Error, httpx.HTTPError) as error:
            yield Finding("examination", False, str(error).strip().splitlines()[0])


def _account(settings: AggregatorSettings) -> Iterator[Finding]:
    if os.geteuid() == 0:
        yield Finding("account", None, "this is root; run the aggregator as a user of its own (deploy/systemd)")
    if not settings.data_dir.is_dir():
        yield Finding("data_dir", False, f"{settings.data_dir} is not there yet; start the aggregator")
        return
    owner = settings.data_dir.stat().st_uid
    if owner != os.geteuid() and os.geteuid() != 0:
        yield Finding("account", False, f"data_dir belongs to user id {owner}; examine as that user")


def _files(settings: AggregatorSettings) -> Iterator[Finding]:
    secret = [settings.data_dir / "secrets"]
    if settings.trust:
        secret += [settings.vault.folder, settings.broker_folder]
    for folder in secret:
        if not folder.is_dir() and settings.trust is None:
            yield Finding(str(folder), None, "not there: without [trust] it is made when it is needed")
            continue
        if not folder.is_dir():
            yield Finding(str(folder), False, "missing; make it: hawkline aggregator init")
            continue
        open_ones = [path for path in (folder, *folder.rglob("*")) if _readable_by_others(path)]
        said = f"others can read {open_ones[0]}; chmod -R go= {folder}" if open_ones else "for its owner only"
        yield Finding(str(folder), not open_ones, said)
    if settings.trust:
        token_of(settings.data_dir)
        yield Finding("first token", True, str(token_path(settings.data_dir)))


def _configuration(settings: AggregatorSettings, config: Path) -> Iterator[Finding]:
    if settings.holds_passwords and (open_to := read_by_others(config)):
        yield Finding("file", False, open_to)


_PUBLIC = "root.pem", "root.crl", "revoked.pem", "withdrawn.pem", "revoked-boxes.json", "mosquitto.log", "mosquitto.pid"


def _readable_by_others(path: Path) -> bool:
    public = path.name in _PUBLIC or path.suffix in (".db", ".new")
    return not public and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _disk(settings: AggregatorSettings) -> Iterator[Finding]:
    usage = shutil.disk_usage(settings.data_dir)
    ok = usage.free >= max(_DISK_BYTES, _DISK_FREE * usage.total)
    said = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free"
    yield Finding("disk of data_dir", ok, said if ok else f"{said}; make room, or keep less (retention)")


def _clock() -> Iterator[Finding]:
    try:
        said = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True, text=True, check=True, timeout=5,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        yield Finding("clock", None, "whether it is kept right cannot be told here (no timedatectl)")
        return
    yes = said == "yes"
    yield Finding("clock", yes, "kept right by the network" if yes else "not synchronised; timedatectl set-ntp true")


def _certificates(settings: AggregatorSettings) -> Iterator[Finding]:
    if settings.trust is None:
        yield Finding("certificates", None, "no table [trust]: loopback only, in plain text")
        return
    vault, now = settings.vault, datetime.now(UTC)
    yield _until("root", vault.root().not_valid_after_utc, now, _ISSUER_LEFT, "plan a new deployment")
    yield _until("issuer", vault.issuers()[-1].expires_at, now, _ISSUER_LEFT, "hawkline ca rotate")
    for service in (SERVER, *CLIENTS):
        until = Credentials.read(vault.credentials_path(service)).expires_at
        yield _until(service, until, now, _SERVICE_LEFT, "a running aggregator renews it: does `trust` run?")
    revoked = vault.revoked_until()
    if revoked is None:
        yield Finding("certificate: revocation list", False, "missing, so the broker does not start; hawkline ca crl")
    else:
        yield _until("revocation list", revoked, now, _CRL_LEFT, "past its end no client is let in; hawkline ca crl")


def _until(what: str, until: datetime, now: datetime, least: timedelta, advice: str) -> Finding:
    ok = until - now > least
    said = f"holds until {until:%Y-%m-%d}"
    return Finding(f"certificate: {what}", ok, said if ok else f"{said}; {advice}")


def _ports(settings: AggregatorSettings) -> Iterator[Finding]:
    places = [("api", settings.api.host, settings.api.port)]
    if settings.trust:
        places.append(("boxes' door", settings.trust.host, settings.trust.port))
        places.append(("broker for boxes", settings.broker.box_host, settings.broker.box_port))
    places.append(("broker", *settings.broker_address))
    for what, host, port in places:
        ok = is_listening(mosquitto.reachable(host), port)
        said = f"{host}:{port} answers"
        yield Finding(
            f"port: {what}", ok, said if ok else f"nothing answers on {host}:{port}; is the aggregator running?"
        )
    if settings.trust and is_listening(mosquitto.reachable(settings.trust.host), settings.trust.port):
        yield from _door(settings)


def _door(settings: AggregatorSettings) -> Iterator[Finding]:
    """From outside: is the name right, the certificate ours, the time the same."""
    assert settings.trust  # noqa: S101 - looked at by the caller
    for name in settings.trust.names:
        url = f"https://{name}:{settings.trust.port}/api/v1/time?nonce={'00' * 16}"
        try:
            with httpx.Client(verify=settings.vault.context(), trust_env=False, timeout=5) as client:
                off_s = client.get(url).raise_for_status().json()["time_ms"] / 1000 - time.time()
        except (httpx.HTTPError, ssl.SSLError) as error:
            yield Finding(f"name: {name}", False, f"{error}; does it lead here, and is it in trust.names?")
            continue
        yield Finding(f"name: {name}", abs(off_s) < _CLOCKS_S, f"leads here; clock differs by {off_s:.1f} s")


def _broker(settings: AggregatorSettings, config: Path) -> Iterator[Finding]:
    if settings.trust is None:
        return
    path = mosquitto.program()
    version = ".".join(map(str, mosquitto.program_version(path)))
    yield Finding("mosquitto", True, f"{path} {version}, plugin {mosquitto.plugin()}")
    written = settings.broker_folder / "mosquitto.conf"
    listeners = mosquitto.Listeners(*settings.broker_address, settings.broker.box_host, settings.broker.box_port)
    fresh = mosquitto.configuration(settings.vault, settings.broker_folder, listeners)
    same = written.is_file() and written.read_text("utf-8") == fresh
    said = "as configured" if same else "not what the aggregator's file says; restart it, or hawkline broker config"
    yield Finding("mosquitto.conf", same, said)
    if not is_listening(*settings.broker_address):
        return
    context = settings.vault.context("broker-admin")
    control = BrokerControl(*settings.broker_address, context)
    control.start()
    try:
        clients, roles = control.boxes()
    finally:
        control.stop()
    with opened(settings, config) as database, database.connect("doctor") as connection:
        wanted = admitted_boxes(connection)
    _, missing, surplus = difference(list(wanted), clients, roles)
    same = not missing and not surplus
    said = (
        f"{len(wanted)} boxes"
        if same
        else f"{missing} boxes wrong or missing, {surplus} too many; hawkline broker sync"
    )
    yield Finding("broker roles", same, said)


def _database(settings: AggregatorSettings, config: Path) -> Iterator[Finding]:
    with opened(settings, config) as database, database.connect("doctor") as connection:
        version = connection.info.server_version
        ok = version >= OLDEST
        said = f"PostgreSQL {version // 10000}.{version % 10000}"
        yield Finding("database", ok, said if ok else f"{said} is too old; expected {OLDEST // 10000} or later")
        if settings.trust:
            yield people(settings, connection)
            yield from phones(settings, connection)
            yield from provider(settings, connection)
        for name, wanted, advice in (
            ("fsync", "on", "a power cut may lose everything"),
            ("full_page_writes", "on", "a power cut may tear pages"),
        ):
            yield _setting(connection, name, wanted, advice)


def people(settings: AggregatorSettings, connection: Connection) -> Finding:
    """Whether somebody can make accounts; of an installation of before there were any, what to do."""
    assert settings.trust  # noqa: S101 - looked at by the caller
    begun = grants.is_begun(connection)
    page = f"{settings.console_url}/sign-in"
    said = f"there are no accounts; make the first one, with the token of {token_path(settings.data_dir)}: {page}"
    return Finding("people", begun, "somebody can make accounts" if begun else said)


def phones(settings: AggregatorSettings, connection: Connection) -> Iterator[Finding]:
    """Whether the secrets of phones can be opened, where they cannot."""
    path = key_path(settings.data_dir)
    try:
        sealer = Sealer(settings.data_dir) if path.is_file() else None
    except (OSError, ValueError) as error:
        yield Finding("second step", False, f"{path}: cannot be used ({error})")
        return
    if dead := second_step.dead_phones(connection, sealer):
        said = (
            f"{path}: not the key that sealed {len(dead)} phones ({dead[0]} is one), as after a restore without secrets"
        )
        advice = "recovery codes count; bring it back, or hawkline user forget-phone NAME for each"
        yield Finding("second step", False, f"{said}: {advice}")


def provider(settings: AggregatorSettings, connection: Connection) -> Iterator[Finding]:
    """Whether what groups of the provider of identities may do is there."""
    if settings.provider is None:
        return
    roles = {role.name for role in grants.roles(connection)}
    known = {place.name for place in places(connection, EVERYWHERE)}
    for group, given in settings.provider.groups.items():
        for role, _, place in (text.partition("@") for text in given):
            if role not in roles:
                yield Finding("provider", False, f"provider.groups: {group!r} has role {role!r}, which is none")
            elif place and place not in known:
                yield Finding(
                    "provider", False, f"provider.groups: {group!r} has a role in {place!r}, which is no place"
                )


def _setting(connection: Connection, name: str, wanted: str, advice: str) -> Finding:
    row = connection.execute("SELECT current_setting(%s) AS value", (name,)).fetchone()
    value = str(row["value"]) if row else "?"
    return Finding(
        f"database: {name}", value == wanted, value if value == wanted else f"{value}: {advice}; set it to {wanted}"
    )
