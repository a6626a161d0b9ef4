"""Parts as processes: started, watched, ended. None outlives us."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.errors import UnavailableError
from shared.leash import VARIABLE

_LEAVE_S = 30.0


class PartProcess:
    """One `hawkline …` process; its output goes to a log file.

    Args:
        name: for messages and the log's name.
        arguments: what follows `hawkline`.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name, self.log = name, log
        self._command = [sys.executable, "-m", "shared", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        log.parent.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        """Process id of the present or last life."""
        if self._process is None:
            raise UnavailableError(f"{self.name} has not been started")
        return self._process.pid

    def start(self) -> None:
        """Begin; the child leaves when we do."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, VARIABLE: "1"},
            )

    def require_alive(self) -> None:
        """Fail with the process's own words when it has ended.

        Raises:
            UnavailableError: it ended; carries the last lines of its log.
        """
        if self._process is not None and self._process.poll() is not None:
            raise UnavailableError(f"{self.name} ended with exit code {self._process.returncode}: {self.last_words()}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._let_go()

    def stop(self) -> int | None:
        """SIGTERM, then wait; by force after half a minute. Returns the exit code."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._let_go()
        return self._process.returncode

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()

    def last_words(self) -> str:
        """The end of the log: its last error line where there is one."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return "(no log)"
        errors = [line for line in lines[-20:] if line.startswith("error:")]
        return errors[-1] if errors else " | ".join(lines[-3:])
