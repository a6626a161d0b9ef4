"""Takes away what an aggregator has left, and nothing else."""

import contextlib
import shutil
from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.database_access import LOCK
from aggregator.embedded.postgres import MARK, EmbeddedPostgres
from aggregator.installation.sealed import FOLDERS
from shared.errors import ConfigError
from shared.locks import hold

_OURS = ("evidence", *FOLDERS, "broker", "broker.toml", "pids.json", "pids.json.part", MARK, LOCK)
"""The lock last: while it is there, an aggregator has run here."""


def remove(settings: AggregatorSettings, config: Path, *, sure: bool) -> list[Path]:
    """Delete the embedded database, the pictures, keys and certificates, and what else an aggregator has in data_dir.

    Returns:
        The places that are gone.

    Raises:
        ConfigError: no aggregator has run there, its database is not embedded, or `sure` is missing; then the message
            says what would go.
        UnavailableError: an aggregator runs there.
    """
    folder = settings.data_dir
    if settings.database.dsn:
        raise ConfigError(
            f"{config}: database.dsn names a database of its own, whose pictures lie in {folder}: "
            "drop that database yourself, then delete the folder"
        )
    if not (folder / LOCK).is_file():
        raise ConfigError(f"{config}: data_dir = {str(folder)!r}: no aggregator has run there; nothing to delete")
    with hold(folder / LOCK, f"data_dir = {str(folder)!r}: an aggregator uses it; stop it first"):
        embedded = EmbeddedPostgres(folder)
        found = [path for path in (embedded.folder, *(folder / name for name in _OURS)) if path.exists()]
        if not sure:
            raise ConfigError(f"--yes deletes for good: {', '.join(map(str, found))}")
        embedded.remove()
        for path in found:
            _delete(path)
    with contextlib.suppress(OSError):  # something else lies there
        folder.rmdir()
    return found


def _delete(path: Path) -> None:
    """A file, or a folder with everything in it; of a link also what it leads to."""
    if path.is_symlink():
        _delete(path.resolve())
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
