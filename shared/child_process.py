"""Children that must not outlive their parent hold its pipe as standard input, and leave when it closes."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

VARIABLE = "HAWKLINE_LEASH"
_LEAVE_S = 30.0


class Child:
    """A process on a leash: it ends when we let go, or are gone, however we went.

    It has a session of its own, so that Ctrl+C reaches us alone and we decide who leaves when.

    Args:
        environment: added to ours.
        log: file that gets its output; without, it shares ours.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self._command, self._environment, self._log = list(command), dict(environment or {}), log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last life ended; None while it runs or before the first."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.pid is not None

    def start(self) -> None:
        """Begin a life."""
        environment = {**os.environ, VARIABLE: "1", **self._environment}
        if self._log is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, env=environment, start_new_session=True
            )
            return
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )

    def stop(self, leave_s: float = _LEAVE_S) -> None:
        """Let go, wait, and after `leave_s` end it by force."""
        if self._process is None:
            return
        self._let_go()
        try:
            self._process.wait(leave_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._let_go()

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()


def end_with_parent() -> None:
    """Where the parent has set HAWKLINE_LEASH=1: on the end of standard input, end as on SIGTERM."""
    if os.environ.pop(VARIABLE, "") == "1":
        threading.Thread(target=_wait, name="end-with-parent", daemon=True).start()


def wait_for_end() -> None:
    """Block until standard input closes. Unbuffered: a buffered read would hold a lock at interpreter shutdown."""
    while os.read(0, 4096):
        pass


def _wait() -> None:
    wait_for_end()
    os.kill(os.getpid(), signal.SIGTERM)
