"""The aggregator's configuration: one TOML file, every key typed and documented here and in docs/configuration.md."""

import ssl
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from aggregator.dsn import check_dsn, has_password
from aggregator.store.retention_periods import RetentionPeriods
from shared.credentials import http_address
from shared.errors import ConfigError
from shared.net import require_loopback
from shared.settings import Port, Section, load_toml
from shared.time_zones import check_zone

if TYPE_CHECKING:
    from aggregator.store.pictures import PictureStore
    from aggregator.trust.vault import Vault

Change = Literal["raised", "recorded", "joined", "acknowledged", "ended", "cleared", "reopened", "corrected"]

_MOST_HOLIDAYS = 60


class DatabaseSettings(Section, frozen=True):
    """The database."""

    dsn: str = ""
    """libpq address, such as `postgresql:///hawkline`; empty starts the embedded PostgreSQL in data_dir."""

    def __post_init__(self) -> None:
        if self.dsn:
            check_dsn(self.dsn)


class BrokerSettings(Section, frozen=True):
    """The MQTT broker."""

    kind: Literal["embedded", "mosquitto", "other"] = "embedded"
    """The embedded one is for trials, in plain text; with `[trust]` we start mosquitto, or find one that runs."""
    host: str = "127.0.0.1"
    """Where our own services reach it. In plain text only loopback."""
    port: Port | None = None
    """TCP port for our own services; 1883, with `[trust]` 8884."""
    box_host: str = "0.0.0.0"  # noqa: S104 - behind mutual TLS
    """Where mosquitto listens for boxes."""
    box_port: Port = 8883
    """TCP port for boxes."""


class IngestSettings(Section, frozen=True):
    """Who receives. Workers of one lane share its messages; each is a process with a database connection of its own."""

    alarm_workers: Annotated[int, Meta(ge=1, le=16)] = 1
    """Processes for alarms."""
    bulk_workers: Annotated[int, Meta(ge=1, le=16)] = 1
    """Processes for everything else, backlogs included."""


class ApiSettings(Section, frozen=True):
    """HTTP: console, API, feed, pictures."""

    host: str = "127.0.0.1"
    """Address to listen on. In plain text only loopback; with `[trust]` it speaks TLS and asks for a token."""
    port: Port = 8420
    """TCP port."""


class TrustSettings(Section, frozen=True):
    """Certificates: with this table everything that leaves this machine does so over TLS (docs/trust.md)."""

    names: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Host names and addresses under which boxes and browsers reach this machine."""
    host: str = "0.0.0.0"  # noqa: S104 - behind TLS
    """Where the boxes' door listens."""
    port: Port = 8421
    """TCP port of the boxes' door: enrolment, the time, pictures."""
    directory: Path = Path("trust")
    """The authority's folder; relative paths start at data_dir."""

    @property
    def url(self) -> str:
        """Of the boxes' door."""
        return f"https://{self.names[0]}:{self.port}"


class AlertSettings(Section, frozen=True):
    """How events become alerts."""

    join_window_s: Annotated[float, Meta(ge=0, le=86400)] = 30.0
    """The same track on the same line within this time joins the alert instead of raising another."""


class HabitSettings(Section, frozen=True):
    """When people come and go: a line that is improbably still or busy is told beside what is usual at that hour."""

    zone: str = ""
    """Time zone of the lines, such as `Asia/Shanghai`; empty is this machine's."""
    holidays: tuple[str, ...] = ()
    """Days that are no working days, and spans of them: `["2027-01-01", "2027-02-06/2027-02-12"]`."""

    def __post_init__(self) -> None:
        if self.zone:
            check_zone(self.zone)
        _ = self.days

    @property
    def zone_info(self) -> ZoneInfo | None:
        """None is this machine's."""
        return ZoneInfo(self.zone) if self.zone else None

    @property
    def days(self) -> frozenset[date]:
        """All holidays, one by one."""
        found = set[date]()
        for text in self.holidays:
            first, _, last = text.partition("/")
            try:
                begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
            except ValueError:
                raise ValueError(f"holidays: {text!r}: expected 2027-01-01 or 2027-02-06/2027-02-12") from None
            if not 0 <= (end - begin).days < _MOST_HOLIDAYS:
                raise ValueError(
                    f"holidays: {text!r}: expected an end after the beginning, within {_MOST_HOLIDAYS} days"
                )
            found.update(begin + timedelta(days=number) for number in range((end - begin).days + 1))
        return frozenset(found)


