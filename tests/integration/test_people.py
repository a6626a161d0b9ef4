"""Who may come in, and how: accounts, roles, keys, sessions, and what strangers try."""

import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import argon2
import httpx
import pytest

from aggregator.api.refusals import Refusals
from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.config import AggregatorSettings, BrokerSettings, TrustSettings
from aggregator.installation.doctor import people
from aggregator.people import passwords
from aggregator.store import Database
from tests.integration.people import EVERYTHING, PASSWORD, Centre, guarded, rows


@pytest.fixture
def centre(database: Database, tmp_path: Path) -> Iterator[Centre]:
    with guarded(database, tmp_path) as centre:
        yield centre


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/sign-in", data={"name": name, "password": password}, headers=headers)


def cookie_of(answer: httpx.Response, name: str) -> str:
    (found,) = (each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{name}="))
    return str(found.partition("=")[2].partition(";")[0])


def rights_of(centre: Centre, account: str) -> set[str]:
    with centre.client(cookie=centre.cookie(account)) as client:
        return {each["right"] for each in client.get("/api/v1/me").json()["rights"]}


def test_the_first_token_makes_the_first_account_and_ends(centre: Centre) -> None:
    with centre.client(centre.first_token) as token, centre.client() as browser:
        assert token.get("/api/v1/accounts").json() == []
        assert token.get("/api/v1/alerts").status_code == 403, "it opens nothing else"
        assert "首个令牌" in browser.get("/sign-in").text
        form = {"token": "wrong", "name": "li", "password": PASSWORD}
        assert browser.post("/sign-in/first", data=form).status_code == 401
        form["token"] = centre.first_token
        weak = browser.post("/sign-in/first", data={**form, "password": "short"})
        assert (weak.status_code, "10 to 200" in weak.text) == (422, True)
        made = browser.post("/sign-in/first", data=form)
        assert (made.status_code, made.headers["location"]) == (303, "/")
        with centre.client(cookie=cookie_of(made, COOKIE)) as li:
            me = li.get("/api/v1/me").json()
            rights = {each["right"] for each in me["rights"]}
            assert (me["name"], me["checked"]) == ("li", True)
            assert "people.change" in rights
            assert not rights & {"pictures.see", "plates.see", "lists.approve", "lists.request"}
        for answer in (token.get("/api/v1/accounts"), token.post("/api/v1/keys", json={})):
            assert (answer.status_code, "has ended" in answer.text) == (401, True)
        assert browser.post("/sign-in/first", data=form).status_code == 401
        assert "首个令牌" not in browser.get("/sign-in").text
        with centre.database.connect("test") as connection:
            connection.execute("UPDATE accounts SET disabled_at = now()")
        time.sleep(1.1)
        assert token.get("/api/v1/accounts").status_code == 401, "it has ended for good"


def test_nobody_learns_who_has_an_account(centre: Centre) -> None:
    centre.account("li", "operator")
    with centre.client() as browser:
        wrong, nobody = sign_in(browser, "li", "not the password"), sign_in(browser, "wang", "not the password")
        assert (wrong.status_code, wrong.text) == (nobody.status_code, nobody.text) == (401, nobody.text)
        for _ in range(20):
            wrong, nobody = sign_in(browser, "li", "not the password"), sign_in(browser, "wang", "not the password")
            assert (wrong.status_code, wrong.text) == (nobody.status_code, nobody.text)
        assert wrong.status_code == 429
        assert int(wrong.headers["retry-after"]) > 0


def test_a_name_that_is_there_takes_as_long_as_one_that_is_not() -> None:
    """Over 2,000 tries in turn the two differ by less than each does from itself."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", hasher)
        passwords.nobodys.cache_clear()
        kept = passwords.hashed(PASSWORD)
        passwords.nobodys()
        times: dict[str, list[float]] = {kept: [], "": []}
        for number in range(2_000):
            for each in (kept, "") if number % 2 else ("", kept):
                began_s = time.perf_counter()
                assert not passwords.fits(each, "not the password")
                times[each].append(time.perf_counter() - began_s)
    passwords.nobodys.cache_clear()
    quarters = statistics.quantiles(times[kept], n=4)
    apart = abs(statistics.median(times[kept]) - statistics.median(times[""]))
    assert apart <= max(quarters[2] - quarters[0], 0.02 * quarters[1])


def test_a_session_is_new_with_each_sign_in(centre: Centre) -> None:
    """A value that somebody has put into the browser before is worth nothing after, too."""
    centre.account("li", "operator")
    planted = "x" * 43
    with centre.client() as browser:
        answer = sign_in(browser, "li", cookie=f"{COOKIE}={planted}; {BROWSER_COOKIE}={planted}")
        assert answer.status_code == 303
        assert planted not in (cookie_of(answer, COOKIE), cookie_of(answer, BROWSER_COOKIE))
        assert browser.get("/api/v1/me", headers={"cookie": f"{COOKIE}={planted}"}).status_code == 401
        foreign = sign_in(browser, "li", origin="https://evil.example")
        assert foreign.status_code == 403, "no page of others signs its visitor in"


def test_a_stranger_locks_no_shift_out(centre: Centre) -> None:
    """Thousands of tries from elsewhere and from here: whoever has signed in before in his browser comes in."""
    centre.account("li", "operator")
    with centre.client() as browser:
        known = cookie_of(sign_in(browser, "li"), BROWSER_COOKIE)

    def try_from(number: int) -> int:
        transport = httpx.HTTPTransport(local_address=f"127.0.0.{2 + number % 100}")
        with httpx.Client(base_url=centre.url, transport=transport, timeout=30) as stranger:
            return max(sign_in(stranger, "li", "guess").status_code for _ in range(12))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(try_from, range(100))) <= {429, 503}
    with centre.client() as browser:
        refused = sign_in(browser, "li")
        assert refused.status_code == 429, "in a browser that nobody knows it takes its time"
        answer = sign_in(browser, "li", cookie=f"{BROWSER_COOKIE}={known}")
        assert answer.status_code == 303
        with centre.client(centre.key("admin", "administrator")) as admin:
            assert admin.post("/api/v1/accounts/li/unlock").status_code == 204
        assert sign_in(browser, "li").status_code == 303


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("dear_passwords")
def test_a_flood_of_sign_ins_takes_neither_memory_nor_the_page(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, amount: Callable[[int, int], int]
) -> None:
    """Two passwords are looked at at once, whatever comes; who is in works on."""
    centre.account("li", "operator")
    cookie = centre.cookie("li")
    lock, now, most = threading.Lock(), [0], [0]
    real = passwords.fits

    def counted(kept: str, password: str) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            return real(kept, password)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(passwords, "fits", counted)

    async def stranger(number: int) -> list[int]:
        """Some tries from an address of its own, each of another name."""
        address = (f"127.{1 + number // 250}.0.{1 + number % 250}", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=address)
        said = []
        for name in range(tries):
            body = f"name=name-{number}-{name}&password=guess".encode()
            head = f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            said.append(int(answer.split()[1]))
            length = next(line for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
        writer.close()
        return said

    async def flood() -> list[int]:
        return [each for said in await asyncio.gather(*map(stranger, range(strangers))) for each in said]

    strangers, tries = amount(300, 500), amount(3, 20)
    port = int(centre.url.rpartition(":")[2])
    with ThreadPoolExecutor(1) as pool, centre.client(cookie=cookie) as operator:
        before_kb, took_s = resident_kb(), []
        flooding = pool.submit(asyncio.run, flood())
        while not flooding.done():
            began_s = time.monotonic()
            assert operator.get("/api/v1/alerts").status_code == 200
            took_s.append(time.monotonic() - began_s)
            time.sleep(0.05)
        said = flooding.result()
    assert (len(said), set(said)) == (tries * strangers, {401, 503}), "some are looked at, more wait than may"
    assert most[0] <= 2
    assert statistics.median(took_s) < 2, "who is in works on"
    assert resident_kb() - before_kb < 300_000, "two passwords of 64 MiB, and next to nothing for the others"


def resident_kb() -> int:
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1])


def test_what_is_taken_away_is_gone_at_once(centre: Centre) -> None:
    centre.account("li", "operator", "maintenance")
    with centre.client(centre.key("admin", "administrator")) as admin:
        (grant,) = (each for each in admin.get("/api/v1/grants").json() if each["role"] == "maintenance")
        password = {"password": "another long one"}
        for method, path, body in (
            ("DELETE", f"/api/v1/grants/{grant['id']}", None),
            ("PUT", "/api/v1/accounts/li/password", password),
            ("POST", "/api/v1/accounts/li/disable", None),
        ):
            with centre.client(cookie=centre.cookie("li")) as li:
                assert li.get("/api/v1/boxes").status_code == 200
                assert admin.request(method, path, json=body).is_success
                assert li.get("/api/v1/boxes").status_code == 401, path
        assert sign_in(admin, "li", "another long one").status_code == 401, "who is disabled does not come in"


def test_a_cookie_that_turns_up_elsewhere_is_told(centre: Centre, database: Database) -> None:
    centre.account("li", "operator")
    cookie = centre.cookie("li")
    with centre.client(cookie=cookie) as li:
        assert li.get("/api/v1/me").status_code == 200
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    with httpx.Client(base_url=centre.url, transport=transport, headers={"cookie": f"{COOKIE}={cookie}"}) as thief:
        for _ in range(3):
            thief.get("/api/v1/me")
    told = rows(database, "SELECT who, origin, detail FROM audit WHERE what = 'session from elsewhere'")
    assert told == [{"who": "li", "origin": "127.0.0.9", "detail": "begun at 127.0.0.1"}]


def test_the_last_administrator_stays(centre: Centre) -> None:
    centre.account("li", "administrator")
    with centre.client(cookie=centre.cookie("li")) as li:
        (own,) = li.get("/api/v1/grants").json()
        for answer in (li.post("/api/v1/accounts/li/disable"), li.delete(f"/api/v1/grants/{own['id']}")):
            assert (answer.status_code, "nobody would be left" in answer.text) == (409, True)
        assert li.get("/api/v1/me").status_code == 200, "what was refused has changed nothing"
        assert li.post("/api/v1/accounts", json={"name": "wang", "password": PASSWORD}).status_code == 201
        assert li.post("/api/v1/grants", json={"account": "wang", "role": "administrator"}).is_success
        assert li.delete(f"/api/v1/grants/{own['id']}").is_success
        assert li.get("/api/v1/me").status_code == 401


def test_an_approver_needs_two_administrators(centre: Centre) -> None:
    for name in ("li", "wang"):
        centre.account(name, "administrator")
    centre.account("zhao")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client(cookie=centre.cookie("wang")) as wang:
        given = li.post("/api/v1/grants", json={"account": "zhao", "role": "list-approver"}).json()
        assert given["waits"]
        assert rights_of(centre, "zhao") == set()
        assert li.post(f"/api/v1/grants/{given['id']}/confirm").status_code == 403
        with centre.client(centre.key("sly", "administrator")) as key:
            assert key.post(f"/api/v1/grants/{given['id']}/confirm").status_code == 403, "a key is no person"
        assert li.post("/api/v1/accounts", json={"name": "puppet", "password": PASSWORD}).status_code == 201
        assert li.post("/api/v1/grants", json={"account": "puppet", "role": "administrator"}).is_success
        with centre.client(cookie=centre.cookie("puppet")) as puppet:
            assert puppet.post(f"/api/v1/grants/{given['id']}/confirm").status_code == 403
        own = wang.post("/api/v1/grants", json={"account": "wang", "role": "list-approver"}).json()
        assert wang.post(f"/api/v1/grants/{own['id']}/confirm").status_code == 401, "his session ended with the grant"
        with centre.client(cookie=centre.cookie("wang")) as again:
            assert again.post(f"/api/v1/grants/{own['id']}/confirm").status_code == 403
            assert not again.post(f"/api/v1/grants/{given['id']}/confirm").json()["waits"]
        assert "lists.approve" in rights_of(centre, "zhao")
        assert li.put("/api/v1/roles/sly", json={"rights": ["alerts.read"]}).status_code == 204
        li.post("/api/v1/grants", json={"account": "zhao", "role": "sly"})
        sly = li.put("/api/v1/roles/sly", json={"rights": ["alerts.read", "lists.approve"]})
        assert (sly.status_code, "second word" in sly.text) == (409, True)
        own = li.post("/api/v1/grants", json={"account": "li", "role": "operator"}).json()
        assert own["waits"], "nor does an administrator give himself the pictures alone"


def test_a_key_is_whoever_made_it(centre: Centre) -> None:
    for name in ("li", "wang"):
        centre.account(name, "administrator")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client(cookie=centre.cookie("wang")) as wang:
        said = {"name": "script", "roles": [{"role": "administrator"}]}
        with centre.client(li.post("/api/v1/keys", json=said).json()["key"]) as script:
            approver = {"name": "zhao", "password": PASSWORD, "roles": [{"role": "list-approver"}]}
            (given,) = script.post("/api/v1/accounts", json=approver).json()
        assert li.post(f"/api/v1/grants/{given['id']}/confirm").status_code == 403
        assert not wang.post(f"/api/v1/grants/{given['id']}/confirm").json()["waits"]
        told = li.get("/api/v1/audit", params={"subject": "zhao"}).json()
        assert (told[0]["who"], told[0]["detail"]) == ("wang", "list-approver")
        refused = li.post("/api/v1/keys", json={"name": "approves", "roles": [{"role": "list-approver"}]})
        assert (refused.status_code, "people do" in refused.text) == (409, True)


def test_an_account_is_made_with_its_roles_or_not_at_all(centre: Centre) -> None:
    with centre.client(centre.key("admin", "administrator")) as admin:
        for wrong, status in (({"role": "operatr"}, 404), ({"role": "operator", "place": "nowhere"}, 422)):
            said = {"name": "chen", "password": PASSWORD, "roles": [wrong]}
            assert admin.post("/api/v1/accounts", json=said).status_code == status
        for easy in ("password1234", "Hawkline-2026", "aaaaaaaaaaaa", "chen-chen-2026"):
            assert admin.post("/api/v1/accounts", json={"name": "chen", "password": easy}).status_code == 422
        said = {"name": "chen", "password": PASSWORD, "roles": [{"role": "operator"}]}
        assert [each["role"] for each in admin.post("/api/v1/accounts", json=said).json()] == ["operator"]
        sun = {"name": "sun", "password": "Sunny-Field-2026"}
        assert admin.post("/api/v1/accounts", json=sun).is_success, "three letters are an accident"


def test_the_first_administrator_is_made_at_the_machine(centre: Centre, tmp_path: Path) -> None:
    config = tmp_path / "aggregator.toml"
    config.write_text(f'data_dir = "data"\n[database]\ndsn = {json.dumps(centre.database.dsn)}\n')

    def add(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "shared", "user", "add", "li", "--password-file", "-", "--config", str(config)]
        return subprocess.run(
            [*command, *more], input=PASSWORD, capture_output=True, text=True, check=False, timeout=60
        )

    wrong = add("--role", "administratr")
    assert (wrong.returncode, "there is no role 'administratr'" in wrong.stderr) == (2, True)
    assert add("--role", "administrator", "--title", "李明").returncode == 0
    taken = add("--role", "administrator")
    assert (taken.returncode, "taken" in taken.stderr) == (2, True)
    with centre.client() as browser, centre.client(centre.first_token) as token:
        assert sign_in(browser, "li").status_code == 303
        assert token.get("/api/v1/accounts").status_code == 401, "it has ended with that"
        command = [
            sys.executable,
            "-m",
            "shared",
            "user",
            "reset",
            "li",
            "--password-file",
            "-",
            "--config",
            str(config),
        ]
        done = subprocess.run(
            command, input="quite another one", capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert sign_in(browser, "li").status_code == 401
        assert sign_in(browser, "li", "quite another one").status_code == 303
    assert rows(centre.database, "SELECT who, subject FROM audit WHERE what = 'account made'") == [
        {"who": "console", "subject": "li"}
    ]


def test_roles_of_ones_own(centre: Centre) -> None:
    with centre.client(centre.key("admin", *EVERYTHING)) as admin:
        empty = admin.put("/api/v1/roles/idle", json={"rights": []})
        assert (empty.status_code, "could do nothing" in empty.text) == (409, True)
        assert admin.put("/api/v1/roles/operator", json={"rights": ["alerts.read"]}).status_code == 409
        assert admin.put("/api/v1/roles/guard", json={"rights": ["alerts.handel"]}).status_code == 422
        assert admin.put("/api/v1/roles/guard", json={"rights": ["alerts.read", "boxes.read"]}).status_code == 204
        with centre.client(centre.key("door", "guard")) as door:
            assert door.get("/api/v1/alerts").status_code == 200
            refused = door.get("/api/v1/events")
            assert (refused.status_code, "record.read" in refused.text) == (403, True)
            assert admin.put("/api/v1/roles/guard", json={"rights": ["record.read"]}).status_code == 204
            assert door.get("/api/v1/events").status_code == 200
            assert door.get("/api/v1/alerts").status_code == 403
        assert admin.delete("/api/v1/roles/guard").status_code == 409
        unknown = admin.post("/api/v1/grants", json={"key": "door", "role": "gaurd"})
        assert (unknown.status_code, "there are operator" in unknown.text) == (404, True)


def test_a_key_ends_and_is_kept_as_a_hash(centre: Centre, database: Database) -> None:
    key = centre.key("reports", "operator")
    with centre.client(key) as program:
        assert program.get("/api/v1/alerts").status_code == 200
        assert program.get("/api/v1/me").json()["name"] == "key reports"
    assert key.encode() not in str(rows(database, "SELECT * FROM keys")).encode()
    with database.connect("test") as connection:
        connection.execute("UPDATE keys SET ends_at = now()")
    time.sleep(1.1)
    with centre.client(key) as program:
        assert program.get("/api/v1/alerts").status_code == 401


def test_ones_own_password(centre: Centre) -> None:
    centre.account("li", "operator")
    here, there = centre.cookie("li"), centre.cookie("li")
    with centre.client(cookie=here) as li, centre.client(cookie=there) as other:
        assert [each["this"] for each in li.get("/api/v1/me/sessions").json()].count(True) == 1
        wrong = {"old_password": "wrong", "password": "quite another one"}
        assert li.put("/api/v1/me/password", json=wrong).status_code == 403
        right = {"old_password": PASSWORD, "password": "quite another one"}
        assert li.put("/api/v1/me/password", json=right).status_code == 204
        for _ in range(5):
            assert li.put("/api/v1/me/password", json=wrong).status_code == 403
        assert li.put("/api/v1/me/password", json=wrong).status_code == 429, "nobody guesses at a page left open"
        assert li.get("/api/v1/me").status_code == 200
        assert other.get("/api/v1/me").status_code == 401
        assert sign_in(li, "li").status_code == 401
        assert sign_in(li, "li", "quite another one").status_code == 303


def test_refusals_are_in_the_audit_and_fill_nothing(centre: Centre, database: Database) -> None:
    form = {"token": "wrong", "name": "li", "password": PASSWORD}
    with centre.client(centre.key("door", "auditor")) as door, centre.client("hlk_" + "x" * 43) as stranger:
        for _ in range(5):
            assert door.get("/api/v1/alerts").status_code == 403
            assert stranger.get("/api/v1/alerts").status_code == 401
        assert stranger.post("/sign-in/first", data=form).status_code == 401
    told = rows(database, "SELECT who, what, subject FROM audit ORDER BY number")
    assert told == [
        {"who": "key door", "what": "refused", "subject": "alerts.read is missing"},
        {"who": "nobody", "what": "key refused", "subject": ""},
        {"who": "nobody", "what": "first token refused", "subject": ""},
    ]
    now_s = [0.0]
    refusals = Refusals(clock=lambda: now_s[0])
    news = [refusals._is_news(("nobody", f"192.0.2.{number}", "key refused", "")) for number in range(1000)]
    assert sum(news) == 60
    now_s[0] = 10.0
    assert sum(refusals._is_news(("nobody", f"198.51.100.{number}", "key refused", "")) for number in range(99)) == 10


def test_an_installation_of_before_is_told_what_to_do(centre: Centre, tmp_path: Path) -> None:
    """Its token makes the first account; until then `doctor` says so."""
    settings = AggregatorSettings(
        data_dir=tmp_path, trust=TrustSettings(names=("alarm.example.org",)), broker=BrokerSettings(kind="mosquitto")
    )
    with centre.database.connect("test") as connection:
        finding = people(settings, connection)
        assert (finding.ok, "https://alarm.example.org:8420/sign-in" in finding.detail) == (False, True)
    centre.account("li", "administrator")
    with centre.database.connect("test") as connection:
        assert people(settings, connection).ok


def test_a_password_that_changed_while_it_was_looked_at_opens_nothing(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.account("li", "operator")
    real = passwords.fits

    def slow(kept: str, password: str) -> bool:
        fits = real(kept, password)
        with centre.database.connect("test") as connection:
            connection.execute("UPDATE accounts SET password = %s", (passwords.hashed("another long one"),))
        return fits

    monkeypatch.setattr(passwords, "fits", slow)
    with centre.client() as browser:
        assert sign_in(browser, "li").status_code == 401


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(centre: Centre, database: Database) -> None:
    centre.account("li", "administrator")
    cookie = centre.cookie("li")

    def idle_for(minutes: int) -> None:
        with database.connect("test") as connection:
            connection.execute("UPDATE sessions SET seen_at = now() - %s * interval '1 minute'", (minutes,))
        time.sleep(1.1)

    with centre.client(cookie=cookie) as li:
        idle_for(29)
        assert li.get("/api/v1/boxes", headers={"hawkline-polls": "1"}).status_code == 200
        assert rows(database, "SELECT seen_at > now() - interval '9 minutes' AS seen FROM sessions") == [
            {"seen": False}
        ]
        time.sleep(1.1)
        assert li.get("/api/v1/boxes").status_code == 200
        assert rows(database, "SELECT seen_at > now() - interval '9 minutes' AS seen FROM sessions") == [{"seen": True}]
        idle_for(31)
        assert li.get("/api/v1/boxes").status_code == 401


def test_what_cannot_be_a_key_costs_nothing_and_odd_heads_are_refused(centre: Centre) -> None:
    centre.account("li", "operator")
    cookie = centre.cookie("li")
    with centre.client() as stranger:
        for value in ("x", "hlk_", "y" * 5000, "k\u00e9" * 20):
            head = {"authorization": f"Bearer {value}".encode()}
            assert stranger.get("/api/v1/alerts", headers=head).status_code == 401  # type: ignore[arg-type]
        for origin in ("http://[", "null", "://", centre.url + ".evil.example"):
            headers = {"cookie": f"{COOKIE}={cookie}", "origin": origin}
            assert stranger.post("/api/v1/alerts/1/acknowledge", headers=headers).status_code == 403
