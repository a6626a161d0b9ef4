"""The secret that plates are hashed under: of the whole installation, and never in a database."""

import secrets
from pathlib import Path

from shared.errors import UnavailableError
from shared.files import make_folder, write_secret
from shared.plates.hashing import SECRET_BYTES


def deployment_secret(data_dir: Path, *, make: bool = False) -> bytes:
    """The secret.

    Args:
        data_dir: its folder `secrets` has it.
        make: it is made where there is none; one process does that, or two would make two.

    Raises:
        UnavailableError: there is none, or what is there is none.
    """
    path = data_dir / "secrets" / "plates.key"
    if make and not path.exists():
        make_folder(path.parent, 0o700)
        write_secret(path, secrets.token_bytes(SECRET_BYTES))
    try:
        found = path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read ({error.strerror})") from None
    if len(found) != SECRET_BYTES:
        raise UnavailableError(f"{path}: expected {SECRET_BYTES} bytes; restore it from a backup, or remove it")
    return found