class RetentionSettings(Section, frozen=True):
    """What is deleted when. Counts stay."""

    events_days: Annotated[int, Meta(ge=7, le=3650)] = 400
    """Days for which events are kept."""
    coverage_days: Annotated[int, Meta(ge=7, le=3650)] = 400
    """Days for which it is kept when boxes and cameras were well."""
    health_days: Annotated[int, Meta(ge=7, le=3650)] = 90
    """Days for which heartbeats are kept in numbers."""

    audit_days: Annotated[int, Meta(ge=180, le=3650)] = 200
    """Days for which it is kept who changed or looked at what; the law asks for six months."""

    alerts_days: Annotated[int, Meta(ge=30, le=3650)] = 365
    """Days for which an alert is kept after it was cleared; one that is open always."""
    pictures_days: Annotated[int, Meta(ge=30, le=3650)] = 30
    """Days for which a picture is kept after its last alert was cleared, or it came."""
    dead_letters_days: Annotated[int, Meta(ge=7, le=3650)] = 30
    """Days for which payloads are kept that could not be understood."""
    deliveries_days: Annotated[int, Meta(ge=7, le=3650)] = 30
    """Days for which it is kept what webhooks were sent."""

    @property
    def periods(self) -> RetentionPeriods:
        """The same as spans of time."""
        kept = (
            *(self.events_days, self.coverage_days, self.health_days, self.audit_days, self.alerts_days),
            *(self.pictures_days, self.dead_letters_days, self.deliveries_days),
        )
        return RetentionPeriods(*(timedelta(days=days) for days in kept))


class AuditSettings(Section, frozen=True):
    """Who keeps what proves that nobody has rewritten the audit."""

    syslog: Annotated[str, Meta(pattern=r"^(\S+:\d{1,5})?\Z")] = ""
    """`HOST:PORT` of a syslog receiver elsewhere (RFC 5424 over TCP, such as rsyslog's imtcp): it gets number and hash
    of the newest entry within a minute, and nothing else. Empty: only this machine's log has them."""


class LimitSettings(Section, frozen=True):
    """What one box may cost, so that none fills the disk for all. What is beyond stays in the box, and is counted."""

    events_per_day: Annotated[int, Meta(ge=10_000, le=100_000_000)] = 500_000
    """Events of a box in a day."""
    alerts_per_day: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000
    """Alerts that a box may raise in a day; what is beyond joins one for each hour and priority."""
    dead_letters_per_day: Annotated[int, Meta(ge=10, le=100_000)] = 200
    """Payloads of a box in a day that are kept though they could not be understood, 16 KB each on the average."""
    pictures_mb_per_day: Annotated[int, Meta(ge=10, le=1_000_000)] = 500
    """Megabytes of pictures that a box may bring in a day."""
    pictures_mb: Annotated[int, Meta(ge=100, le=10_000_000)] = 10_000
    """Megabytes of pictures of one box that are kept at once."""


class WebhookSettings(Section, frozen=True):
    """One receiver of alerts."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    """Unique; stands in the delivery record."""
    url: str
    """Where to POST."""
    secret: Annotated[str, Meta(min_length=16)]
    """Key of the signature (Standard Webhooks), at least 16 characters."""
    changes: tuple[Change, ...] = ("raised",)
    """Which changes of an alert are sent."""
    max_priority: Annotated[int, Meta(ge=1, le=4)] = 4
    """Alerts up to this priority number; 1 sends only the highest."""
    ca: Path | None = None
    """PEM file of the authority that certified the receiver, which alone is believed; without, the machine's store."""

    def __post_init__(self) -> None:
        try:
            parts = http_address(self.url, "https://[user:password@]HOST[:PORT]/PATH")
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        if self.ca is not None and parts.scheme != "https":
            raise ValueError(f"ca {str(self.ca)!r}: goes with https:// only, and url begins with {parts.scheme}://")


class ProviderSettings(Section, frozen=True):
    """A provider of identities (OpenID Connect) that people sign in at; needs `[trust]`."""

    issuer: str
    """Its address as it names itself; `/.well-known/openid-configuration` lies below."""
    client_id: str
    """By which it knows us."""
    client_secret_file: Path | None = None
    """File whose first line it knows us by; without, by PKCE alone."""
    label: str = "单位帐号 · single sign-on"
    """What the sign-in page calls it."""
    name_claim: str = "preferred_username"
    """In the ID token: the name of the account; what stands behind an @ is left out."""
    groups_claim: str = "groups"
    """In the ID token: their groups."""
    groups: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """For each group its roles, `ROLE` or `ROLE@PLACE`."""
    ca: Path | None = None
    """PEM file of the authority that certified it, which alone is believed; without, the machine's store."""

    def __post_init__(self) -> None:
        try:
            parts = http_address(self.issuer, "https://HOST[:PORT]/PATH")
        except ValueError as error:
            raise ValueError(f"issuer: {error}") from None
        if parts.scheme != "https":
            require_loopback(parts.hostname or "", "issuer: in plain text; its host")

    @property
    def secret(self) -> str:
        """By which it knows us; empty: by PKCE alone.

        Raises:
            OSError: its file cannot be read.
        """
        return self.client_secret_file.read_text(encoding="utf-8").strip() if self.client_secret_file else ""


