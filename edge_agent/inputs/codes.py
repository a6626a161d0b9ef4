"""The codes that people type at keypads: a file of the box, in which nobody can read them.

The hash keeps a glance and a log from telling a code, and no more: whoever has the file, or a copy of it, tries all
codes of four digits out within minutes. So the agent alone can read it.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.errors import HawklineError
from shared.files import write_secret

FEWEST, MOST = 4, 12
"""Digits."""
_COST, _BLOCK, _MOST_BYTES = 2**14, 8, 64 * 1024 * 1024
"""Of scrypt: 16 MiB, and a tenth of a second on a Raspberry Pi."""
_SALT_BYTES, _HASH_BYTES = 16, 32
_MOST_CODES = 256


class CodesError(HawklineError):
    """The codes cannot be read or changed; the message says why, and no code."""


class Person(msgspec.Struct, frozen=True):
    """Whose code it is.

    Attributes:
        name: as the record of arming and disarming calls the person.
        is_duress: typed, it disarms as any other, and rings at the centre without a sound here.
    """

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    is_duress: bool = False


class _Code(msgspec.Struct, frozen=True):
    person: Person
    hash: bytes


class _File(msgspec.Struct, frozen=True):
    salt: bytes
    codes: Annotated[tuple[_Code, ...], Meta(max_length=_MOST_CODES)] = ()


class Codes:
    """The file, read whenever it is asked: a code that was taken back counts no more from that moment.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def people(self) -> list[Person]:
        """Who has one.

        Raises:
            CodesError: the file is there, and cannot be read.
        """
        return [each.person for each in self._read().codes]

    def whose(self, typed: str) -> Person | None:
        """Whose code was typed; None: nobody's.

        Raises:
            CodesError: the file is there, and cannot be read.
        """
        if not _is_code(typed):
            return None
        file = self._read()
        found, hashed = None, _hash(typed, file.salt)
        for each in file.codes:
            if hmac.compare_digest(each.hash, hashed):
                found = each.person
        return found

    def add(self, person: Person, code: str) -> None:
        """Give a person a code; one that the person had is replaced, and a code of duress is one of its own.

        Raises:
            CodesError: it is no code, or somebody has it, or the file cannot be read or written.
        """
        if not _is_code(code):
            raise CodesError(f"a code has {FEWEST} to {MOST} digits, and nothing else")
        if len(set(code)) == 1:
            raise CodesError("that code is one digit repeated: take another")
        owner = self.whose(code)
        if owner is not None and owner != person:
            raise CodesError("that code cannot be taken: choose another")  # whose it is, is not told
        file = self._read()
        others = [each for each in file.codes if each.person != person]
        if len(others) >= _MOST_CODES:
            raise CodesError(f"{self.path}: {_MOST_CODES} codes at most")
        self._write(_File(file.salt, (*others, _Code(person, _hash(code, file.salt)))))

    def remove(self, name: str) -> int:
        """Take a person's codes back, that of duress too.

        Returns:
            How many there were.

        Raises:
            CodesError: the file cannot be read or written.
        """
        file = self._read()
        left = tuple(each for each in file.codes if each.person.name != name)
        if len(left) < len(file.codes):
            self._write(_File(file.salt, left))
        return len(file.codes) - len(left)

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_File)
        except FileNotFoundError:
            return _File(secrets.token_bytes(_SALT_BYTES))
        except OSError as error:
            raise CodesError(f"codes of keypads: {self.path}: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise CodesError(
                f"codes of keypads: {self.path} is damaged: remove it, and give them anew (`hawkline keypad add`)"
            ) from None

    def _write(self, file: _File) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            write_secret(self.path, msgspec.json.encode(file))
        except OSError as error:
            raise CodesError(f"codes of keypads: {self.path}: {error.strerror}") from None


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdecimal() and FEWEST <= len(text) <= MOST


def _hash(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, maxmem=_MOST_BYTES, dklen=_HASH_BYTES)
