"""People who sign in at a provider of identities, and what it may say for nothing."""

import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from aggregator.api.session import COOKIE
from aggregator.api.sign_in_page import PROVIDER_BACK_PAGE
from aggregator.config import AggregatorSettings, BrokerSettings, ProviderSettings, TrustSettings
from aggregator.installation.doctor import provider as examine_provider
from aggregator.people import passwords
from aggregator.people.identity_provider import ProviderRules
from aggregator.store import Database
from tests.integration.people import Centre, guarded, rows
from tests.simulators import identity_provider as simulator
from tests.simulators.identity_provider import LoopbackProvider, loopback_provider

LI = {"sub": "0001", "preferred_username": "Li.Ming@example.org", "name": "李明", "groups": ["guards", "choir"]}
GROUPS = {
    "guards": ("operator",),
    "chiefs": ("list-approver", "administrator"),
    "lost": ("operator@nowhere", "gaurd"),
}


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    with loopback_provider() as provider:
        provider.person = dict(LI)
        yield provider


@pytest.fixture
def centre(database: Database, tmp_path: Path, provider: LoopbackProvider) -> Iterator[Centre]:
    rules = ProviderRules(
        issuer=provider.issuer,
        client_id=simulator.CLIENT,
        secret=simulator.SECRET,
        label="单位帐号",
        name_claim="preferred_username",
        groups_claim="groups",
        groups=GROUPS,
        back=f"https://alarm.example.org:8420{PROVIDER_BACK_PAGE}",
        tls=ssl.create_default_context(),
    )
    with guarded(database, tmp_path, rules) as centre:
        yield centre


def leave(browser: httpx.Client) -> tuple[str, str]:
    """To the provider; returns the address there, and the cookie for the way back."""
    answer = browser.get("/sign-in/provider")
    assert answer.status_code == 303, answer.text
    (cookie,) = (each for each in answer.headers.get_list("set-cookie"))
    assert "samesite=lax" in cookie.lower()
    assert "httponly" in cookie.lower()
    return answer.headers["location"], cookie.partition(";")[0]


def back(browser: httpx.Client, address: str, cookie: str) -> httpx.Response:
    """From the provider; it knows us by our name, which is another on loopback."""
    away = httpx.get(address, trust_env=False)
    parts = urlsplit(away.headers["location"])
    return browser.get(f"{parts.path}?{parts.query}", headers={"cookie": cookie})


def sign_in(browser: httpx.Client) -> httpx.Response:
    return back(browser, *leave(browser))


def session_of(answer: httpx.Response) -> str:
    found = re.search(rf"{COOKIE}=([^;]+)", "\n".join(answer.headers.get_list("set-cookie")))
    return found[1] if found else ""


def test_who_signs_in_there_has_an_account_and_the_roles_of_the_groups(
    centre: Centre, provider: LoopbackProvider, database: Database
) -> None:
    with centre.client() as browser:
        assert "/sign-in/provider" not in browser.get("/sign-in").text, "the first account is one of here"
        centre.account("zhao", "administrator")
        assert '<a class="button other" href="/sign-in/provider">单位帐号</a>' in browser.get("/sign-in").text
        answer = sign_in(browser)
        assert (answer.status_code, "refresh" in answer.text) == (200, True)
        first = session_of(answer)
        with centre.client(cookie=first) as li:
            me = li.get("/api/v1/me").json()
            assert (me["name"], {each["right"] for each in me["rights"]} >= {"alerts.read", "pictures.see"}) == (
                "li-ming",
                True,
            )
            own = li.put("/api/v1/me/password", json={"old_password": "", "password": "a long enough one"})
            assert (own.status_code, "the provider of identities has it" in own.text) == (403, True)
            provider.person["groups"] = ["chiefs", "lost"]
            again = session_of(sign_in(browser))
            assert li.get("/api/v1/me").status_code == 401, "another role: what was begun before has ended"
        with centre.client(cookie=again) as li:
            rights = {each["right"] for each in li.get("/api/v1/me").json()["rights"]}
            assert "people.change" in rights
            assert not rights & {"pictures.see", "lists.approve"}, "an approver waits for a second administrator"
    (told,) = rows(database, "SELECT detail FROM audit WHERE what = 'role not given'")
    assert "nowhere" in str(told["detail"])
    assert "gaurd" in str(told["detail"])
    with centre.client(centre.key("admin", "administrator")) as admin:
        account, _ = admin.get("/api/v1/accounts").json()
        assert (account["title"], account["from_provider"], account["has_password"]) == ("李明", True, False)
        assert admin.post("/api/v1/accounts/li-ming/disable").status_code == 204
    with centre.client() as browser:
        assert sign_in(browser).status_code == 403


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "of another browser"},
    "no nonce": {"nonce": None},
    "for another": {"aud": "another"},
    "for others, too": {"aud": [simulator.CLIENT, "another"], "azp": "another"},
    "of another issuer": {"iss": "https://evil.example"},
    "over": {"exp": 1_700_000_000},
    "of tomorrow": {"iat": 4_000_000_000, "exp": 4_000_000_300},
    "not yet": {"nbf": 4_000_000_000},
    "without an end": {"exp": None},
    "of nobody": {"sub": None},
}