class AggregatorSettings(Section, frozen=True):
    """The whole file."""

    data_dir: Path
    """Pictures, and the embedded database where it is used; relative paths start at the configuration file."""
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    ingest: IngestSettings = IngestSettings()
    api: ApiSettings = ApiSettings()
    alerts: AlertSettings = AlertSettings()
    habits: HabitSettings = HabitSettings()
    retention: RetentionSettings = RetentionSettings()
    limits: LimitSettings = LimitSettings()
    audit: AuditSettings = AuditSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    trust: TrustSettings | None = None
    provider: ProviderSettings | None = None

    def __post_init__(self) -> None:
        if self.trust is None and self.provider is not None:
            raise ValueError("provider: nobody signs in without the table [trust] (docs/trust.md)")
        if self.trust is None:
            require_loopback(self.broker.host, "broker.host")
            require_loopback(self.api.host, "api.host")
            if self.broker.kind == "mosquitto":
                raise ValueError('broker.kind = "mosquitto": needs the table [trust] (docs/trust.md)')
        elif self.broker.kind == "mosquitto":
            # There a client id is free: no box may reach it.
            require_loopback(self.broker.host, "broker.host")
        elif self.broker.kind == "embedded":
            raise ValueError(
                'broker.kind = "embedded": speaks plain text only; with [trust] expected "mosquitto" or "other"'
            )
        names = [webhook.name for webhook in self.webhooks]
        if len(set(names)) != len(names):
            raise ValueError("webhooks: every webhook needs a name of its own")

    @property
    def console_url(self) -> str:
        """Where browsers reach the console."""
        return f"https://{self.trust.names[0]}:{self.api.port}" if self.trust else f"http://127.0.0.1:{self.api.port}"

    @property
    def holds_passwords(self) -> bool:
        """Whether the file has to be kept from others."""
        return bool(self.webhooks) or has_password(self.database.dsn)

    @property
    def broker_address(self) -> tuple[str, int]:
        """Where our own services reach the broker."""
        return self.broker.host, self.broker.port or (8884 if self.trust else 1883)

    @property
    def server_names(self) -> tuple[str, ...]:
        """Under which names our servers are reached: from elsewhere, and by ourselves."""
        return (*(self.trust.names if self.trust else ()), self.broker.host)

    @property
    def broker_folder(self) -> Path:
        """Configuration and state of a broker of ours."""
        return self.data_dir / "broker"

    def open_pictures(self) -> "PictureStore":
        """Where pictures are kept; the folder is made where there is none."""
        from aggregator.store.pictures import PictureStore  # who only reads the file needs no store

        limits = self.limits
        bounds = limits.pictures_mb_per_day * 10**6, limits.pictures_mb * 10**6
        return PictureStore(self.data_dir / "evidence", *bounds)

    @property
    def vault(self) -> "Vault":
        """The authority's folder.

        Raises:
            ConfigError: there is no `[trust]`.
        """
        from aggregator.trust.vault import Vault  # who only reads the file needs no cryptography

        if self.trust is None:
            raise ConfigError("key trust: missing; expected a table [trust] with names (docs/trust.md)")
        return Vault(self.data_dir / self.trust.directory)


def load_aggregator_settings(path: Path) -> AggregatorSettings:
    """Read the file; relative paths become absolute.

    Raises:
        ConfigError: naming file, key and what was expected.
    """
    settings, folder = load_toml(path, AggregatorSettings), path.resolve().parent
    webhooks = tuple(
        msgspec.structs.replace(each, ca=_tried_ca(path, f"webhooks[{number}].ca", each.ca))
        for number, each in enumerate(settings.webhooks)
    )
    provider = settings.provider
    if provider:
        secret = folder / provider.client_secret_file if provider.client_secret_file else None
        ca = _tried_ca(path, "provider.ca", provider.ca)
        provider = msgspec.structs.replace(provider, ca=ca, client_secret_file=secret)
        try:
            _ = provider.secret
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: key provider.client_secret_file: {str(secret)!r} cannot be read ({error})"
            ) from None
    return msgspec.structs.replace(settings, data_dir=folder / settings.data_dir, webhooks=webhooks, provider=provider)


def _tried_ca(path: Path, key: str, ca: Path | None) -> Path | None:
    """The file of an authority, absolute, and tried."""
    if ca is None:
        return None
    ca = path.resolve().parent / ca
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca)
    except OSError as error:
        why = "no certificate in PEM is in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"{path}: key {key}: {str(ca)!r} cannot be used ({why}); expected a PEM file") from None
    return ca
