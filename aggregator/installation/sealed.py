"""The secrets of an installation in one file of a backup, sealed with a passphrase.

Without them a restored centre is another one: its boxes would have to enrol again, the audit could not be continued, no
operator could come in. The file is an age file (age-encryption.org), a tar archive within: `age -d` opens it without
Hawkline. The root's key is not in it: it is kept apart from the centre, as ever.
"""

import io
import stat
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyrage

from shared.errors import ConfigError
from shared.files import sync_folder, write_public, write_secret

FILE = "secrets.tar.age"
FOLDERS = "trust", "secrets"
"""Of the data_dir: the certificate authority and what it issued to the centre; tokens, and the key of the audit."""
_MOST_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Secret:
    """One file, by its path within the data_dir."""

    path: str
    content: bytes
    public: bool
    """Readable by everybody, as the root's certificate is."""


def secrets_of(data_dir: Path) -> list[Path]:
    """Files that a backup without a passphrase does not hold."""
    return sorted(path for folder in FOLDERS for path in (data_dir / folder).rglob("*") if path.is_file())


def seal(data_dir: Path, passphrase: bytes) -> bytes:
    """All secrets, encrypted.

    Raises:
        ConfigError: the passphrase is no text.
        OSError: one cannot be read.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in secrets_of(data_dir):
            content = path.read_bytes()
            entry = tarfile.TarInfo(str(path.relative_to(data_dir)))
            entry.size, entry.mode, entry.mtime = len(content), path.stat().st_mode & 0o777, int(path.stat().st_mtime)
            archive.addfile(entry, io.BytesIO(content))
    return bytes(pyrage.passphrase.encrypt(packed.getvalue(), _text(passphrase)))


def unseal(sealed: bytes, passphrase: bytes) -> list[Secret]:
    """What was sealed.

    Raises:
        ConfigError: the passphrase is another one or no text, or the file is none of ours.
    """
    try:
        packed = pyrage.passphrase.decrypt(sealed, _text(passphrase))
    except pyrage.DecryptError:
        raise ConfigError(f"{FILE}: the passphrase is another one, or the file is damaged") from None
    found = list[Secret]()
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for entry in archive:
                path = Path(entry.name)
                ours = path.parts[0] in FOLDERS and ".." not in path.parts and not path.is_absolute()
                content = archive.extractfile(entry) if entry.isfile() and entry.size <= _MOST_BYTES else None
                if not ours or content is None:
                    raise ConfigError(f"{FILE}: {entry.name!r} is none of ours")
                found.append(Secret(entry.name, content.read(), bool(entry.mode & stat.S_IROTH)))
    except (tarfile.TarError, IndexError) as error:
        raise ConfigError(f"{FILE}: not an archive of ours ({error})") from None
    return found


def _text(passphrase: bytes) -> str:
    """As age takes it."""
    try:
        return passphrase.decode()
    except UnicodeDecodeError:
        raise ConfigError("the passphrase of the secrets has to be text in UTF-8") from None


def require_none(data_dir: Path) -> None:
    """Secrets are restored where there are none: others would be lost.

    Raises:
        ConfigError: there are some.
    """
    if there := secrets_of(data_dir):
        raise ConfigError(f"{there[0]}: is there already; restore secrets into a new data_dir")


def put(data_dir: Path, secrets: Sequence[Secret]) -> None:
    """Write them as they were; folders are readable by their owner only."""
    for secret in secrets:
        path = data_dir / secret.path
        for folder in reversed([parent for parent in path.parents if parent.is_relative_to(data_dir)][:-1]):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (write_public if secret.public else write_secret)(path, secret.content)
    sync_folder(data_dir)
