"""The register of what was issued to services of the centre, and of everything that was taken back."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from psycopg.rows import class_row

from aggregator.store import audit, load_queries
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError
from aggregator.trust import authority
from aggregator.trust.revoked_boxes import RevokedBox, box_of
from aggregator.trust.vault import CLIENTS, SERVER, Revoked, Vault, issuer_identifier
from shared.trust import SERVICE_PREFIX, Credentials
from shared.trust.identity import name_of
from shared.trust.withdrawn import own_identifier

SQL = load_queries(__package__)


class ServiceCertificate(Entity):
    """A certificate of a service."""

    number: str
    """Hexadecimal."""
    issuer: str
    """Identifier of the key that has signed it, hexadecimal."""
    service: str
    hosts: list[str]
    """Names and addresses of a server; none of a client."""
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None


def register(connection: Connection, certificate: x509.Certificate) -> None:
    """Take note of a service's certificate; one that is known stays as it is."""
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = [str(name.value) for name in alternatives if not isinstance(name, x509.UniformResourceIdentifier)]
    values = {
        "issuer": issuer_identifier(certificate),
        "number": certificate.serial_number,
        "service": name_of(certificate).removeprefix(SERVICE_PREFIX),
        "hosts": hosts,
        "issued_at": authority.issued_at(certificate),
        "expires_at": certificate.not_valid_after_utc,
    }
    connection.execute(SQL["add_service_certificate"], values)


def register_services(connection: Connection, vault: Vault, renewed: Sequence[str], by: audit.Actor) -> None:
    """Take note of what services of this machine show; what was just issued is in the audit, too."""
    with connection.transaction():
        for service in (SERVER, *CLIENTS):
            made = Credentials.read(vault.credentials_path(service))
            register(connection, made.certificate)
            if service in renewed:
                told = f"number {made.certificate.serial_number:x}, until {made.expires_at:%Y-%m-%d}"
                audit.record(connection, by, "certificate issued", service, told)


def of_services(connection: Connection) -> list[ServiceCertificate]:
    """All that still hold, or were taken back and would hold otherwise; the newest first."""
    with connection.cursor(row_factory=class_row(ServiceCertificate)) as cursor:
        return [
            row.model_copy(update={"number": f"{int(row.number):x}"})
            for row in cursor.execute(SQL["service_certificates"]).fetchall()
        ]


def revoke(connection: Connection, number: int, by: str, why: str) -> str:
    """Take a service's certificate back; its service.

    Raises:
        ConflictError: there is none with this number that still holds.
    """
    row = connection.execute(SQL["revoke_service"], {"number": number, "by": by, "why": why}).fetchone()
    if row is None:
        before = connection.execute(SQL["service_revoked"], {"number": number}).fetchone()
        if before is not None:  # said again, what was left undone is done
            return str(before["service"])
        raise ConflictError(
            f"{number:x}: no certificate of a service that holds; hawkline ca issued lists them. One that was issued "
            "before there was a register is named with --issuer, the number of its issuer in: hawkline ca show"
        )
    return str(row["service"])


def keep_revoked(connection: Connection, issuer: x509.Certificate, number: int) -> None:
    """Take back what no register knows: it was issued before there was one, or after a backup that was restored."""
    values = {"issuer": own_identifier(issuer), "number": number}
    connection.execute(SQL["keep_revoked"], values)


def boxes_revoked(connection: Connection) -> list[RevokedBox]:
    """Boxes that are revoked, and did not come back with another claim."""
    return [box_of(row) for row in connection.execute(SQL["revoked_boxes"])]


def revoked(connection: Connection) -> list[Revoked]:
    """What is taken back and would hold otherwise, of boxes and of services."""
    rows = connection.execute(SQL["revoked"], {"longest": authority.SERVICE_LIFE}).fetchall()
    return [Revoked(bytes(row["issuer"]), int(row["number"]), row["revoked_at"], row["of_service"]) for row in rows]
