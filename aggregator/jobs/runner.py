"""Runs jobs, each turn on a thread and a connection of its own: a slow one holds up no other.

A turn may raise what it likes: that is written down and told, and it is tried again, soon at first. It rings when that
goes on for longer than the job's patience (`aggregator.domains.operations.job_watch`).
"""

import logging
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pkgutil import resolve_name

import psycopg

from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.declarations import Job, domains
from aggregator.store.database import Connection, Database, first_line
from aggregator.store.queries import load_queries
from shared.errors import HawklineError, UnavailableError
from shared.threads import start_vital
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)
SQL = load_queries(__package__)

_RETRY_S = 5.0
_NOTE_S = 5.0
"""A job that is done every second does not write that down each time."""
_EXPECTED = (HawklineError, psycopg.Error, OSError)
"""What says enough in one line. All else is a fault of ours, and its traceback is wanted."""


class JobError(HawklineError):
    """A job cannot be done."""


class JobRunner:
    """Jobs of one process.

    Args:
        process: whose; the jobs of one that is no longer there are forgotten.
    """

    def __init__(self, database: Database, process: str) -> None:
        self._database, self._process = database, process
        self._stopping = threading.Event()

    def start_declared(self, work: JobContext, processes: Collection[str]) -> None:
        """Begin all jobs that domains declare.

        Args:
            processes: that there are.
        """
        found = [
            (replace(job, name=f"{job.name}/{part}" if part else job.name), turn)
            for job in domains().jobs
            for part, turn in _turns(job, work).items()
        ]
        there = {"process": self._process, "names": [job.name for job, _ in found], "processes": list(processes)}
        try:
            with self._database.connect("jobs", autocommit=True) as connection:
                connection.execute(SQL["forget_jobs"], there)
        except (UnavailableError, psycopg.Error) as error:  # with the next start
            log.warning("jobs: what is declared no more is not forgotten: %s", first_line(error))
        for job, turn in found:
            self.start(job, turn)

    def start(self, job: Job, turn: Turn) -> None:
        """Begin a job, which no other process runs."""
        one = RunningJob(job, self._process, turn, self._stopping)
        serve = partial(self._database.keep_serving, job.name, one.serve, autocommit=True, stopping=self._stopping)
        start_vital(f"job-{job.name}", serve)

    def stop(self) -> None:
        """Begin no more turns."""
        self._stopping.set()


class RunningJob:
    """One job, and how it goes."""

    def __init__(self, job: Job, process: str, turn: Turn, stopping: threading.Event) -> None:
        self._job, self._process, self._turn, self._stopping = job, process, turn, stopping
        self._failures = 0
        self._registered = False
        self._lost = ""
        """What ended the turn that lost its connection, until that is written down."""
        self._noted_s = float("-inf")
        self._trouble = TroubleLog(log)

    def serve(self, connection: Connection) -> None:
        """Take turns until it is stopped or the database fails; then `keep_serving` calls it again."""
        if self._job.takes_long:
            connection.execute("SET statement_timeout = 0")
        wait_s = self._begin(connection)
        while not self._stopping.wait(wait_s):
            wait_s = self.take_turn(connection)

    def _begin(self, connection: Connection) -> float:
        """Register with the start of its process; after a lost connection write down how that turn ended."""
        if self._lost:
            said, self._lost = self._lost, ""
            return self._failed(connection, said, 0.0)
        if self._registered:
            return min(_RETRY_S, self._job.every_s)
        job = self._job
        declared = {"name": job.name, "process": self._process, "every_s": job.every_s, "patience_s": job.patience_s}
        row = connection.execute(SQL["register"], declared).fetchone()
        self._registered = True
        # A database clock that was set back must not put it off for longer than its own time.
        return max(min(float(row["due_in_s"]) if row else 0.0, job.every_s), job.settles_s)

    def take_turn(self, connection: Connection) -> float:
        """Take one turn and write down how it went.

        Returns:
            In how many seconds the next begins.

        Raises:
            psycopg.OperationalError: the database does not answer any more, or has ended the connection; `serve` writes
                that down with the next one.
        """
        began_s = time.monotonic()
        try:
            self._turn(connection)
        except Exception as error:  # whatever it is, other jobs go on and it is tried again
            expected = isinstance(error, _EXPECTED)
            said = first_line(error) if expected else f"{type(error).__name__}: {first_line(error)}"
            if not expected and not self._failures:
                log.error("job %s: an unexpected error", self._job.name, exc_info=error)
            if connection.closed:
                self._lost = said
                raise psycopg.OperationalError(said) from error
            return self._failed(connection, said, time.monotonic() - began_s)
        now_s = time.monotonic()
        if self._failures or now_s >= self._noted_s + _NOTE_S:
            connection.execute(SQL["done"], {"name": self._job.name, "took_s": now_s - began_s})
            self._noted_s = now_s
        self._failures = 0
        self._trouble.over(f"job {self._job.name}: it is done again")
        return self._job.every_s

    def _failed(self, connection: Connection, said: str, took_s: float) -> float:
        self._failures += 1
        wait_s = min(_RETRY_S * 2.0 ** min(self._failures - 1, 20), max(self._job.every_s, 1.0))
        self._trouble.tell(f"job {self._job.name}: {said}; it is tried again in {wait_s:.0f} s")
        connection.execute(SQL["failed"], {"name": self._job.name, "took_s": took_s, "error": said[:500]})
        return wait_s


def _turns(job: Job, work: JobContext) -> Mapping[str, Turn]:
    """A job's turns by name. Where they cannot be made, that is what its turn says: other jobs go on."""
    try:
        turns = resolve_name(job.turns)(work)
    except Exception as error:  # noqa: BLE001 - it may be another distribution's
        cause = error

        def fail(_connection: Connection) -> None:
            raise JobError(f"{job.turns} cannot be made: {type(cause).__name__}: {first_line(cause)}")

        return {"": fail}
    return turns if isinstance(turns, Mapping) else {"": turns}