@pytest.mark.parametrize("lies", LIES.values(), ids=LIES)
def test_what_does_not_count(
    centre: Centre, provider: LoopbackProvider, database: Database, lies: dict[str, Any]
) -> None:
    provider.lies = lies
    with centre.client() as browser:
        answer = sign_in(browser)
        assert (answer.status_code, session_of(answer)) == (403, "")
        provider.lies = {}
        assert session_of(sign_in(browser))
    (told,) = rows(database, "SELECT subject FROM audit WHERE what = 'sign-in refused'")
    assert "does not count" in str(told["subject"])


def test_keys_that_do_not_count(centre: Centre, provider: LoopbackProvider) -> None:
    right = provider.signs
    provider.shown = [right]
    for algorithm, key in (("RS256", simulator.other_rsa_key()), ("HS256", simulator.shared_key()), ("none", right)):
        provider.algorithm, provider.signs = algorithm, key
        with centre.client() as browser:
            assert sign_in(browser).status_code == 403, algorithm
    provider.algorithm, provider.signs = "ES256", simulator.ec_key("two")
    before = provider.fetched_keys
    with centre.client() as browser:
        assert sign_in(browser).status_code == 403
        assert provider.fetched_keys <= before + 1, "a key that nobody knows makes nobody ask for ever"


