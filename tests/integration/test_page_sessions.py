"""A feed ends with the session that it was opened in, and says so."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aggregator.feed import hub
from aggregator.store import Database
from tests.integration.people import Centre, guarded


@pytest.fixture
def centre(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    monkeypatch.setattr(hub, "_PING_S", 0.2)
    monkeypatch.setattr("aggregator.api.feed._LOOK_S", 0.2)
    with guarded(database, tmp_path) as centre:
        yield centre


def events(client: httpx.Client, at_ping: int = 0, do: object = None) -> list[str]:
    """The names of the feed's events until it ends; after so many pings something is done."""
    found: list[str] = []
    with client, client.stream("GET", "/api/v1/feed") as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                found.append(value)
                if callable(do) and value == "ping" and found.count("ping") == at_ping:
                    do()
    return found


def test_the_feed_ends_with_its_session(centre: Centre) -> None:
    centre.account("li", "operator")
    cookie = centre.cookie("li", lasts_s=3)
    found = events(centre.client(cookie=cookie))
    assert found[0] == "session"
    assert found[-1] == "ended"
    assert "ping" in found
    with centre.client(cookie=cookie) as again:
        assert again.get("/api/v1/feed").status_code == 401


def test_a_session_that_is_ended_elsewhere_ends_the_feed(centre: Centre) -> None:
    centre.account("li", "operator")
    admin = centre.client(centre.key("admin", "administrator"))

    def end() -> None:
        (session,) = admin.get("/api/v1/sessions").json()
        assert (session["account"], session["browser"]) == ("li", "a test")
        assert admin.delete(f"/api/v1/sessions/{session['id']}").status_code == 204

    cookie = centre.cookie("li")
    assert events(centre.client(cookie=cookie), at_ping=2, do=end)[-1] == "ended"
    with centre.client(cookie=cookie) as again:
        assert again.get("/api/v1/boxes").status_code == 401
    admin.close()


def test_a_key_that_is_revoked_ends_its_feeds(centre: Centre) -> None:
    admin, program = centre.client(centre.key("admin", "administrator")), centre.key("screen", "operator")

    def revoke() -> None:
        assert admin.post("/api/v1/keys/screen/revoke").status_code == 204

    assert events(centre.client(program), at_ping=2, do=revoke)[-1] == "ended"
    with centre.client(program) as again:
        assert again.get("/api/v1/boxes").status_code == 401
    admin.close()
