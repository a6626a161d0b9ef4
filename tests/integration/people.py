"""A centre that asks who one is, on loopback; people and programs as an administrator would have made them."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn

from aggregator.alerting.alerts import Publishing
from aggregator.api.first_token import FirstToken, make_token, token_of
from aggregator.api.session import COOKIE
from aggregator.console_api import Guarded, build
from aggregator.people import accounts, grants, keys, sessions
from aggregator.people.grants import Holder
from aggregator.people.identity_provider import ProviderRules
from aggregator.people.principal import Principal
from aggregator.people.sealing import Sealer
from aggregator.store import Database
from aggregator.store.pictures import PictureStore
from aggregator.store.scope import EVERYWHERE
from shared.net import pick_free_port
from tests.integration.conftest import NO_ROOTS

FOUNDER = Principal("founder", EVERYWHERE)
PASSWORD = "correct horse battery"
EVERYTHING = "administrator", "operator", "shift-leader", "list-requester"


@dataclass(frozen=True, slots=True)
class Centre:
    """One that runs."""

    url: str
    folder: Path
    database: Database

    @property
    def first_token(self) -> str:
        return token_of(self.folder)

    def key(self, name: str, *roles: str) -> str:
        """A key with these roles, each `ROLE` or `ROLE@PLACE`."""
        with self.database.connect("test") as connection:
            key = keys.add(connection, FOUNDER, name, timedelta(days=1))
            for role in roles:
                given, _, place = role.partition("@")
                grants.give(connection, FOUNDER, Holder(key=name), given, place or None)
        return key

    def account(self, name: str, *roles: str, password: str = PASSWORD) -> None:
        """An account with these roles."""
        with self.database.connect("test") as connection:
            accounts.add(connection, FOUNDER, name, "", password)
            for role in roles:
                given, _, place = role.partition("@")
                grants.give(connection, FOUNDER, Holder(account=name), given, place or None)

    def cookie(self, account: str, lasts_s: float | None = None) -> str:
        """What the browser of a session keeps that has just begun."""
        with self.database.connect("test") as connection:
            kept, _ = sessions.begin(
                connection, grants.identity(connection, Holder(account=account)), "127.0.0.1", "a test"
            )
            if lasts_s is not None:
                until = "UPDATE sessions SET until = now() + %s WHERE hash = %s"
                connection.execute(until, (timedelta(seconds=lasts_s), sessions.digest(kept)))
        return kept

    def client(self, key: str = "", cookie: str = "") -> httpx.Client:
        """A program with a key, a browser with a session, or a stranger."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        if cookie:
            headers |= {"cookie": f"{COOKIE}={cookie}", "origin": self.url}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, verify=NO_ROOTS)


@contextmanager
def guarded(database: Database, folder: Path, provider: ProviderRules | None = None) -> Iterator[Centre]:
    """Serve."""
    make_token(folder)
    port = pick_free_port()
    asks = Guarded(FirstToken(folder), Sealer(folder), "https://localhost", "0" * 64, provider)
    app = build(database, PictureStore(folder / "evidence"), Publishing(), console=folder / "console", guarded=asks)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield Centre(f"http://127.0.0.1:{port}", folder, database)
    finally:
        server.should_exit = True
        thread.join(10)


def rows(database: Database, statement: str, values: Sequence[object] = ()) -> list[dict[str, object]]:
    """What a statement finds."""
    with database.connect("test") as connection:
        return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
