"""TLS as both sides of ours speak it: 1.3, both with a certificate of the deployment's own root.

A box without a clock would refuse every certificate. So the library is told not to look at dates, and a handshake is
followed by a look at them with the clock that the caller believes (`shared.trust.signed_time`).
"""

import _ssl
import logging
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from shared.trust.identity import TrustError
from shared.trust.withdrawn import Check, none_withdrawn

log = logging.getLogger(__name__)

_LOOK_S = 10.0
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL 1.1.0 and later; Python's ssl has no name for it."""


class DateError(ssl.SSLCertVerificationError):
    """The other side's certificate is not valid at the time that we believe it is."""


class WithdrawnError(ssl.SSLCertVerificationError):
    """The other side's certificate, or its issuer's, was taken back."""


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class _DatedSocket(ssl.SSLSocket):
    """Looks at the dates of the other side's certificates, and for what was withdrawn, when the handshake is over."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            self._shake_hands(block)
        except OSError:
            self.close()
            raise

    def _shake_hands(self, block: bool) -> None:
        super().do_handshake(block)
        context = self.context
        if not isinstance(context, DatedContext):
            return
        chain, at = _verified_chain(self), context.now()
        if not chain:
            raise DateError("the other side has shown no certificate whose dates could be looked at")
        # Each of them: who has the key of an issuer that expired long ago can still make certificates of today.
        for content in chain:
            found = x509.load_der_x509_certificate(content)
            whose = "certificate of the other side" if content is chain[0] else "issuer of its certificate"
            if context.withdrawn(found):
                raise WithdrawnError(f"the {whose} was withdrawn by our deployment, number {found.serial_number:x}")
            if not found.not_valid_before_utc <= at <= found.not_valid_after_utc:
                raise DateError(
                    f"the {whose} holds from {found.not_valid_before_utc:%Y-%m-%d} to "
                    f"{found.not_valid_after_utc:%Y-%m-%d}, and we believe it is {at:%Y-%m-%d}"
                )


def _verified_chain(connection: ssl.SSLSocket) -> list[bytes]:
    """The certificates by which the other side was believed, DER, its own first and the root last."""
    if hasattr(connection, "get_verified_chain"):  # Python 3.13
        return [bytes(each) for each in connection.get_verified_chain()]
    below: Any = connection
    return [each.public_bytes(_ssl.ENCODING_DER) for each in below._sslobj.get_verified_chain() or ()]


class _NoObject(ssl.SSLObject):
    """TLS without a socket, as asyncio has it: there nobody would look at dates, so there is none."""

    def do_handshake(self) -> None:
        raise DateError("certificates are dated on sockets only; use a blocking connection")


class DatedContext(ssl.SSLContext):
    """A client's context with a clock of its own, and lists of what was withdrawn."""

    sslsocket_class = _DatedSocket
    sslobject_class = _NoObject
    now: Callable[[], datetime] = staticmethod(now)
    withdrawn: Check = staticmethod(none_withdrawn)


def client_context(
    root: x509.Certificate,
    credentials: Path | None = None,
    clock: Callable[[], datetime] = now,
    withdrawn: Check = none_withdrawn,
) -> DatedContext:
    """For a client: the one that connects.

    Args:
        root: the only one whose word counts.
        credentials: file with key and certificates that we show.
        clock: tells the time that certificates are held against.
        withdrawn: asked about every certificate of the other side's chain.

    Raises:
        TrustError: the credentials cannot be read.
    """
    context = DatedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    flags: Any = int(context.verify_flags) | int(ssl.VERIFY_X509_STRICT) | _NO_CHECK_TIME
    context.verify_flags = flags
    context.load_verify_locations(cadata=root.public_bytes(serialization.Encoding.PEM).decode())
    context.now, context.withdrawn = clock, withdrawn
    if credentials:
        show(context, credentials)
    return context


def unverified_context() -> ssl.SSLContext:
    """For a question whose answer proves itself, such as the time. Nothing secret may be sent through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def server_context(credentials: Path, *, clients: x509.Certificate | None = None) -> ssl.SSLContext:
    """For a server: the one that is connected to.

    Args:
        credentials: file with key and certificates.
        clients: root of the certificates that others may show. None: no client is asked for one (the port for people,
            where browsers may come with TLS 1.2).

    Raises:
        TrustError: the credentials cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if clients else ssl.TLSVersion.TLSv1_2
    show(context, credentials)
    if clients:
        # Who is new has none yet. What is shown has to be good, whatever it is shown for.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(cadata=clients.public_bytes(serialization.Encoding.PEM).decode())
    return context


def show(context: ssl.SSLContext, credentials: Path) -> None:
    """From the next connection on show these.

    Raises:
        TrustError: they cannot be read.
    """
    try:
        context.load_cert_chain(credentials)
    except OSError as error:
        raise TrustError(f"{credentials}: no key and certificate can be read ({error})") from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, as people compare it: 64 hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def read_root(path: Path) -> x509.Certificate:
    """The root of the deployment from a PEM file.

    Raises:
        TrustError: naming the file, and what is wrong with it.
    """
    try:
        return root_from_pem(path.read_bytes())
    except OSError as error:
        raise TrustError(f"{path}: cannot be read ({error.strerror})") from None
    except TrustError as error:
        raise TrustError(f"{path}: {error}") from None


def root_from_pem(content: bytes) -> x509.Certificate:
    """Read a root.

    Raises:
        TrustError: it is not a root.
    """
    try:
        certificate = x509.load_pem_x509_certificate(content)
        certificate.verify_directly_issued_by(certificate)
    except Exception as error:  # noqa: BLE001 - the library raises half a dozen kinds for bytes that are no root
        raise TrustError(f"not a root certificate ({error})") from None
    return certificate


def keep_shown(context: ssl.SSLContext, credentials: Path) -> None:
    """Load credentials again whenever their file has changed; does not return."""
    seen = credentials.stat().st_mtime_ns
    while True:
        time.sleep(_LOOK_S)
        try:
            changed = credentials.stat().st_mtime_ns
            if changed != seen:
                show(context, credentials)
                seen = changed
        except (OSError, TrustError) as error:
            log.error("%s; going on with the ones from before", error)