def test_a_new_key_is_learnt(centre: Centre, provider: LoopbackProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.people.identity_provider._KEYS_S", 0.0)
    with centre.client() as browser:
        assert session_of(sign_in(browser))
        provider.algorithm, provider.signs = "ES256", simulator.ec_key("two")
        provider.shown = [provider.signs]
        assert session_of(sign_in(browser))


def test_only_the_browser_that_asked_comes_in(centre: Centre, provider: LoopbackProvider) -> None:
    """A code that another sends to somebody signs him in as nobody."""
    with centre.client() as browser, centre.client() as other:
        address, cookie = leave(browser)
        _, foreign = leave(other)
        for odd in (foreign, "", "__Host-hawkline-provider=x"):
            assert session_of(back(browser, address, odd)) == ""
        away = urlsplit(httpx.get(address, trust_env=False).headers["location"])
        (state,), (code,) = (parse_qs(away.query)[name] for name in ("state", "code"))
        assert session_of(browser.get(f"{away.path}?code={code}&state={state}x", headers={"cookie": cookie})) == ""
        done = browser.get(f"{away.path}?code={code}&state={state}", headers={"cookie": cookie})
        assert session_of(done)
        again = browser.get(f"{away.path}?code={code}&state={state}", headers={"cookie": cookie})
        assert session_of(again) == "", "a code counts once"
        address, cookie = leave(browser)
        (state,) = parse_qs(urlsplit(address).query)["state"]
        refused = browser.get(f"{away.path}?error=access_denied&state={state}", headers={"cookie": cookie})
        assert refused.status_code == 403


def test_a_name_of_here_is_not_taken_over(centre: Centre, provider: LoopbackProvider) -> None:
    centre.account("li-ming", "administrator")
    with centre.client() as browser:
        assert sign_in(browser).status_code == 403
        for odd in ("", "李明"):
            provider.person["preferred_username"] = odd
            assert sign_in(browser).status_code == 403
        provider.person |= {"preferred_username": "wang", "groups": ["choir"]}
        assert sign_in(browser).status_code == 403, "who may do nothing does not come in"
        provider.person["groups"] = "guards"
        assert session_of(sign_in(browser)), "one group alone, too"
    with centre.client(centre.key("admin", "administrator")) as admin:
        assert {each["name"] for each in admin.get("/api/v1/accounts").json()} == {"li-ming", "wang"}


def test_who_is_in_no_group_any_more_has_no_role_any_more(centre: Centre, provider: LoopbackProvider) -> None:
    with centre.client() as browser:
        before = session_of(sign_in(browser))
        provider.person["groups"] = []
        refused = sign_in(browser)
        assert (refused.status_code, session_of(refused)) == (403, "")
    with centre.client(cookie=before) as li, centre.client(centre.key("admin", "administrator")) as admin:
        assert li.get("/api/v1/me").status_code == 401
        assert not [each for each in admin.get("/api/v1/grants").json() if each["account"] == "li-ming"]


def test_the_last_administrator_stays_whatever_the_provider_says(
    centre: Centre, provider: LoopbackProvider, database: Database
) -> None:
    provider.person["groups"] = ["chiefs"]
    with centre.client() as browser:
        assert session_of(sign_in(browser))
        with database.connect("test") as connection:
            connection.execute("UPDATE accounts SET password = %s", (passwords.hashed("a long enough one"),))
        provider.person["groups"] = ["guards"]
        assert session_of(sign_in(browser))
    held = rows(database, "SELECT role FROM grants WHERE account = 'li-ming' AND NOT waits ORDER BY role")
    assert [row["role"] for row in held] == ["administrator", "operator"]
    (told,) = rows(database, "SELECT detail FROM audit WHERE what = 'role not given'")
    assert "nobody would be left" in str(told["detail"])


def test_two_whom_the_provider_has_made_are_not_two(centre: Centre, provider: LoopbackProvider) -> None:
    cookies = {}
    for name in ("x", "y", "z"):
        provider.person |= {"sub": name, "preferred_username": name, "groups": ["chiefs" if name != "z" else "guards"]}
        with centre.client() as browser:
            cookies[name] = session_of(sign_in(browser))
    centre.account("zhao", "administrator")
    with centre.client(cookie=cookies["x"]) as x, centre.client(cookie=cookies["y"]) as y:
        given = x.post("/api/v1/grants", json={"account": "z", "role": "list-approver"}).json()
        assert y.post(f"/api/v1/grants/{given['id']}/confirm").status_code == 403
        of_groups = next(each for each in y.get("/api/v1/grants").json() if each["account"] == "x" and each["waits"])
        assert y.post(f"/api/v1/grants/{of_groups['id']}/confirm").status_code == 403
    with centre.client(cookie=centre.cookie("zhao")) as zhao, centre.client(cookie=centre.cookie("z")) as z:
        assert z.get("/api/v1/me").status_code == 200
        assert not zhao.post(f"/api/v1/grants/{given['id']}/confirm").json()["waits"]
        assert z.get("/api/v1/me").status_code == 401, "who may do more signs in anew"


def test_strangers_fill_neither_the_audit_nor_the_provider(
    centre: Centre, provider: LoopbackProvider, database: Database
) -> None:
    with centre.client() as stranger:
        address, cookie = leave(stranger)
        (state,) = parse_qs(urlsplit(address).query)["state"]
        for number in range(20):
            path = f"{PROVIDER_BACK_PAGE}?state={state}&error=e{number}"
            assert stranger.get(path, headers={"cookie": cookie}).status_code in (401, 403)
        for _ in range(20):
            address, cookie = leave(stranger)
            (state,) = parse_qs(urlsplit(address).query)["state"]
            path = f"{PROVIDER_BACK_PAGE}?state={state}&code=junk"
            last = stranger.get(path, headers={"cookie": cookie}).status_code
        assert last == 429
    told = rows(database, "SELECT number FROM audit WHERE what = 'sign-in refused'")
    assert len(told) <= 5


def test_a_provider_without_keys(centre: Centre, provider: LoopbackProvider) -> None:
    provider.metadata_lies = {"jwks_uri": f"{provider.issuer}/nothing"}
    with centre.client() as browser:
        assert sign_in(browser).status_code == 403


def test_a_provider_that_lies_of_itself_or_is_away(centre: Centre, provider: LoopbackProvider) -> None:
    with centre.client() as browser:
        provider.metadata_lies = {"issuer": "https://evil.example"}
        assert browser.get("/sign-in/provider").status_code == 503
        provider.metadata_lies = {"token_endpoint": None}
        assert browser.get("/sign-in/provider").status_code == 503
        provider.metadata_lies = {"token_endpoint": "http://127.0.0.1:9/token"}
        began_s = time.monotonic()
        assert sign_in(browser).status_code == 403
        assert time.monotonic() - began_s < 10
        assert browser.get("/sign-in").status_code == 200, "accounts of here come in"
    with centre.database.connect("test") as connection:
        settings = AggregatorSettings(
            data_dir=centre.folder,
            trust=TrustSettings(names=("localhost",)),
            broker=BrokerSettings(kind="mosquitto"),
            provider=ProviderSettings(issuer=provider.issuer, client_id="x", groups=GROUPS),
        )
        found = [finding.detail for finding in examine_provider(settings, connection)]
    assert [("nowhere" in each, "gaurd" in each) for each in found] == [(True, False), (False, True)]
