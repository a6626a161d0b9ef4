"""`hawkline doctor` finds what is not as it has to be; people's port lets in who is known alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.config import load_aggregator_settings
from aggregator.trust import authority
from aggregator.trust.vault import Vault
from provisioning.lab.local_site.trusted import CommandError, TrustedAggregator
from shared.errors import ConfigError
from shared.trust import client_context, read_root
from tests.integration.trusted import whole_centre


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustedAggregator]:
    with whole_centre(tmp_path_factory.mktemp("trusted")) as centre:
        centre.start()
        yield centre


def findings(centre: TrustedAggregator) -> dict[str, str]:
    """What is not right, by what it is about."""
    try:
        said = centre.command("doctor", "--config", str(centre.config), "-o", "json")
    except CommandError as error:
        said = error.printed
    rows = [json.loads(line) for line in said.splitlines()]
    return {row["check"]: row["detail"] for row in rows if row["ok"] == "NO"}


def test_nothing_is_wrong_with_what_init_makes(centre: TrustedAggregator) -> None:
    assert findings(centre) == {}


def test_what_is_wrong_is_found_and_told_what_to_do(centre: TrustedAggregator) -> None:
    data, vault = centre.folder / "data", Vault(centre.folder / "data" / "trust")
    issuer = vault.issuers()[-1]
    server, soon = (
        vault.credentials_path("server"),
        issuer.certificate.not_valid_before_utc - authority.SERVICE_LIFE * 0.9,
    )
    kept = {path: path.read_bytes() for path in (server, data / "broker" / "mosquitto.conf", vault.revoked_path)}
    try:
        authority.new_server(issuer, "server", ["localhost", "127.0.0.1"], soon).write(server)
        (data / "broker" / "mosquitto.conf").write_text("listener 1883\n")
        vault.revoked_path.unlink()
        (data / "secrets" / "administrator.token").chmod(0o644)
        found = findings(centre)
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
        (data / "secrets" / "administrator.token").chmod(0o600)
    assert "chmod -R go=" in found[str(data / "secrets")]
    assert "renews it" in found["certificate: server"]
    assert "hawkline ca crl" in found["certificate: revocation list"]
    assert "hawkline broker config" in found["mosquitto.conf"]
    assert len(found) == 4
    assert findings(centre) == {}


@pytest.fixture
def stranger(centre: TrustedAggregator) -> Iterator[httpx.Client]:
    """A stranger who knows the root and no token."""
    context = client_context(read_root(centre.root_path))
    with httpx.Client(base_url=centre.url, verify=context, trust_env=False, timeout=10) as client:
        yield client


PASSWORD = "a long enough one"


def key(centre: TrustedAggregator) -> str:
    return centre.key_path.read_text().strip()


def test_nobody_is_let_in_who_is_not_known(centre: TrustedAggregator, stranger: httpx.Client) -> None:
    for path in (
        "/api/v1/alerts",
        "/api/v1/feed",
        "/api/v1/openapi.json",
        "/metrics",
        "/api/v1/evidence/" + "0" * 64,
        "/",
    ):
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert "Bearer" in answer.headers["www-authenticate"]
    for header in ("Bearer wrong", f"Basic {key(centre)}", "Bearer", f"Bearer {key(centre)[:-1]}"):
        assert stranger.get("/api/v1/alerts", headers={"authorization": header}).status_code == 401
    for name in (
        "x-forwarded-user",
        "x-remote-user",
        "x-forwarded-for",
        "forwarded",
        "x-original-url",
        "x-rewrite-url",
    ):
        assert stranger.get("/api/v1/alerts", headers={name: "127.0.0.1"}).status_code == 401
    assert stranger.put("/api/v1/evidence/" + "0" * 64, content=b"x").status_code == 401
    assert stranger.get("/readyz").status_code == 200


def test_a_browser_signs_in_once(centre: TrustedAggregator, stranger: httpx.Client) -> None:
    sent = stranger.get("/", headers={"accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")
    page = stranger.get("/sign-in")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    person = {"name": "li", "title": "李明", "password": PASSWORD}
    assert centre.http.post("/api/v1/accounts", json=person).status_code == 201
    assert centre.http.post("/api/v1/grants", json={"account": "li", "role": "planner"}).is_success
    assert centre.http.post("/api/v1/grants", json={"account": "li", "role": "operator"}).is_success
    assert stranger.post("/sign-in", data={"name": "li", "password": "wrong"}).status_code == 401
    assert stranger.post("/sign-in", content=b"name=li&password=" + b"x" * 9000).status_code == 413
    answer = stranger.post("/sign-in", data={"name": "li", "password": PASSWORD})
    assert answer.status_code == 303
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == [COOKIE, BROWSER_COOKIE]
    for cookie in cookies:
        assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
    assert stranger.get("/api/v1/alerts").status_code == 200
    assert stranger.get("/api/v1/audit").json()["detail"].startswith("the right audit.read is missing")
    # A page of a stranger cannot change anything with it, whatever the browser sends along.
    plain = centre.url.replace("https://", "http://")
    for origin in (None, "https://evil.example", "null", f"http://localhost:{centre.api_port + 1}", plain):
        headers = {"origin": origin} if origin else {}
        assert stranger.put("/api/v1/places/north", json={}, headers=headers).status_code == 403, origin
    own = stranger.put("/api/v1/places/north", json={}, headers={"origin": centre.url})
    assert own.status_code < 300
    newest = centre.http.get("/api/v1/audit", params={"limit": 1}).json()[0]
    assert (newest["who"], newest["what"]) == ("li", "PUT /api/v1/places/{name}")
    assert PASSWORD not in centre.http.get("/api/v1/audit", params={"limit": 1000}).text
    kept = stranger.cookies.get(COOKIE)
    out = stranger.post("/sign-in/out", headers={"origin": centre.url})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert stranger.get("/api/v1/alerts", headers={"cookie": f"{COOKIE}={kept}"}).status_code == 401


def test_cookies_that_were_not_given_are_worth_nothing(stranger: httpx.Client) -> None:
    for value in ("x", "", "9" * 300, "hlk_x", '"\\000"'):
        assert stranger.get("/api/v1/alerts", headers={"cookie": f"{COOKIE}={value}"}).status_code == 401


def test_people_do_not_get_an_answer_in_plain_text(centre: TrustedAggregator) -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.get(f"http://localhost:{centre.api_port}/healthz")


def test_settings_that_would_leave_loopback_in_plain_text_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "aggregator.toml"
    for text, words in (
        ('[api]\nhost = "0.0.0.0"\n', "certificates are needed"),
        ('[broker]\nhost = "192.0.2.1"\nkind = "other"\n', "certificates are needed"),
        ('[broker]\nkind = "mosquitto"\n', "needs the table [trust]"),
        ('[trust]\nnames = ["x"]\n', "speaks plain text only"),
        ('[trust]\nnames = []\n[broker]\nkind = "mosquitto"\n', "trust.names"),
    ):
        config.write_text(f'data_dir = "data"\n{text}')
        with pytest.raises(ConfigError) as told:
            load_aggregator_settings(config)
        assert words in str(told.value)
    command = [sys.executable, "-m", "shared", "aggregator", "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert words in done.stderr, done.stderr
