"""PostgreSQL refuses to run as root. Then it runs as an unprivileged user, from places which that user can reach."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from shared.errors import UnavailableError
from shared.files import DATA_MODE, make_folder

_SYSTEM = Path("/var/lib/hawkline")


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a process runs as; `drop` when that is another account than ours."""

    name: str
    uid: int
    gid: int
    drop: bool


def database_account() -> Account:
    """Ourselves, or for root the account `hawkline` where it exists, else `nobody`.

    Raises:
        UnavailableError: root without any unprivileged account, or a user without a name.
    """
    if os.geteuid() != 0:
        try:
            entry = pwd.getpwuid(os.geteuid())
        except KeyError:
            raise UnavailableError(
                f"user id {os.geteuid()} has no name in /etc/passwd, which PostgreSQL needs; "
                "add one, or set database.dsn to a server that runs"
            ) from None
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drop=False)
    for name in ("hawkline", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drop=True)
    raise UnavailableError(
        "root has no unprivileged account to run PostgreSQL as; add a user named hawkline, "
        "or set database.dsn to a server that runs"
    )


def reachable(path: Path) -> bool:
    """Whether everybody may walk to this place (its parents have the x bit for others)."""
    existing = path.resolve()
    while not existing.exists():
        existing = existing.parent
    return all(place.stat().st_mode & 0o001 for place in (existing, *existing.parents) if place.is_dir())


def reachable_copy(source: Path, name: str) -> Path:
    """A copy of a folder below /var/lib/hawkline that everybody can read; made once. Only for root."""
    target = _SYSTEM / name
    if not target.is_dir():
        part = _SYSTEM / f"{name}.{os.getpid()}.part"
        make_folder(_SYSTEM, 0o755)
        shutil.copytree(source, part, symlinks=True)
        for folder, _, files in os.walk(part):
            Path(folder).chmod(0o755)
            for file in files:
                path = Path(folder, file)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        try:
            part.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(part, ignore_errors=True)
    return target


def reachable_place(name: str) -> Path:
    """A folder below /var/lib/hawkline. Only for root."""
    place = _SYSTEM / name
    make_folder(_SYSTEM, 0o755)
    make_folder(place, DATA_MODE)
    return place
