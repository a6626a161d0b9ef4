"""What the centre says, signed by a service that the root vouches for: believed whichever way it came."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from shared.trust.identity import TrustError, is_service
from shared.trust.keys import Credentials
from shared.trust.withdrawn import Check

SERVICE = "time"
"""Who tells the time signs what else boxes must believe while they do not know it."""


def signed(signer: Credentials, message: bytes) -> bytes:
    """The signature.

    Args:
        signer: key and certificate of the service.
        message: begins with what it is for, so that no signature of this key says anything else.
    """
    return signer.key.sign(message, ec.ECDSA(hashes.SHA256()))


def signed_by(
    what: str, message: bytes, signature: bytes, certificate: bytes, root: x509.Certificate, withdrawn: Check
) -> x509.Certificate:
    """The certificate of who signed a message.

    Args:
        what: was signed, for people.
        certificate: DER, of who claims to have signed it.

    Raises:
        TrustError: no service that the root vouches for did, or one that was withdrawn.
    """
    try:
        signer = x509.load_der_x509_certificate(certificate)
        signer.verify_directly_issued_by(root)
        key = signer.public_key()
        if not is_service(signer, SERVICE) or not isinstance(key, ec.EllipticCurvePublicKey):
            raise TrustError(f"{what} was signed by a certificate that may not")
        if withdrawn(signer):
            raise TrustError(f"{what} was signed by a certificate that was withdrawn, {signer.serial_number:x}")
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except TrustError:
        raise
    except Exception:  # noqa: BLE001 - it may come from anybody, and the library raises a dozen kinds
        raise TrustError(f"{what} is not signed by a service that our root vouches for") from None
    return signer


def require_within(what: str, at: datetime, root: x509.Certificate, signer: x509.Certificate) -> None:
    """A statement of a moment is believed only within the lives of root and signer.

    Raises:
        TrustError: it is of another moment.
    """
    for whose, life in (("our root", root), ("the certificate that signed it", signer)):
        if not life.not_valid_before_utc <= at <= life.not_valid_after_utc:
            raise TrustError(f"{what} {at:%Y-%m-%d} lies outside the life of {whose}")
