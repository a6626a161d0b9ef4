"""A file that one process at a time may hold. The kernel lets go of it when the process is gone, however it went."""

import fcntl
from pathlib import Path
from typing import TextIO

from shared.errors import UnavailableError


def hold(path: Path, refusal: str) -> TextIO:
    """Hold a lock file for as long as what is returned is open.

    Raises:
        UnavailableError: with `refusal`, when another process holds it.
        OSError: the file cannot be made.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UnavailableError(refusal) from None
    return file
