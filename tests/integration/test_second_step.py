"""The second step of a sign-in: set up, asked for, required by a role, lost."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pyotp
import pytest

from aggregator.api import sign_in as signing_in
from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.config import AggregatorSettings, BrokerSettings, TrustSettings
from aggregator.installation.doctor import phones as examine_phones
from aggregator.people import second_step
from aggregator.store import Database
from tests.integration.people import PASSWORD, Centre, guarded, rows


@pytest.fixture
def centre(database: Database, tmp_path: Path) -> Iterator[Centre]:
    with guarded(database, tmp_path) as centre:
        yield centre


class Phone:
    """Shows a code of the latest half minute that it has not shown yet."""

    def __init__(self, secret: str) -> None:
        self._totp, self._shown = pyotp.TOTP(secret), 0

    def code(self) -> str:
        now = int(time.time()) // second_step.STEP_S
        step = max(now - 1, self._shown + 1)
        if step > now + 1:
            pytest.fail("a test that wants more than three codes in half a minute")
        self._shown = step
        return self._totp.at(step * second_step.STEP_S)


def set_up(li: httpx.Client) -> tuple[Phone, list[str]]:
    """As the account page does it."""
    proposed = li.post("/api/v1/me/second-step", json={"password": PASSWORD}).json()
    phone = Phone(proposed["secret"])
    made = li.put(
        "/api/v1/me/second-step", json={"proposal": proposed["proposal"], "one_time_code": phone.code()}
    ).json()
    return phone, made["codes"]


def first_step(browser: httpx.Client, name: str = "li", password: str = PASSWORD, **headers: str) -> httpx.Response:
    return browser.post("/sign-in", data={"name": name, "password": password}, headers=headers)


def hidden(answer: httpx.Response) -> str:
    found = re.search(r'name="begun" value="([^"]+)"', answer.text)
    assert found, answer.text
    return unescape(found[1])


def enter(browser: httpx.Client, begun: str, code: str, **headers: str) -> httpx.Response:
    return browser.post("/sign-in/code", data={"begun": begun, "code": code}, headers=headers)


def is_in(answer: httpx.Response) -> bool:
    return any(each.startswith(f"{COOKIE}=") for each in answer.headers.get_list("set-cookie"))


def test_a_code_is_asked_for_and_taken_once(centre: Centre, database: Database) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client() as browser:
        assert is_in(first_step(browser))
        phone, codes = set_up(li)
        assert len(set(codes)) == second_step.RECOVERY_CODES
        assert li.get("/api/v1/me/second-step").json() == {"set_up": True, "required": False, "recovery_codes": 10}
        asked = first_step(browser)
        assert (asked.status_code, is_in(asked)) == (200, False)
        assert browser.get("/api/v1/me").status_code == 401
        code = phone.code()
        assert is_in(enter(browser, hidden(asked), code))
        again = enter(browser, hidden(asked), code)
        assert (again.status_code, is_in(again)) == (401, False), "a code that was seen is worth nothing"
        assert is_in(enter(browser, hidden(first_step(browser)), codes[3].upper().replace("-", " ")))
        assert not is_in(enter(browser, hidden(first_step(browser)), codes[3]))
        assert li.get("/api/v1/me/second-step").json()["recovery_codes"] == 9
    kept = str(rows(database, "SELECT * FROM accounts")) + str(rows(database, "SELECT * FROM recovery_codes"))
    assert phone._totp.secret not in kept
    assert codes[0] not in kept
    told = {row["what"] for row in rows(database, "SELECT what FROM audit")}
    assert {"second step set up", "second step refused", "signed in"} <= told
    assert phone._totp.secret not in str(rows(database, "SELECT * FROM audit"))


def test_a_role_asks_for_it(centre: Centre) -> None:
    centre.account("li", "operator")
    centre.account("zhao", "administrator")
    with centre.client(cookie=centre.cookie("zhao")) as zhao, centre.client(cookie=centre.cookie("li")) as li:
        own = zhao.put("/api/v1/roles/administrator/second-step", json={"required": True})
        assert (own.status_code, "set yours up first" in own.text) == (409, True)
        assert zhao.put("/api/v1/roles/gaurd/second-step", json={"required": True}).status_code == 404
        assert zhao.put("/api/v1/roles/operator/second-step", json={"required": True}).status_code == 204
        assert li.get("/api/v1/me").status_code == 401, "without one nobody goes on"
        assert [each["name"] for each in zhao.get("/api/v1/roles").json() if each["second_step"]] == ["operator"]
    with centre.client() as browser:
        asked = first_step(browser)
        assert (is_in(asked), "data:image/svg+xml" in asked.text) == (False, True)
        secret = re.search(r"<code>([A-Z2-7]{32})</code>", asked.text)
        assert secret
        phone = Phone(secret[1])
        wrong = enter(browser, hidden(asked), "000000")
        assert (wrong.status_code, hidden(wrong)) == (401, hidden(asked)), "the same picture, so nobody scans twice"
        done = enter(browser, hidden(wrong), phone.code())
        assert (is_in(done), "恢复码" in done.text) == (True, True)
        cookie = (
            browser.cookies.get(COOKIE) or re.search(rf"{COOKIE}=([^;]+)", str(done.headers.get_list("set-cookie")))[1]
        )  # type: ignore[index]
        with centre.client(cookie=cookie) as li:
            removed = li.post("/api/v1/me/second-step/remove", json={"one_time_code": phone.code()})
            assert (removed.status_code, "needs a second step" in removed.text) == (409, True)
            other = {"password": PASSWORD, "one_time_code": phone.code()}
            assert li.post("/api/v1/me/second-step", json=other).is_success, "another phone"
        assert "data:image" not in first_step(browser).text


def test_a_first_step_does_not_wait_for_ever(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client() as browser:
        phone, codes = set_up(li)
        begun = hidden(first_step(browser))
        assert li.put("/api/v1/me/password", json={"old_password": PASSWORD, "password": "another long one"}).is_success
        assert not is_in(enter(browser, begun, codes[0])), "the password is another now"
        begun = hidden(first_step(browser, password="another long one"))
        for odd in ("", "x", begun[:-4] + "AAAA"):
            answer = enter(browser, odd, codes[0])
            assert (answer.status_code, is_in(answer)) == (401, False)
        monkeypatch.setattr(signing_in, "_BEGUN_S", -1)
        assert not is_in(enter(browser, begun, codes[0]))
        monkeypatch.undo()
        assert is_in(enter(browser, begun, phone.code()))


def test_who_knows_the_password_guesses_no_code_and_locks_nobody_out(centre: Centre) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li:
        phone, _ = set_up(li)
    with centre.client() as browser:
        answer = enter(browser, hidden(first_step(browser)), phone.code())
        known = re.search(rf"{BROWSER_COOKIE}=([^;]+)", str(answer.headers.get_list("set-cookie")))
        assert known
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    with httpx.Client(base_url=centre.url, transport=transport, timeout=20) as stranger:
        said = [enter(stranger, hidden(first_step(stranger)), f"{number:06d}").status_code for number in range(5)]
        assert set(said) == {401}
        assert enter(stranger, hidden(first_step(stranger)), "000000").status_code == 429
    with centre.client() as browser:
        begun = hidden(first_step(browser, cookie=f"{BROWSER_COOKIE}={known[1]}"))
        assert is_in(enter(browser, begun, phone.code(), cookie=f"{BROWSER_COOKIE}={known[1]}"))


def test_a_proposal_counts_once_and_for_the_account_as_it_was(centre: Centre) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li:
        early, later = (li.post("/api/v1/me/second-step", json={"password": PASSWORD}).json() for _ in range(2))
        said = {"proposal": later["proposal"], "one_time_code": Phone(later["secret"]).code()}
        assert li.put("/api/v1/me/second-step", json=said).status_code == 200
        assert li.put("/api/v1/me/second-step", json=said).status_code == 409, "nor does its code count again"
        said = {"proposal": early["proposal"], "one_time_code": Phone(early["secret"]).code()}
        taken = li.put("/api/v1/me/second-step", json=said)
        assert (taken.status_code, "meanwhile" in taken.text) == (409, True), "nobody takes the phone over"


def test_a_lost_phone(centre: Centre, database: Database) -> None:
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li, centre.client(centre.key("admin", "administrator")) as admin:
        assert admin.delete("/api/v1/accounts/li/second-step").status_code == 409
        assert admin.delete("/api/v1/accounts/wang/second-step").status_code == 404
        _, codes = set_up(li)
        fresh = li.post("/api/v1/me/recovery-codes", json={"one_time_code": codes[0]}).json()["codes"]
        assert li.post("/api/v1/me/recovery-codes", json={"one_time_code": codes[1]}).status_code == 403
        assert li.post("/api/v1/me/second-step/remove", json={"one_time_code": fresh[0]}).status_code == 204
        assert li.get("/api/v1/me/second-step").json() == {"set_up": False, "required": False, "recovery_codes": 0}
        set_up(li)
        assert admin.delete("/api/v1/accounts/li/second-step").status_code == 204
        assert li.get("/api/v1/me").status_code == 401
        with centre.client() as browser:
            assert is_in(first_step(browser))


def test_a_key_that_is_gone_leaves_recovery_codes(centre: Centre) -> None:
    """As after a restore without its secrets."""
    centre.account("li", "operator")
    with centre.client(cookie=centre.cookie("li")) as li:
        phone, codes = set_up(li)
    settings = AggregatorSettings(
        data_dir=centre.folder, trust=TrustSettings(names=("localhost",)), broker=BrokerSettings(kind="mosquitto")
    )
    with centre.database.connect("test") as connection:
        assert list(examine_phones(settings, connection)) == []
        (centre.folder / "secrets" / "people.key").unlink()
        (finding,) = examine_phones(settings, connection)
        assert (finding.ok, "recovery codes count" in finding.detail) == (False, True)
    with guarded(centre.database, centre.folder) as again, again.client() as browser:
        with centre.database.connect("test") as connection:
            (finding,) = examine_phones(settings, connection)
            assert not finding.ok, "also with another key"
        assert not is_in(enter(browser, hidden(first_step(browser)), phone.code()))
        assert is_in(enter(browser, hidden(first_step(browser)), codes[0]))
