"""What a box keeps so that only this machine reads it: under a key of its TPM 2.0, where it has one.

The TPM is spoken to by tpm2-tools (Debian: tpm2-tools), of those who keep the TPM's own library. Their binding for
Python comes as source alone, and a box has no compiler. A card that is taken out of its box then gives away nothing of
what was sealed; who takes the whole box, and starts it, has what it had before.
"""

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import HawklineError
from shared.files import write_secret

log = logging.getLogger(__name__)

DEVICE: Final = Path("/dev/tpmrm0")
"""The kernel's own resource manager for a TPM 2.0."""
_TCTI = "TPM2TOOLS_TCTI"
_MAGIC = b"hawkline sealed 1\0"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_WITHIN_S = 15.0
_TOOLS = "tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal", "tpm2_flushcontext"
_NODA = "fixedtpm|fixedparent|userwithauth|noda"
"""Not under the lock-out that guesses at some other object's password bring about: this key has none."""
_OF_ANOTHER = "integrity check failed"
"""What tpm2_load says of a key that another TPM has sealed."""


class SealedError(HawklineError):
    """What was sealed cannot be opened, or nothing sealed, now."""


class AnotherMachineError(SealedError):
    """It was sealed by another machine: here it will never be opened."""


class Sealing(Protocol):
    """How something is kept on the disk."""

    def is_sealed(self, kept: bytes) -> bool:
        """Whether opening what is kept asks the TPM, which may take its time."""

    def improves(self, kept: bytes) -> bool:
        """Whether what is kept lies there openly, and could be sealed."""

    def seal(self, content: bytes) -> bytes:
        """What is written.

        Raises:
            SealedError: nothing can be sealed now, though this machine has a key for it.
        """

    def open(self, kept: bytes) -> bytes:
        """What was sealed.

        Raises:
            AnotherMachineError: it is not for this machine, or damaged.
            SealedError: it cannot be opened now.
        """


class ByRights:
    """Without a TPM: the file's rights are what keeps others from it."""

    def is_sealed(self, kept: bytes) -> bool:  # noqa: ARG002
        return False

    def improves(self, kept: bytes) -> bool:  # noqa: ARG002
        return False

    def seal(self, content: bytes) -> bytes:
        return content

    def open(self, kept: bytes) -> bytes:
        return kept


