"""Passwords on their way to one box, which the centre keeps and cannot read: HPKE (RFC 9180), X25519, AES-256-GCM.

They are sealed where a planner has them, to the key of the box and to a recovery key that lies offline: with that, a
machine that takes a box's place is given what that had. A box's key is its own for good: it outlives certificates.

Whoever steals the centre's database or its backup reads nothing. Who rules the centre while passwords are sent could
hand out a key of his own: this is no protection against that.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared.topics import Address
from shared.trust.identity import TrustError

KEY_BYTES: Final = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def new_sealing_key() -> bytes:
    """A private key, raw."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public_part(private: bytes) -> bytes:
    """What others seal to.

    Raises:
        TrustError: it is no key.
    """
    return _private(private).public_key().public_bytes_raw()


def seal(password: str, to: bytes, box: Address, camera: str) -> bytes:
    """The password of a box's camera, for who has the private key of `to`.

    Raises:
        TrustError: `to` is no public key.
    """
    try:
        key = X25519PublicKey.from_public_bytes(to)
    except ValueError:
        raise TrustError(f"a sealing key has {KEY_BYTES} bytes, and this one {len(to)}") from None
    return _SUITE.encrypt(password.encode(), key, _about(box, camera))


def open_sealed(sealed: bytes, private: bytes, box: Address, camera: str) -> str:
    """The password.

    Raises:
        TrustError: it was sealed to another key, or for another camera, or is damaged.
    """
    try:
        return _SUITE.decrypt(sealed, _private(private), _about(box, camera)).decode()
    except (InvalidTag, ValueError):
        words = f"the password of {box.site}/{box.agent}/{camera} was sealed to another key, or is damaged"
        raise TrustError(f"{words}: send it anew") from None


def _private(private: bytes) -> X25519PrivateKey:
    try:
        return X25519PrivateKey.from_private_bytes(private)
    except ValueError:
        raise TrustError(f"a sealing key has {KEY_BYTES} bytes, and this one {len(private)}") from None


def _about(box: Address, camera: str) -> bytes:
    """What is sealed for one camera opens as no other's."""
    return f"hawkline password 1\0{box.site}/{box.agent}/{camera}".encode()
