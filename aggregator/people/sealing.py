"""What we keep where others can read it: sealed with a key that lies beside the authority's, in no database.

A seal is bound to what it is for, so nobody can put one where another was.
"""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.files import make_folder, write_secret

_NONCE_BYTES = 12
T = TypeVar("T")


class SealError(Exception):
    """It was not sealed by us, or not for this."""


def key_path(data_dir: Path) -> Path:
    """Where the key lies."""
    return data_dir / "secrets" / "people.key"


class Sealer:
    """Seals with the key of this installation.

    Args:
        data_dir: its folder `secrets` has the key, which is made where there is none.

    Raises:
        OSError: it can be neither read nor made.
        ValueError: what is there is no key.
    """

    def __init__(self, data_dir: Path) -> None:
        path = key_path(data_dir)
        if not path.exists():
            make_folder(path.parent, 0o700)
            write_secret(path, AESGCM.generate_key(256))
        self._key = path.read_bytes()
        self._cipher = AESGCM(self._key)

    def seal(self, purpose: str, value: object) -> bytes:
        """Seal a text or a dataclass of such, for one purpose."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(value), purpose.encode())

    def open(self, purpose: str, sealed: bytes, kind: type[T]) -> T:
        """What was sealed.

        Raises:
            SealError: it is not ours, was sealed for something else, or with a key that is gone.
        """
        try:
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return msgspec.msgpack.decode(self._cipher.decrypt(nonce, rest, purpose.encode()), type=kind)
        except (InvalidTag, ValueError, msgspec.MsgspecError) as error:
            raise SealError(purpose) from error

    def mark(self, purpose: str, text: str) -> bytes:
        """The same for the same text and purpose, and with our key alone; slowly, so that nobody tries all texts."""
        salt = hmac.digest(self._key, purpose.encode(), "sha256")
        return hashlib.scrypt(text.encode(), salt=salt, n=2**12, r=8, p=1, maxmem=2**24, dklen=16)

    def seal_text(self, purpose: str, value: object) -> str:
        """The same, for a page or a cookie."""
        return base64.urlsafe_b64encode(self.seal(purpose, value)).decode()

    def open_text(self, purpose: str, sealed: str, kind: type[T]) -> T:
        """What was sealed as text.

        Raises:
            SealError: as `open`.
        """
        try:
            return self.open(purpose, base64.urlsafe_b64decode(sealed.encode()), kind)
        except (binascii.Error, UnicodeError) as error:
            raise SealError(purpose) from error
