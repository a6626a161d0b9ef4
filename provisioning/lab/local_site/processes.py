"""Parts as processes: started, watched, ended. None outlives us."""

import sys
from collections.abc import Sequence
from pathlib import Path

from shared.child_process import Child
from shared.errors import UnavailableError


class PartProcess(Child):
    """One `hawkline …` process; its output goes to a log file.

    Args:
        name: for messages.
        arguments: what follows `hawkline`.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        super().__init__([sys.executable, "-m", "shared", *arguments], log=log)
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)

    def require_alive(self) -> None:
        """Fail with the process's own words when it has ended.

        Raises:
            UnavailableError: it ended; carries the last lines of its log.
        """
        if self.exit_code is not None:
            raise UnavailableError(f"{self.name} ended with exit code {self.exit_code}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of the log: its last error line where there is one."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return "(no log)"
        errors = [line for line in lines[-20:] if line.startswith("error:")]
        return errors[-1] if errors else " | ".join(lines[-3:])
