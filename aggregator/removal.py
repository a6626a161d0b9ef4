"""Takes away what an aggregator has left, and nothing else."""

import contextlib
import shutil
from pathlib import Path

from aggregator.config import AggregatorSettings
from aggregator.embedded.postgres import EmbeddedPostgres
from shared.errors import ConfigError
from shared.locks import hold

_LOCK = "aggregator.lock"
_OURS = ("postgres", "evidence", "broker.toml", "pids.json", _LOCK)


def remove(settings: AggregatorSettings, config: Path, *, sure: bool) -> list[Path]:
    """Delete the embedded database, the pictures and what else an aggregator writes into its data_dir.

    Returns:
        The places that are gone.

    Raises:
        ConfigError: no aggregator has run there, or `sure` is missing; then the message says what would go.
        UnavailableError: an aggregator runs there.
    """
    folder = settings.data_dir
    if not (folder / _LOCK).is_file():
        raise ConfigError(f"{config}: data_dir = {str(folder)!r}: no aggregator has run there; nothing to delete")
    with hold(folder / _LOCK, f"data_dir = {str(folder)!r}: an aggregator uses it; stop it first"):
        embedded = None if settings.database.dsn else EmbeddedPostgres(folder)
        found = [folder / name for name in _OURS if (folder / name).exists()]
        if embedded and embedded.folder.is_dir() and embedded.folder not in found:
            found.insert(0, embedded.folder)
        if not sure:
            raise ConfigError(f"--yes deletes for good: {', '.join(map(str, found))}")
        if embedded:
            embedded.remove()
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else lies there
        folder.rmdir()
    return found
