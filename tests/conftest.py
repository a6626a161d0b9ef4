"""Fixtures that every kind of test may use; and how a run is laid out: its folder, what goes first, what runs alone."""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TextIO

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from models.objects.finder import MODEL
from models.registry import Registry
from shared import net
from shared.real_data import data_root

ROOT = Path(__file__).parents[1]
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
"""Which of several processes this is, such as `gw0`; None where one process runs all tests."""
_TOGETHER = {"tests/integration/test_doctor.py", "tests/unit/test_power_cut.py"}
"""A centre, and the life of a card, for all tests of a file."""
_SPARE_BYTES = 5 * 2**30
"""That a run's files may take."""
_MEMORY = Path("/dev/shm")
_HELD = pytest.StashKey[TextIO]()
_OWN_FOLDER = pytest.StashKey[Path]()

# No test depends on absolute speed, and Hypothesis' own limits are such a dependence.
hypothesis.settings.register_profile("hawkline", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("hawkline")


class _OneByOne(LoadScopeScheduling):  # type: ignore[misc] - it has no types
    """Each worker takes the next test; only what shares a dear fixture of its module stays together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in _TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _OneByOne:
    """How tests are handed out (xdist's own groups stand in names of tests, which pytest 9.2 takes from it)."""
    return _OneByOne(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`./run test --thorough`: the same tests with as much of everything as their figures in docs/ are of."""
    parser.addoption("--thorough", action="store_true", help="many more kills, sign-ins, requests; takes hours")


@pytest.fixture
def amount(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """How much of something a test does: `amount(what the suite can wait for, what --thorough does)`."""
    is_thorough = bool(request.config.getoption("--thorough"))
    return lambda usual, thorough: thorough if is_thorough else usual


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder of its own, and a worker ports of its own.

    Pytest's own is shared by all runs of a user, and each run that begins closes it to other accounts: the PostgreSQL
    servers of the runs before it, which are such accounts, then lose their files.
    """
    if WORKER:
        # What was free when one worker picked it must not be picked by another before it is listened on.
        mine, of = int(WORKER.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        net._QUIET_PORTS = net._QUIET_PORTS[mine::of]
    elif config.option.basetemp is None:
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT") or _in_memory()
        if root == str(_MEMORY):
            _tidy()
        folder = Path(tempfile.mkdtemp(prefix="hawkline-tests-", dir=root))
        folder.chmod(0o755)
        # What a browser leaves behind goes with the rest.
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        os.environ["TMPDIR"], tempfile.tempdir = str(folder / "tmp"), None
        config.stash[_OWN_FOLDER] = folder
        config.stash[_HELD] = lock = (folder / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        config.option.basetemp = str(folder / "run")


def _in_memory() -> str | None:
    """A file system in memory, where the machine has plenty of it; None: the usual one.

    Hundreds of databases are made and dropped, each of a thousand files: on a disk that is half a second of a core for
    each, in memory a twentieth. What a power cut leaves is tried with simulated ones, not with the machine's.
    """
    available = 0
    try:
        system = os.statvfs(_MEMORY)
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
        bound = Path("/sys/fs/cgroup/memory.max")
        if bound.is_file() and (most := bound.read_text().strip()).isdecimal():
            available = min(available, int(most))
    except OSError:
        return None
    free, runs_programs = system.f_bavail * system.f_frsize, not system.f_flag & os.ST_NOEXEC
    is_plenty = free > _SPARE_BYTES and available > 2 * _SPARE_BYTES
    return str(_MEMORY) if runs_programs and is_plenty and os.access(_MEMORY, os.W_OK) else None


def _tidy() -> None:
    """What runs of before that failed have left in memory for their readers goes when another one begins."""
    for folder in _MEMORY.glob("hawkline-tests-*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _others_may_come_by(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Root's PostgreSQL runs as another account, which has to get at its files; what a test keeps private stays so."""
    base = tmp_path_factory.getbasetemp()
    for folder in (base, base.parent) if WORKER else (base,):
        folder.chmod(0o755)


@pytest.fixture(scope="session", autouse=True)
def _last_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A vital thread that fails ends its process, and what pytest had captured goes with it: why, stays in a file."""
    words = logging.FileHandler(tmp_path_factory.getbasetemp() / "last-words.log", delay=True)
    logging.getLogger("shared.threads").addHandler(words)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several workers none shall be left with a long test at the end: the one that may take longest goes first."""

    def turn(item: pytest.Item) -> tuple[bool, float]:
        limit = item.get_closest_marker("timeout")
        return item.get_closest_marker("alone") is not None, -float(limit.args[0]) if limit else 0.0

    if WORKER:
        items.sort(key=turn)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that is marked `alone` waits until the other workers' tests are over, and they wait for it.

    The wait is no part of the test's time.
    """
    if not WORKER:
        return (yield)
    with (Path(item.config.option.basetemp).parent / "alone.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        try:
            return (yield)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing alone would leave it to a child that was forked meanwhile


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a good run has left is of no use to the developer."""
    folder = session.config.stash.get(_OWN_FOLDER, None)
    if folder and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        shutil.rmtree(folder, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Say where to look after a bad one."""
    folder = terminalreporter.config.stash.get(_OWN_FOLDER, None)
    if folder and folder.exists() and exitstatus:
        terminalreporter.write_line(f"the tests' files stay in {folder}")


def skip_or_fail(reason: str) -> None:
    """A test that cannot run skips and says why; where CI=true it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _needed(folder: Path, what: str) -> Path:
    """A folder of real data; without it tests skip, and fail where CI=true."""
    if not folder.is_dir():
        skip_or_fail(f"{what} are not at {folder}; set HAWKLINE_DATA")
    return folder


@pytest.fixture
def real_video() -> Path:
    """Folder of the real videos."""
    return _needed(data_root() / "video", "real videos")


@pytest.fixture
def object_model() -> None:
    """The object detector, which set-up builds and a checkout alone does not have: then what needs it is skipped."""
    if not has_object_model():
        pytest.skip("the object model is not built: ./run setup does that (144 MB)")


def has_object_model() -> bool:
    """Whether it was built."""
    registry = Registry()
    return (registry.folder / registry.find(MODEL).file).is_file()


@pytest.fixture
def glyph_templates() -> Path:
    """Folder of the pictures of plates' characters."""
    return _needed(data_root() / "plates" / "glyphs", "templates of characters")
