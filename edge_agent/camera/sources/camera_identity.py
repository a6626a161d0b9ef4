"""Who an `rtsps` camera is: pinned at first use, for hardly any camera has a certificate that an authority vouches for.

What it shows at the first connection is kept (PEM, a file for each host and port), and from then on nothing else is
believed: who stands in its place later is told no password. FFmpeg by itself believes everybody.
"""

import hashlib
import logging
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from edge_agent.address import CameraAddress, camera_address
from shared.files import make_folder, write_secret

log = logging.getLogger(__name__)

_DIAL_S = 5.0
Options = dict[str, str]


class CameraIdentityError(OSError):
    """A camera does not show what was pinned, or shows nothing that can be; `said` is for people."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def options_for(url: str, pins: Path | None) -> Options:
    """What FFmpeg has to be told so that it believes this camera alone; nothing for a camera without TLS.

    Args:
        url: of its stream.
        pins: folder of pins; None keeps none, and everybody is believed.

    Raises:
        CameraIdentityError: it shows another certificate than the pinned one, or one without a name.
        OSError: it does not answer.
    """
    if pins is None or not url.lower().startswith("rtsps://"):
        return {}
    address = camera_address(url)
    pin = pin_of(address, pins)
    if not pin.is_file():
        _keep(pin, _shown_by(address), address)
    certificate = _read(pin.read_bytes())
    # Names of cameras never match; the pinned certificate is believed under the name that stands in it.
    return {"tls_verify": "1", "ca_file": str(pin), "verifyhost": _name_in(certificate)}


def takes(options: Options) -> bool:
    """Whether FFmpeg takes the pinned certificate by its dates and its name; else a failure says nothing of who it is.

    Of one that it takes a failure must stay one: or who breaks connections on the cable would have us ask less.
    """
    certificate, now = x509.load_pem_x509_certificate(Path(options["ca_file"]).read_bytes()), datetime.now(UTC)
    name = options["verifyhost"]
    plain = name.isascii() and "*" not in name and name.strip() == name
    one = len(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) <= 1
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc and plain and one


def pin_of(address: CameraAddress, pins: Path) -> Path:
    """Where a camera's certificate is kept."""
    return pins / f"{address.host.replace(':', '-')}_{address.port}.pem"


def changed(url: str, pins: Path | None) -> str:
    """Why a connection may have failed: the camera shows another certificate than the pinned one; empty if not."""
    if pins is None or not url.lower().startswith("rtsps://"):
        return ""
    address = camera_address(url)
    pin = pin_of(address, pins)
    try:
        pinned = x509.load_pem_x509_certificate(pin.read_bytes())
        shown = _read(_shown_by(address))
    except (OSError, ValueError):
        return ""
    if shown == pinned:
        return ""
    return (
        f"shows another certificate ({_fingerprint(shown)}) than at first ({_fingerprint(pinned)}): another device "
        f"stands in its place, or it was replaced or reset; only if you know that it was, delete {pin}"
    )


def _shown_by(address: CameraAddress) -> bytes:
    """The certificate that a camera shows, PEM. Nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address.host, address.port), _DIAL_S) as plain,
        context.wrap_socket(plain, server_hostname=address.host) as end,
    ):
        content = end.getpeercert(True)
    if content is None:
        raise CameraIdentityError("shows no certificate")
    return ssl.DER_cert_to_PEM_cert(content).encode()


def _read(content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except Exception as error:  # noqa: BLE001 - it may come from anybody, and the library raises a dozen kinds
        raise CameraIdentityError(f"shows a certificate that cannot be read ({error})") from None


def _keep(pin: Path, content: bytes, address: CameraAddress) -> None:
    found = _fingerprint(_read(content))  # what cannot be read is not kept
    make_folder(pin.parent, 0o700)
    write_secret(pin, content)
    log.warning("%s: its certificate %s is believed from now on (%s)", address.shown, found, pin)


def _name_in(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        found = []
    found += [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not found:
        raise CameraIdentityError("shows a certificate without a name, which cannot be pinned: give it one with a name")
    return found[0]


def _fingerprint(certificate: x509.Certificate) -> str:
    """Its SHA-256, the beginning."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()[:16]
