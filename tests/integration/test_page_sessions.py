"""A feed ends with the session that it was opened in, and says so."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from aggregator.alerting.alerts import Publishing
from aggregator.api.token import COOKIE, Token, make_token, signed, token_of
from aggregator.console_api import Guarded, build
from aggregator.feed import hub
from aggregator.store import Database
from aggregator.store.pictures import PictureStore
from shared.files import write_secret
from shared.net import pick_free_port


@pytest.fixture
def guarded(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API with a token; its address."""
    monkeypatch.setattr(hub, "_PING_S", 0.2)
    make_token(tmp_path)
    port = pick_free_port()
    asks = Guarded(Token(tmp_path), "https://localhost", "0" * 64)
    app = build(database, PictureStore(tmp_path / "evidence"), Publishing(), console=tmp_path, guarded=asks)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def events(url: str, headers: dict[str, str], at_ping: int = 0, do: object = None) -> list[str]:
    """The names of the feed's events until it ends; after so many pings something is done."""
    found: list[str] = []
    with httpx.stream("GET", f"{url}/api/v1/feed", headers=headers, timeout=20, trust_env=False) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                found.append(value)
                if callable(do) and found.count("ping") == at_ping:
                    do()
    return found


def test_the_feed_ends_with_its_cookie(guarded: str, tmp_path: Path) -> None:
    cookie = signed(token_of(tmp_path), int(time.time()) + 3)
    found = events(guarded, {"cookie": f"{COOKIE}={cookie}"})
    assert found[0] == "session"
    assert found[-1] == "ended"
    assert "ping" in found
    again = httpx.get(f"{guarded}/api/v1/feed", headers={"cookie": f"{COOKIE}={cookie}"}, trust_env=False)
    assert again.status_code == 401


def test_a_new_token_ends_all_feeds(guarded: str, tmp_path: Path) -> None:
    old = token_of(tmp_path)

    def renew() -> None:
        path = tmp_path / "secrets" / "administrator.token"
        path.unlink()
        write_secret(path, b"another token that is long enough\n")

    bearer = {"authorization": f"Bearer {old}"}
    assert events(guarded, bearer, at_ping=2, do=renew)[-1] == "ended"
    assert httpx.get(f"{guarded}/api/v1/boxes", headers=bearer, trust_env=False).status_code == 401
    bearer = {"authorization": f"Bearer {token_of(tmp_path)}"}
    assert httpx.get(f"{guarded}/api/v1/boxes", headers=bearer, trust_env=False).status_code == 200
