"""Posts: who is on, what is handed over, and what one cannot do there."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.places import put_place
from aggregator.store.scope import EVERYWHERE
from tests.integration.people import Centre, guarded


@pytest.fixture
def centre(database: Database, tmp_path: Path, connection: Connection) -> Iterator[Centre]:
    """Two stations with an open alert each, and an alert of both."""
    with connection.transaction():
        put_place(connection, EVERYWHERE, "city")
        for side in ("east", "west"):
            put_place(connection, EVERYWHERE, side, above="city")
            put_place(connection, EVERYWHERE, f"{side}-village", above=side)
            add_alert(connection, f"{side}-village")
        both = add_alert(connection, "")
        for side in ("east", "west"):
            connection.execute("INSERT INTO alert_sites VALUES (%s, %s)", (both, f"{side}-village"))
    with guarded(database, tmp_path) as centre:
        for name, role in (("li", "operator@east"), ("wang", "operator@east"), ("zhao", "shift-leader@city")):
            centre.account(name, role)
        yield centre


def add_alert(connection: Connection, site: str) -> int:
    row = connection.execute(
        "INSERT INTO alerts (key, condition, priority, subject, site, first_at, last_at, confirmed_at, members)"
        " VALUES (%s, 'box_silent', 2, 'box', %s, now(), now(), now(), 1) RETURNING id",
        (f"key of {site}", site),
    ).fetchone()
    assert row
    return int(row["id"])


def test_a_shift_from_sign_on_to_hand_over(centre: Centre, connection: Connection) -> None:
    with (
        centre.client(centre.key("plans", "planner")) as planner,
        centre.client(cookie=centre.cookie("li")) as li,
        centre.client(cookie=centre.cookie("wang")) as wang,
        centre.client(cookie=centre.cookie("zhao")) as zhao,
    ):
        assert planner.put("/api/v1/posts/desk", json={"place": "nowhere"}).status_code == 422
        assert planner.put("/api/v1/posts/desk", json={"place": "east", "title": "东区值班室"}).status_code == 204
        assert planner.put("/api/v1/posts/gate", json={"place": "west"}).status_code == 204
        assert [post["name"] for post in li.get("/api/v1/posts").json()] == ["desk"], "the other is not theirs"
        assert [post["name"] for post in zhao.get("/api/v1/posts").json()] == ["desk", "gate"]
        begun = li.post("/api/v1/posts/desk/sign-on").json()
        assert li.post("/api/v1/posts/desk/sign-on").json() == begun, "again changes nothing"
        assert wang.post("/api/v1/posts/desk/sign-on").is_success
        (post,) = li.get("/api/v1/posts").json()
        assert [shift["who"] for shift in post["on"]] == ["li", "wang"]
        for path in ("/api/v1/posts/gate/sign-on", "/api/v1/posts/none/sign-on"):
            refused = li.post(path)
            assert refused.status_code == 404
        note = "东门绊线夜里误报多\n车辆 12 点后出入"
        ended = li.post("/api/v1/posts/desk/hand-over", json={"note": note}).json()
        open_now = connection.execute("SELECT id FROM alerts WHERE site <> 'west-village' ORDER BY id DESC").fetchall()
        assert (ended["note"], ended["open_alerts"]) == (note, [row["id"] for row in open_now])
        again = li.post("/api/v1/posts/desk/hand-over", json={"note": "again"})
        assert (again.status_code, "do not stand" in again.text) == (409, True)
        (post,) = wang.get("/api/v1/posts").json()
        assert (post["handed_over"]["note"], [shift["who"] for shift in post["on"]]) == (note, ["wang"])
        assert zhao.post("/api/v1/posts/gate/sign-on").is_success
        elsewhere = zhao.post("/api/v1/posts/desk/sign-on")
        assert (elsewhere.status_code, "hand it over first" in elsewhere.text) == (409, True)
        assert planner.delete("/api/v1/posts/gate").status_code == 409, "somebody stands there"
        moved = planner.put("/api/v1/posts/gate", json={"place": "east"})
        assert (moved.status_code, "handed over before" in moved.text) == (409, True)
        assert planner.delete("/api/v1/places/west-village").status_code == 204
        kept = planner.delete("/api/v1/places/west")
        assert (kept.status_code, "post 'gate'" in kept.text) == (409, True)
    told = [row["detail"] for row in connection.execute("SELECT detail FROM audit WHERE what LIKE '%%hand-over'")]
    assert any("东门绊线" in detail for detail in told)


def test_who_has_gone_without_is_handed_over_by_a_leader(centre: Centre) -> None:
    with (
        centre.client(centre.key("plans", "planner")) as planner,
        centre.client(cookie=centre.cookie("li")) as li,
        centre.client(cookie=centre.cookie("wang")) as wang,
        centre.client(cookie=centre.cookie("zhao")) as zhao,
    ):
        planner.put("/api/v1/posts/desk", json={"place": "east"})
        number = li.post("/api/v1/posts/desk/sign-on").json()["id"]
        end = f"/api/v1/posts/desk/shifts/{number}/end"
        refused = wang.post(end, json={})
        assert (refused.status_code, "alerts.correct" in refused.text) == (403, True)
        assert zhao.post(end, json={"note": "gone"}).json()["ended_by"] == "zhao"
        assert zhao.post(end, json={"note": "gone"}).status_code == 404
        (shift,) = wang.get("/api/v1/posts/desk/shifts").json()
        assert (shift["who"], shift["ended_by"], shift["note"]) == ("li", "zhao", "gone")
        assert planner.delete("/api/v1/posts/desk").status_code == 204
        assert wang.get("/api/v1/posts/desk/shifts").status_code == 404


def test_whose_place_is_theirs_no_more_hands_over_all_the_same(centre: Centre, connection: Connection) -> None:
    with centre.client(centre.key("plans", "planner", "administrator")) as planner:
        planner.put("/api/v1/posts/desk", json={"place": "east"})
        with centre.client(cookie=centre.cookie("li")) as li:
            assert li.post("/api/v1/posts/desk/sign-on").is_success
        connection.execute("UPDATE grants SET place = 'west' WHERE account = 'li'")
        with centre.client(cookie=centre.cookie("li")) as li:
            assert li.get("/api/v1/posts").json() == []
            assert li.post("/api/v1/posts/desk/hand-over", json={"note": "moved"}).json()["note"] == "moved"
            assert li.post("/api/v1/posts/desk/hand-over", json={}).status_code == 404


def test_a_program_stands_nowhere_and_nobody_twice(centre: Centre) -> None:
    with centre.client(centre.key("all", "planner", "operator")) as program:
        for name in ("one", "two"):
            program.put(f"/api/v1/posts/{name}", json={"place": "east"})
        refused = program.post("/api/v1/posts/one/sign-on")
        assert (refused.status_code, "sign in as a person" in refused.text) == (409, True)
    cookie = centre.cookie("li")

    def sign_on(number: int) -> int:
        with centre.client(cookie=cookie) as li:
            return li.post(f"/api/v1/posts/{('one', 'two')[number % 2]}/sign-on").status_code

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(sign_on, range(12)))
    assert set(said) == {200, 409}, said
    with centre.client(cookie=cookie) as li:
        assert sum(len(post["on"]) for post in li.get("/api/v1/posts").json()) == 1
