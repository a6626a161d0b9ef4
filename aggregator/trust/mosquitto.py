"""Mosquitto as the broker of a deployment: its configuration from ours, and the process where it is ours to run."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.trust.roles import initial
from aggregator.trust.vault import SERVER, Vault
from shared.child_process import Child
from shared.errors import UnavailableError
from shared.files import write_secret
from shared.net import is_listening, require_free_port
from shared.topics import Address

_START_S, _LEAVE_S = 15.0, 10.0
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")
_PLUGIN = "mosquitto_dynamic_security.so"
_OLDEST = (2, 0)
_TEXT = """# Written by `hawkline broker config` from the aggregator's file; changes here are lost.
per_listener_settings false
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folder}/roles.json
persistence true
persistence_location {folder}/
autosave_interval 60
pid_file {folder}/mosquitto.pid
log_dest stderr
log_type error
log_type warning
max_packet_size 262144
# Or an alarm waits for the acknowledgement of what went before it.
set_tcp_nodelay true
# A box has at most 64 alarms and 8 batches of 4 KB under way, so no box's queue is longer.
max_queued_messages 4096
max_queued_bytes 33554432
max_inflight_messages 200
{user}
# Boxes. Who a box is says its certificate: user name, client id and role follow from it.
listener {box_port} {box_host}
{tls}
use_username_as_clientid true

# The centre's own services.
listener {port} {host}
{tls}
"""
_TLS = """cafile {root}
certfile {server}
keyfile {server}
crlfile {revoked}
tls_version tlsv1.3
require_certificate true
use_identity_as_username true"""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the broker listens: for the centre, and for boxes."""

    host: str
    port: int
    box_host: str
    box_port: int


def program() -> str:
    """Mosquitto's path.

    Raises:
        UnavailableError: it is not installed, or too old.
    """
    found = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if not found:
        raise UnavailableError("mosquitto is missing; install it (Debian: apt install mosquitto)")
    version = program_version(found)
    if version < _OLDEST:
        raise UnavailableError(f"{found}: version {'.'.join(map(str, version))} is too old, expected 2.0 or later")
    return found


def program_version(path: str) -> tuple[int, ...]:
    """Its version; (0,) where it does not say."""
    said = subprocess.run([path, "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"mosquitto version (\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)


def plugin() -> str:
    """Path of the dynamic security plugin.

    Raises:
        UnavailableError: it is not there.
    """
    for folder in map(Path, _LIBRARIES):
        for found in (*folder.glob(_PLUGIN), *folder.glob(f"*/{_PLUGIN}")):
            return str(found)
    raise UnavailableError(f"{_PLUGIN} is missing, looked below {', '.join(_LIBRARIES)}; it comes with mosquitto 2")


def configuration(vault: Vault, folder: Path, listeners: Listeners) -> str:
    """The text of mosquitto.conf."""
    server = vault.credentials_path(SERVER)
    tls = _TLS.format(root=vault.root_path, server=server, revoked=vault.revoked_path)
    return _TEXT.format(
        plugin=plugin(),
        folder=folder,
        # Root would change to an account that cannot read our keys.
        user="user root\n" if os.geteuid() == 0 else "",
        tls=tls,
        host=listeners.host,
        port=listeners.port,
        box_host=listeners.box_host,
        box_port=listeners.box_port,
    )


def write_configuration(
    vault: Vault, folder: Path, listeners: Listeners, boxes: Iterable[Address] | None = None
) -> Path:
    """Write mosquitto.conf, and who may do what.

    Args:
        boxes: who may come in. None: only a file that is absent or damaged is written anew, with the services alone.

    Returns:
        The path of mosquitto.conf.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, roles = folder / "mosquitto.conf", folder / "roles.json"
    write_secret(path, configuration(vault, folder, listeners).encode())
    if boxes is not None or not _is_whole(roles):
        write_secret(roles, json.dumps(initial(boxes or ()), indent=1).encode())
    return path


def _is_whole(roles: Path) -> bool:
    """Mosquitto starts with half a file, too, and then lets no client in, its administrator neither."""
    try:
        return bool({"clients", "roles"} <= json.loads(roles.read_bytes()).keys())
    except (OSError, ValueError, AttributeError):
        return False


def reload(folder: Path) -> bool:
    """Have a running mosquitto read certificates and revocation lists again; False where it is not ours to tell."""
    return _send(folder, signal.SIGHUP)


def end(folder: Path) -> bool:
    """Have a running mosquitto end, and with it every connection: lists are read when a client connects, not later.

    Whoever keeps it running starts it again. False where it is not ours to tell.
    """
    return _send(folder, signal.SIGTERM)


def _send(folder: Path, what: signal.Signals) -> bool:
    try:
        pid = int((folder / "mosquitto.pid").read_text())
        if "mosquitto" not in Path(f"/proc/{pid}/comm").read_text():
            return False
        os.kill(pid, what)
    except (OSError, ValueError):
        return False
    return True


class Mosquitto:
    """A mosquitto process of ours. It ends with us, however we end.

    Args:
        boxes: tells who may come in, at each start; None leaves it to the broker access of a running broker.
    """

    def __init__(
        self, vault: Vault, folder: Path, listeners: Listeners, boxes: Callable[[], Iterable[Address]] | None = None
    ) -> None:
        self._vault, self._folder, self._listeners, self._boxes = vault, folder, listeners, boxes
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child else None

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.pid is not None

    def start(self) -> None:
        """Start and wait until it listens.

        Raises:
            PortInUseError: a port is taken.
            UnavailableError: it does not come up.
        """
        ends = self._listeners
        places: Sequence[tuple[str, int, str]] = (
            (ends.host, ends.port, "broker.port"),
            (ends.box_host, ends.box_port, "broker.box_port"),
        )
        for host, port, key in places:
            require_free_port(host, port, key)
        boxes = self._boxes() if self._boxes else None
        config = write_configuration(self._vault, self._folder, ends, boxes)
        command = [program(), "-c", str(config)]
        self._child = Child(["setpriv", "--pdeathsig", "TERM", "--", *command], log=self._folder / "mosquitto.log")
        self._child.start()
        deadline_s = time.monotonic() + _START_S
        while not all(is_listening(reachable(host), port, timeout_s=0.5) for host, port, _ in places):
            if not self._child.is_running() or time.monotonic() > deadline_s:
                self.stop()
                raise UnavailableError(f"mosquitto did not start; {self._folder / 'mosquitto.log'} says why")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; what it holds for boxes that are away is written."""
        if self._child is None:
            return
        if pid := self._child.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._child.stop(_LEAVE_S)


def reachable(host: str) -> str:
    """An address at which we reach what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
