"""What time it is, told by a service that the root vouches for: the first thing that a box without a clock needs.

The answer proves itself by a signature over the asker's own nonce, so it may come over any way. It is believed only
within the life of the root.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from shared.trust.identity import TrustError
from shared.trust.keys import Credentials
from shared.trust.statement import require_within, signed, signed_by
from shared.trust.withdrawn import Check, none_withdrawn

NONCE_BYTES = 16
_PURPOSE = b"hawkline time 1\0"
"""So that no signature of this key says anything else."""


class SignedTime(msgspec.Struct, frozen=True):
    """The time, signed. `certificate` (DER) is the signer's, issued by the root itself."""

    time_ms: int
    signature: bytes
    certificate: bytes


def sign_time(signer: Credentials, nonce: bytes, at: datetime) -> SignedTime:
    """Answer a question."""
    time_ms = round(at.timestamp() * 1000)
    return SignedTime(time_ms, signed(signer, _message(nonce, time_ms)), signer.certificate.public_bytes(Encoding.DER))


def read_signed_time(
    moment: SignedTime, nonce: bytes, root: x509.Certificate, withdrawn: Check = none_withdrawn
) -> datetime:
    """The time that an answer tells.

    Raises:
        TrustError: no service that the root vouches for said so, or not to us.
    """
    signer = signed_by(
        "the time", _message(nonce, moment.time_ms), moment.signature, moment.certificate, root, withdrawn
    )
    try:
        at = datetime.fromtimestamp(moment.time_ms / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        raise TrustError("the signed time is none") from None
    require_within("the signed time", at, root, signer)
    return at


def _message(nonce: bytes, time_ms: int) -> bytes:
    return _PURPOSE + nonce + time_ms.to_bytes(8, "big", signed=True)


@dataclass(slots=True)
class TrustClock:
    """The time that certificates are held against: the machine's, until it was found to be wrong.

    Attributes:
        system: the machine's clock.
        monotonic_s: what goes on evenly beside it.
    """

    system: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic_s: Callable[[], float] = time.monotonic
    _told: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """What we believe."""
        if self._told is None:
            return self.system()
        at, then_s = self._told
        return at + timedelta(seconds=self.monotonic_s() - then_s)

    def correct(self, at: datetime) -> timedelta:
        """From now on it is so late, whatever the machine says; returns by how much the machine is behind."""
        self._told = at, self.monotonic_s()
        return at - self.system()
