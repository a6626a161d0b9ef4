"""What a file system needs to be told so that a power cut finds what was promised."""

import errno
import os
import stat
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """A new or renamed file is on the disk only when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, and on the disk when this returns."""
    _write(path, content, 0o600)


def write_public(path: Path, content: bytes) -> None:
    """The same for what everybody may read."""
    _write(path, content, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(number, "wb") as out:
        os.fchmod(number, mode)
        if os.geteuid() == 0:
            # Root helps now and then; whose folder it is has to be able to read it afterwards.
            owner = path.parent.stat()
            os.fchown(number, owner.st_uid, owner.st_gid)
        out.write(content)
        out.flush()
        os.fsync(number)
    part.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path, mode: int) -> None:
    """Make a folder and those above it that are missing, with these rights, whatever the umask is.

    One that is there keeps its rights, but not everybody may write there: who may could put another in its place.

    Raises:
        NotADirectoryError: something else is there.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is no folder", str(path))
    missing, above = list[Path](), path
    while not above.exists():
        missing.append(above)
        above = above.parent
    for folder in reversed(missing):
        try:
            folder.mkdir()
        except FileExistsError:
            continue  # another was faster
        folder.chmod(mode if folder == path else 0o755)
    found = path.stat()
    if not missing and found.st_mode & 0o002 and os.geteuid() in (0, found.st_uid):
        path.chmod(stat.S_IMODE(found.st_mode) & ~0o002)


DATA_MODE = 0o711
"""Of `data_dir`, and of what leads to an embedded database: that may belong to another account, which has to get in."""


def read_by_others(path: Path) -> str | None:
    """Who else may read a file with passwords in it, and what to do; None where it is for its owner only.

    A file of root's that a service reads by its group is as it should be.
    """
    found = path.stat()
    if found.st_mode & stat.S_IROTH:
        who = "everybody on this machine"
    elif found.st_mode & stat.S_IRGRP and found.st_uid != 0:
        who = f"its group ({found.st_gid})"
    else:
        return None
    mode = "640" if found.st_uid == 0 else "600"
    return f"{path}: passwords stand in it and {who} can read them; chmod {mode} {path}"
