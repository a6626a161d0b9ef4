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

from aggregator.jobs.work import Turn, Work
from aggregator.signals.domain import Job, domains
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


class JobRunner:
    """Jobs of one process.

    Args:
        process: whose; the jobs of one that is no longer there are forgotten.
    """

    def __init__(self, database: Database, process: str) -> None:
        self._database, self._process = database, process
        self._stopping = threading.Event()

    def start_declared(self, work: Work, processes: Collection[str]) -> None:
        """Begin all jobs that domains declare.

        Args:
            processes: that there are.
        """
        found = [
            (replace(job, name=f"{job.name}/{part}" if part else job.name), turn)
            for job in domains().jobs
            for part, turn in _by_name(resolve_name(job.turns)(work)).items()
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
        self._noted_s = float("-inf")
        self._trouble = TroubleLog(log)

    def serve(self, connection: Connection) -> None:
        """Take turns until it is stopped or the database fails."""
        job = self._job
        declared = {"name": job.name, "process": self._process, "every_s": job.every_s, "patience_s": job.patience_s}
        row = connection.execute(SQL["register"], declared).fetchone()
        # A database clock that was set back must not put it off for longer than its own time.
        wait_s = max(min(float(row["due_in_s"]) if row else 0.0, job.every_s), job.settles_s)
        while not self._stopping.wait(wait_s):
            wait_s = self.take_turn(connection)

    def take_turn(self, connection: Connection) -> float:
        """Take one turn and write down how it went.

        Returns:
            In how many seconds the next begins.

        Raises:
            psycopg.OperationalError: the database does not answer any more.
        """
        began_s = time.monotonic()
        try:
            self._turn(connection)
        except Exception as error:  # whatever it is, other jobs go on and it is tried again
            if isinstance(error, psycopg.OperationalError) and connection.closed:
                raise
            return self._failed(connection, error, time.monotonic() - began_s)
        now_s = time.monotonic()
        if self._failures or now_s >= self._noted_s + _NOTE_S:
            connection.execute(SQL["done"], {"name": self._job.name, "took_s": now_s - began_s})
            self._noted_s = now_s
        self._failures = 0
        self._trouble.over(f"job {self._job.name}: it is done again")
        return self._job.every_s

    def _failed(self, connection: Connection, error: Exception, took_s: float) -> float:
        self._failures += 1
        wait_s = min(_RETRY_S * 2.0 ** min(self._failures - 1, 20), max(self._job.every_s, 1.0))
        said = first_line(error) if isinstance(error, _EXPECTED) else f"{type(error).__name__}: {first_line(error)}"
        if not isinstance(error, _EXPECTED) and self._failures == 1:
            log.error("job %s: an unexpected error", self._job.name, exc_info=error)
        self._trouble.tell(f"job {self._job.name}: {said}; it is tried again in {wait_s:.0f} s")
        connection.execute(SQL["failed"], {"name": self._job.name, "took_s": took_s, "error": said[:500]})
        return wait_s


def _by_name(turns: Turn | Mapping[str, Turn]) -> Mapping[str, Turn]:
    return turns if isinstance(turns, Mapping) else {"": turns}
