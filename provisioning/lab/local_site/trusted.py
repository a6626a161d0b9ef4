"""An aggregator of our own with certificates: made by `hawkline aggregator init`, with mosquitto, on loopback."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from provisioning.lab.local_site.processes import PartProcess
from shared.errors import UnavailableError
from shared.files import write_secret
from shared.net import pick_free_port
from shared.trust import client_context, read_root

_TEXT = """data_dir = "data"

[api]
port = {api_port}

[broker]
kind = "mosquitto"
port = {broker_port}
box_host = "127.0.0.1"
box_port = {box_port}

[trust]
names = ["localhost", "127.0.0.1"]
host = "127.0.0.1"
port = {door_port}
"""
_READY_S = 180.0
_ROLES = "administrator", "operator", "shift-leader", "list-requester"
_COMMAND_S = 600.0


class CommandError(UnavailableError):
    """A command has failed; `printed` is what it had to say before."""

    def __init__(self, message: str, printed: str) -> None:
        super().__init__(message)
        self.printed = printed


class TrustedAggregator:
    """Written into a folder, prepared, started as a process.

    Args:
        folder: of configuration, data, root's key and log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.config, self.root_key = folder, folder / "aggregator.toml", folder / "root.key"
        self.api_port, self.broker_port, self.box_port, self.door_port = (pick_free_port() for _ in range(4))
        self.url, self.door_url = f"https://localhost:{self.api_port}", f"https://localhost:{self.door_port}"
        arguments = ["aggregator", "run", "--config", str(self.config)]
        self.process = PartProcess("aggregator", arguments, folder / "logs" / "aggregator.log")
        self.http = httpx.Client()

    @property
    def root_path(self) -> Path:
        """The deployment's root certificate."""
        return self.folder / "data" / "trust" / "root.pem"

    def prepare(self) -> str:
        """Write the configuration and have everything made; returns what `init` said."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = {"api_port": self.api_port, "broker_port": self.broker_port}
        text = _TEXT.format(**ports, box_port=self.box_port, door_port=self.door_port)
        self.config.write_text(text, encoding="utf-8")
        keys = ("--root-key", str(self.root_key), "--no-passphrase")
        said = self.command("aggregator", "init", "--config", str(self.config), *keys)
        self._ask_as(self.first_token)
        return said

    @property
    def first_token(self) -> str:
        """That makes the first account, or key."""
        return (self.folder / "data" / "secrets" / "administrator.token").read_text().strip()

    @property
    def key_path(self) -> Path:
        """Of the key that commands ask with."""
        return self.folder / "data" / "secrets" / "hawkline.key"

    def _ask_as(self, key: str) -> None:
        self.http.close()
        self.http = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {key}"},
            verify=client_context(read_root(self.root_path)),
            timeout=30,
            trust_env=False,
        )

    def _take_key(self) -> None:
        """With the first token make a key that may do all, as somebody does who sets a centre up; once."""
        if not self.key_path.is_file() or not self.key_path.read_text().startswith("hlk_"):
            roles = [{"role": role} for role in _ROLES]
            made = self.http.post("/api/v1/keys", json={"name": "laboratory", "roles": roles})
            made.raise_for_status()
            write_secret(self.key_path, made.json()["key"].encode())
        self._ask_as(self.key_path.read_text().strip())

    def start(self) -> None:
        """Start, and wait until it takes events.

        Raises:
            UnavailableError: it ended, or was not ready in time.
        """
        self.process.start()
        deadline_s = time.monotonic() + _READY_S
        while time.monotonic() < deadline_s:
            self.process.require_alive()
            with contextlib.suppress(httpx.HTTPError):
                if self.http.get("/readyz").status_code == 200 and self._door_answers():
                    self._take_key()
                    return
            time.sleep(0.1)
        raise UnavailableError(f"the aggregator was not ready after {_READY_S:.0f} s; see {self.process.log}")

    def _door_answers(self) -> bool:
        context = client_context(read_root(self.root_path))
        with httpx.Client(verify=context, trust_env=False) as client:
            return client.get(f"{self.door_url}/.well-known/est/cacerts").status_code == 200

    def command(self, *arguments: str) -> str:
        """What a `hawkline` command prints, run as this aggregator's administrator.

        Raises:
            CommandError: it failed; with its own words.
        """
        environment = {
            **os.environ,
            "HAWKLINE_URL": self.url,
            "HAWKLINE_TOKEN_FILE": str(self.key_path),
            "HAWKLINE_ROOT": str(self.root_path),
        }
        done = subprocess.run(
            [sys.executable, "-m", "shared", *arguments],
            capture_output=True, text=True, check=False, timeout=_COMMAND_S, env=environment,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(f"hawkline {' '.join(arguments[:2])}: {done.stderr.strip()}", done.stdout)
        return done.stdout

    def stop(self) -> None:
        """End it."""
        self.process.stop()
        self.http.close()