class ByMachine:
    """By the TPM where this machine has one that can be used, else by the file's rights.

    A machine that has sealed once never writes openly again: where its TPM does not answer, nothing is written. The TPM
    is asked when there is something to seal or to open, and may take its time: on no thread that a camera waits for.

    Args:
        folder: keeps the sealed key, `seal.pub` and `seal.priv`.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = folder / "seal.pub", folder / "seal.priv"
        self._key: bytes | None = None
        self._is_told = False

    def is_sealed(self, kept: bytes) -> bool:
        return kept.startswith(_MAGIC)

    def improves(self, kept: bytes) -> bool:
        return not self.is_sealed(kept) and not objection()

    def seal(self, content: bytes) -> bytes:
        key = self._known_key() or self._first_key()
        if key is None:
            return content
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + AESGCM(key).encrypt(nonce, content, _MAGIC)

    def open(self, kept: bytes) -> bytes:
        if not self.is_sealed(kept):  # of before there was a TPM, or its tools
            return kept
        key = self._known_key()
        if key is None:
            raise AnotherMachineError("it was sealed, and the key that it was sealed under is not here")
        nonce, sealed = kept[len(_MAGIC) :][:_NONCE_BYTES], kept[len(_MAGIC) + _NONCE_BYTES :]
        try:
            return AESGCM(key).decrypt(nonce, sealed, _MAGIC)
        except (InvalidTag, ValueError):
            raise AnotherMachineError("it is damaged, or was sealed under another key") from None

    def in_words(self) -> tuple[bool | None, str]:
        """Whether what is kept is sealed, tried with the TPM, and words for it; None where it could be and is not."""
        openly = "by file rights: a card that is taken out gives them away, as hashes"
        if not self._has_key() and not transport():
            return True, f"{openly}; this machine has no TPM 2.0"
        try:
            if why := objection():
                raise SealedError(why)
            if self._has_key():
                self._known_key()
            else:
                with tempfile.TemporaryDirectory(prefix="hawkline-seal-") as folder:
                    ByMachine(Path(folder))._made()
        except (SealedError, OSError) as error:
            return None, f"in memory alone until the TPM answers: {error}" if self._has_key() else f"{openly}: {error}"
        return True, "sealed by this machine's TPM"

    def _has_key(self) -> bool:
        return all(path.is_file() for path in self._paths)

    def _known_key(self) -> bytes | None:
        """The key that this machine has; None where it has none."""
        if self._key is None and self._has_key():
            if why := objection():
                raise SealedError(why)
            try:
                self._key = self._unsealed()
            except AnotherMachineError as error:  # the card was put elsewhere: what is sealed from now on is for here
                log.warning("the key that lists were sealed under is of another machine: %s", error)
                self._forget()
        return self._key

    def _first_key(self) -> bytes | None:
        """A new one; None where this machine can make none, and has file rights instead."""
        if not transport():
            return None
        why = objection()
        try:
            if not why:
                self._key = self._made()
        except SealedError as error:
            why = str(error)
        if why and not self._is_told:
            self._is_told = True
            log.warning("lists are kept by file rights alone: %s", why)
        return self._key

    def _forget(self) -> None:
        try:
            for path in self._paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise SealedError(f"the key of another machine cannot be deleted: {error}") from None

    def _made(self) -> bytes:
        key = os.urandom(_KEY_BYTES)
        with _folder() as folder:
            parts = [Path(folder) / path.name for path in self._paths]
            self._primary(folder)
            public, private = (str(part) for part in parts)
            kept = ("-a", _NODA, "-i", "-", "-u", public, "-r", private)
            _run("tpm2_create", "-Q", "-C", f"{folder}/primary", *kept, given=key)
            try:
                for part, path in zip(reversed(parts), reversed(self._paths), strict=True):  # seal.pub is the last one
                    write_secret(path, part.read_bytes())
            except OSError as error:
                raise SealedError(f"the sealed key cannot be kept: {error}") from None
        return self._unsealed()

    def _unsealed(self) -> bytes:
        public, private = (str(path) for path in self._paths)
        with _folder() as folder:
            self._primary(folder)
            _run("tpm2_load", "-Q", "-C", f"{folder}/primary", "-u", public, "-r", private, "-c", f"{folder}/key")
            key = _run("tpm2_unseal", "-c", f"{folder}/key")
        if len(key) != _KEY_BYTES:
            raise SealedError(f"the TPM gave {len(key)} bytes: expected {_KEY_BYTES}")
        return key

    @staticmethod
    def _primary(folder: str) -> None:
        """The storage key that all keys of this TPM hang from: made anew from its seed, the same each time."""
        attributes = "restricted|decrypt|sensitivedataorigin|" + _NODA
        _run("tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-a", attributes, "-c", f"{folder}/primary")


BY_RIGHTS: Final = ByRights()


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    try:
        with tempfile.TemporaryDirectory(prefix="hawkline-seal-") as folder:
            yield folder
    except OSError as error:
        raise SealedError(f"no temporary folder: {error}") from None


def _run(*command: str, given: bytes | None = None) -> bytes:
    code, printed, said = _ran(command, given)
    # Where no resource manager is between, what a tool has loaded would fill the TPM's three places.
    with contextlib.suppress(SealedError):
        _ran(("tpm2_flushcontext", "-t"))
    if code:
        lines = said.strip().splitlines()
        words = f"{command[0]}: {lines[-1] if lines else f'exit code {code}'}"
        raise AnotherMachineError(words) if _OF_ANOTHER in said else SealedError(words)
    return printed


def _ran(command: tuple[str, ...], given: bytes | None = None) -> tuple[int, bytes, str]:
    """Exit code, what was printed, and what was said to people."""
    told, pipe = {**os.environ, _TCTI: transport()}, subprocess.PIPE
    try:
        process = subprocess.Popen(command, env=told, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise SealedError(f"{command[0]}: {error}") from None
    try:
        printed, said = process.communicate(given, _WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # what hangs in the kernel does not end by that
            process.communicate(timeout=1.0)
        raise SealedError(f"{command[0]}: the TPM does not answer within {_WITHIN_S:.0f} s") from None
    return process.returncode, printed, said.decode(errors="replace")


def transport() -> str:
    """How tpm2-tools reach this machine's TPM 2.0: as they are told, or by the kernel; empty where there is none."""
    return os.environ.get(_TCTI, "") or (f"device:{DEVICE}" if DEVICE.exists() else "")


def objection() -> str:
    """Why the TPM cannot be used, and what to do; empty where nothing speaks against it before it is tried."""
    if not transport():
        return "this machine has no TPM 2.0 (any more)"
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        return f"there is a TPM, and no {missing[0]}: install tpm2-tools"
    if not os.environ.get(_TCTI) and not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} may not be opened: let the agent's account be of the group tss (docs/deploy.md)"
    return ""
