"""The boxes that are revoked, as a file that proves itself: a restore of an older backup keeps to it.

Lists of certificates do not tell that: what has expired is on none, nor what a withdrawn issuer had signed.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from cryptography import x509

from shared.trust import Credentials, SignedTime, TrustError, read_signed_time, sign_time

_PURPOSE = b"hawkline revoked boxes 1\0"


class RevokedBox(msgspec.Struct, frozen=True):
    """A box, since when it is revoked, by whom and why."""

    site: str
    agent: str
    since: datetime
    by: str
    why: str


class _Signed(msgspec.Struct, frozen=True):
    boxes: bytes
    time_ms: int
    signature: bytes
    certificate: bytes


def sign(signer: Credentials, boxes: Sequence[RevokedBox], at: datetime) -> bytes:
    """The file, signed by who tells the time."""
    content = msgspec.json.encode(boxes)
    signed = sign_time(signer, _over(content), at)
    return msgspec.json.encode(_Signed(content, signed.time_ms, signed.signature, signed.certificate))


def read(content: bytes, root: x509.Certificate) -> list[RevokedBox]:
    """Read the file.

    Raises:
        TrustError: it is none of ours, or nobody whom the root vouches for has signed it.
    """
    try:
        signed = msgspec.json.decode(content, type=_Signed)
        boxes = msgspec.json.decode(signed.boxes, type=list[RevokedBox])
    except msgspec.DecodeError as error:
        raise TrustError(f"not a list of revoked boxes ({error})") from None
    moment = SignedTime(signed.time_ms, signed.signature, signed.certificate)
    read_signed_time(moment, _over(signed.boxes), root)
    return boxes


def _over(content: bytes) -> bytes:
    return _PURPOSE + hashlib.sha256(content).digest()


def box_of(row: dict[str, object]) -> RevokedBox:
    """From a row of the database."""
    since = row["revoked_at"]
    assert isinstance(since, datetime)  # noqa: S101 - selected as one
    return RevokedBox(
        str(row["site"]),
        str(row["agent"]),
        since.astimezone(UTC),
        str(row["revoked_by"] or ""),
        str(row["revoked_why"] or ""),
    )
