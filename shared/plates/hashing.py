"""How a listed plate travels: hashed slowly under a secret of the month, then under the key of one box.

The slow hash is made once an entry and month, whatever the number of boxes; a box makes it for the few texts that a
plate may say. What a stolen box gives away, and for how long, is in docs/adr/0025-checkpoints.md.
"""

import hashlib
import hmac
from datetime import datetime

from shared.plates.grammar import as_stamped
from shared.topics import Address

HASH_BYTES = 16
"""Of each hash. Ten thousand entries and a hundred million readings meet by chance once in 10^26."""
SECRET_BYTES = 32
_COST, _BLOCK = 1024, 8
"""Of scrypt: one mebibyte, and a millisecond or more on one core of a fast machine."""
_MOST_BYTES = 4 * 1024 * 1024


def month_of(moment: datetime) -> str:
    """The month that a secret is of, such as `2026-11`, by the moment's own zone."""
    return f"{moment:%Y-%m}"


def month_secret(deployment: bytes, month: str) -> bytes:
    """What entries are hashed under in a month. From it neither the deployment's secret nor another month's follows.

    Args:
        deployment: secret of the whole installation, `SECRET_BYTES` long; it never leaves the centre.
        month: as `month_of` gives it.
    """
    return _derived(deployment, "month", month)


def box_key(deployment: bytes, month: str, box: Address) -> bytes:
    """What the hashes of a month are hashed under again, for one box."""
    return _derived(deployment, "box", month, box.site, box.agent)


def slow_hash(text: str, secret: bytes) -> bytes:
    """A plate's text under a month's secret, `HASH_BYTES` long. Takes a mebibyte and a millisecond or more.

    Args:
        text: what a plate says; the agency's letter O counts as the 0 that it is stamped as.
        secret: of the month.
    """
    written = as_stamped(text).encode()
    return hashlib.scrypt(written, salt=secret, n=_COST, r=_BLOCK, p=1, maxmem=_MOST_BYTES, dklen=HASH_BYTES)


def of_box(slow: bytes, key: bytes) -> bytes:
    """A slow hash as it stands in the table of one box, `HASH_BYTES` long: BLAKE2b with the box's key (RFC 7693)."""
    return hashlib.blake2b(slow, key=key, digest_size=HASH_BYTES).digest()


def _derived(secret: bytes, *words: str) -> bytes:
    return hmac.digest(secret, "\0".join(("hawkline", *words)).encode(), "sha256")
