"""The lists that are in force on one box, as the centre sends them: hashes and numbers, no text.

Each list is a part of its own, signed with its end and with the box that it is for, so that a box can drop what has
ended and still prove what is left.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import Meta

from shared.errors import WireError
from shared.events import Number
from shared.plates.hashing import HASH_BYTES, SECRET_BYTES
from shared.topics import Address
from shared.trust.identity import TrustError
from shared.trust.keys import Credentials
from shared.trust.statement import require_within, signed, signed_by
from shared.trust.withdrawn import Check, none_withdrawn

MOST_BYTES = 8 * 1024 * 1024
"""Of what a box takes: more than a quarter of a million entries."""
FORMAT = 2
"""Of what is signed, and of its hashes. What is of another one proves nothing, and is fetched anew."""
_PURPOSE = b"hawkline watchlist %d\0" % FORMAT
_Milliseconds = Annotated[int, Meta(ge=0, lt=2**53)]
_Secret = Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]


class HashedEntry(msgspec.Struct, frozen=True, array_like=True):
    """An entry: the list's number for it, and the hash of its plate for this box and month."""

    hash: Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
    entry: Number


class ListPart(msgspec.Struct, frozen=True, array_like=True):
    """One list, for one box and month.

    Attributes:
        number, version: of the list.
        priority: of a hit, 1 to 4; 0 is one that never rings.
        until_ms: Unix milliseconds from which on it is in force no more.
        made_at_ms: when the centre made this.
    """

    site: str
    agent: str
    month: str
    number: Number
    version: Number
    priority: Annotated[int, Meta(ge=0, le=4)]
    until_ms: _Milliseconds
    made_at_ms: _Milliseconds
    entries: tuple[HashedEntry, ...]


class SignedPart(msgspec.Struct, frozen=True, array_like=True):
    """A `ListPart` in MessagePack, and its signature."""

    body: bytes
    signature: bytes


class Watchlist(msgspec.Struct, frozen=True, array_like=True):
    """All lists of one box.

    Attributes:
        content: which they are; the section of the desired state names it.
        secret: of the month (`shared.plates.hashing.month_secret`).
        key: of the box (`shared.plates.hashing.box_key`).
        certificate: DER, of who signed the parts.
    """

    content: Annotated[str, Meta(max_length=64)]
    secret: _Secret
    key: _Secret
    certificate: bytes
    parts: tuple[SignedPart, ...]


def sign_parts(signer: Credentials, parts: Sequence[ListPart]) -> tuple[bytes, tuple[SignedPart, ...]]:
    """The signer's certificate (DER), and the parts with its signatures."""
    bodies = [msgspec.msgpack.encode(part) for part in parts]
    made = tuple(SignedPart(body, signed(signer, _PURPOSE + body)) for body in bodies)
    return signer.certificate.public_bytes(Encoding.DER), made


def decode_watchlist(content: bytes) -> Watchlist:
    """What the centre's door told, or a box has kept; nothing of it is proven.

    Raises:
        WireError: it is none.
    """
    try:
        return msgspec.msgpack.decode(content, type=Watchlist)
    except msgspec.MsgspecError as error:
        raise WireError("watchlist", f"no watch list: {error}") from None


def read_parts(
    watchlist: Watchlist, box: Address, root: x509.Certificate, withdrawn: Check = none_withdrawn
) -> list[ListPart]:
    """The parts of a watch list, in its order.

    Raises:
        TrustError: one is not signed by a service that the root vouches for, or is for another box.
    """
    found = []
    for part in watchlist.parts:
        message = _PURPOSE + part.body
        signer = signed_by("a list", message, part.signature, watchlist.certificate, root, withdrawn)
        try:
            one = msgspec.msgpack.decode(part.body, type=ListPart)
            made_at = datetime.fromtimestamp(one.made_at_ms / 1000, tz=UTC)
        except (msgspec.MsgspecError, OverflowError, ValueError) as error:
            raise TrustError(f"a list is signed and cannot be read: {error}") from None
        require_within("a list of", made_at, root, signer)
        if (one.site, one.agent) != (box.site, box.agent):
            raise TrustError(f"list {one.number} is for box {one.site}/{one.agent}, and not for this one")
        found.append(one)
    return found
