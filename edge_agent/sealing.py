"""What a box keeps so that only this machine reads it: under a key of its TPM 2.0, where it has one.

The TPM is spoken to by tpm2-tools (Debian: tpm2-tools), of those who keep the TPM's own library. Their binding for
Python comes as source alone, and a box has no compiler. A card that is taken out of its box then gives away nothing of
the lists; who takes the whole box, and starts it, has what it had before.
"""

import logging
import os
import shutil
import subprocess
import tempfile
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
_WITHIN_S = 30.0
_TOOLS = "tpm2_createprimary", "tpm2_create", "tpm2_load", "tpm2_unseal", "tpm2_flushcontext"


class SealedError(HawklineError):
    """What was kept was sealed by another machine, or the TPM does not answer."""


class Sealing(Protocol):
    """How something is kept on the disk.

    Attributes:
        encrypts: who has the disk alone cannot read it.
    """

    encrypts: bool

    def seal(self, content: bytes) -> bytes:
        """What is written.

        Raises:
            SealedError: nothing can be sealed now.
        """

    def open(self, kept: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealedError: it is not for this machine, or damaged.
        """


class ByRights:
    """A machine without a TPM: the file's rights are what keeps others from it."""

    encrypts = False

    def seal(self, content: bytes) -> bytes:
        return content

    def open(self, kept: bytes) -> bytes:
        if kept.startswith(_MAGIC):
            raise SealedError("it was sealed by a TPM, and this machine has none that can be used")
        return kept


BY_RIGHTS: Final = ByRights()


class ByTpm:
    """AES-256-GCM under a key that lies sealed beside, and that only the TPM which sealed it opens.

    Args:
        folder: keeps the sealed key.
        transport: of tpm2-tools, such as `device:/dev/tpmrm0`.
    """

    encrypts = True

    def __init__(self, folder: Path, transport: str) -> None:
        self._paths = folder / "seal.pub", folder / "seal.priv"
        self._environment = {**os.environ, _TCTI: transport}
        self._key: bytes | None = None

    def seal(self, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + AESGCM(self._known_key()).encrypt(nonce, content, _MAGIC)

    def open(self, kept: bytes) -> bytes:
        if not kept.startswith(_MAGIC):  # of before there was a TPM, or tpm2-tools; written anew it is sealed
            return kept
        nonce, sealed = kept[len(_MAGIC) :][:_NONCE_BYTES], kept[len(_MAGIC) + _NONCE_BYTES :]
        try:
            return AESGCM(self._known_key()).decrypt(nonce, sealed, _MAGIC)
        except (InvalidTag, ValueError):
            raise SealedError("it is damaged, or was sealed under another key") from None

    def _known_key(self) -> bytes:
        if self._key is None:
            self._key = self._unsealed() if all(path.is_file() for path in self._paths) else self._made()
        return self._key

    def forget(self) -> None:
        """Give the key up, as who finds that the TPM is another one: what is sealed next is under a new one."""
        self._key = None
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _made(self) -> bytes:
        key = os.urandom(_KEY_BYTES)
        with tempfile.TemporaryDirectory(prefix="hawkline-seal-") as folder:
            parts = [Path(folder) / path.name for path in self._paths]
            self._primary(folder)
            public, private = (str(part) for part in parts)
            self._run("tpm2_create", "-Q", "-C", f"{folder}/primary", "-i", "-", "-u", public, "-r", private, given=key)
            for part, path in zip(parts, self._paths, strict=True):
                write_secret(path, part.read_bytes())
        return self._unsealed()

    def _unsealed(self) -> bytes:
        public, private = (str(path) for path in self._paths)
        with tempfile.TemporaryDirectory(prefix="hawkline-seal-") as folder:
            self._primary(folder)
            self._run("tpm2_load", "-Q", "-C", f"{folder}/primary", "-u", public, "-r", private, "-c", f"{folder}/key")
            key = self._run("tpm2_unseal", "-c", f"{folder}/key")
        if len(key) != _KEY_BYTES:
            raise SealedError(f"the TPM gave {len(key)} bytes: expected {_KEY_BYTES}")
        return key

    def _primary(self, folder: str) -> None:
        """The storage key that all keys of this TPM hang from: made anew from its seed, the same each time."""
        self._run("tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", f"{folder}/primary")

    def _run(self, *command: str, given: bytes | None = None) -> bytes:
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, check=False, timeout=_WITHIN_S, env=self._environment
            )
            # Where no resource manager is between, what a tool has loaded would fill the TPM's three places.
            flush = ["tpm2_flushcontext", "-t"]
            subprocess.run(flush, capture_output=True, check=False, timeout=_WITHIN_S, env=self._environment)
        except (OSError, subprocess.SubprocessError) as error:
            raise SealedError(f"{command[0]}: {error}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise SealedError(f"{command[0]}: {said[-1] if said else f'exit code {done.returncode}'}")
        return done.stdout


def transport() -> str:
    """How tpm2-tools reach this machine's TPM 2.0: as they are told, or by the kernel; empty where there is none."""
    return os.environ.get(_TCTI, "") or (f"device:{DEVICE}" if DEVICE.exists() else "")


def objection() -> str:
    """Why the TPM that is there cannot be used, and what to do; empty where it can be, or none is there."""
    if not transport():
        return ""
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        return f"there is a TPM, and no {missing[0]}: install tpm2-tools"
    if not os.environ.get(_TCTI) and not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} may not be opened: let the agent's account be of the group tss (docs/deploy.md)"
    return ""


def sealing(folder: Path) -> Sealing:
    """The best that this machine has; a TPM is tried before it is believed in.

    Args:
        folder: keeps the sealed key.
    """
    if not transport():
        return BY_RIGHTS
    if not (why := objection()):
        tpm = ByTpm(folder, transport())
        for _ in range(2):
            try:
                tpm.open(tpm.seal(b"a trial"))
            except (SealedError, OSError) as error:  # of a key of another TPM, perhaps: the card was put elsewhere
                why = str(error)
                tpm.forget()
            else:
                return tpm
    log.warning("lists are kept by file rights alone: %s", why)
    return BY_RIGHTS
