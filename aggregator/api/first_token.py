"""The first token: whoever can read its file makes the first account with it, and with that it ends.

An installation from before there were accounts has it, too.
"""

import logging
import secrets
from pathlib import Path

from shared.errors import ConfigError
from shared.files import make_folder, write_secret
from shared.trouble_log import TroubleLog

_unread = TroubleLog(logging.getLogger(__name__))


def token_path(data_dir: Path) -> Path:
    """Where the first token is kept."""
    return data_dir / "secrets" / "administrator.token"


def token_of(data_dir: Path) -> str:
    """The first token.

    Raises:
        ConfigError: there is none; the message says what to do.
    """
    path = token_path(data_dir)
    try:
        found = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); make it: hawkline aggregator init") from None
    if len(found) < 20:
        raise ConfigError(f"{path}: too short for a token; delete it and make another: hawkline aggregator init")
    return found


def make_token(data_dir: Path) -> Path:
    """Make the token where there is none; returns its file."""
    path = token_path(data_dir)
    make_folder(path.parent, 0o700)
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32).encode() + b"\n")
    return path


class FirstToken:
    """The first token as its file has it now: who replaces it shuts out everybody who had the old one."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir, self._path = data_dir, token_path(data_dir)
        self._written = self._stamp()
        try:
            self._value = token_of(data_dir)
        except ConfigError as error:  # it has ended, or `doctor` says what to do
            self._value = secrets.token_urlsafe(32)
            _unread.tell(str(error))

    @property
    def value(self) -> str:
        """The token; while its file cannot be read, the one before."""
        written = self._stamp()
        if written != self._written:
            try:
                self._value, self._written = token_of(self._data_dir), written
                _unread.over(f"{self._path}: the token is read again")
            except ConfigError as error:
                _unread.tell(f"{error}; the token before still counts")
        return self._value

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_ino
