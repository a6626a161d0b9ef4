"""Lists of plates: who may do what with them, that no plate lies about, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.domains.lists import lists
from aggregator.people.errors import AccountError
from aggregator.store import Database
from aggregator.store.database import Connection
from tests.integration.people import PASSWORD, Centre, guarded, rows

PLATES = ["皖A12345", "苏B·99 999", "皖a12345", "粤O1234警"]
KEPT = ["皖A12345", "苏B99999", "粤01234警"]
LIST = {
    "title": "stolen lorries",
    "purpose": "theft of 12 November",
    "case_number": "2026-1187",
    "place": "north",
    "instructions": "do not stop it, call the shift leader",
    "entries": PLATES,
}


@pytest.fixture
def centre(database: Database, connection: Connection, tmp_path: Path) -> Iterator[Centre]:
    connection.execute("INSERT INTO places (name, above, title) VALUES ('east', NULL, ''), ('north', 'east', '')")
    connection.execute("INSERT INTO places (name, above, title) VALUES ('south', NULL, '')")
    with guarded(database, tmp_path) as centre:
        yield centre


@pytest.fixture
def person(centre: Centre) -> Iterator[Callable[..., httpx.Client]]:
    """Somebody with roles, confirmed by another administrator, who has signed in."""
    with ExitStack() as stack:

        def sign_in(name: str, *roles: str) -> httpx.Client:
            centre.account(name, *roles)
            with centre.database.connect("test") as connection:
                connection.execute("UPDATE grants SET waits = false")
            return stack.enter_context(centre.client(cookie=centre.cookie(name)))

        yield sign_in


@pytest.fixture
def program(centre: Centre) -> Iterator[httpx.Client]:
    """A key that draws up lists."""
    with centre.client(key=centre.key("program", "list-requester")) as client:
        yield client


Person = Callable[..., httpx.Client]


def drawn(client: httpx.Client, **other: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/lists", json={**LIST, **other})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def post(client: httpx.Client, number: int, what: str, **body: Any) -> httpx.Response:
    if what == "decide" and "version" not in body:
        seen = client.get(f"/api/v1/lists/{number}")
        body["version"] = seen.json()["version"] if seen.status_code == 200 else 1
    return client.post(f"/api/v1/lists/{number}/{what}", json=body or None)


def test_from_a_draft_to_a_list_that_is_in_force_and_withdrawn(centre: Centre, person: Person) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    draft = drawn(asks)
    number = draft["number"]
    assert (draft["state"], draft["entries"], draft["drawn_by"]) == ("draft", 3, "li")
    assert timedelta(days=29) < datetime.fromisoformat(draft["ends_at"]) - datetime.now(UTC) <= timedelta(days=30)
    assert post(decides, number, "decide", approved=True).status_code == 409, "nobody has submitted it"
    assert post(asks, number, "submit").json()["state"] == "submitted"
    approved = post(decides, number, "decide", approved=True).json()
    assert (approved["state"], approved["decided_by"]) == ("approved", "wang")
    changed = asks.put(f"/api/v1/lists/{number}/entries", json={"entries": PLATES[:1]})
    assert changed.status_code == 409
    assert "drawn up anew" in changed.json()["detail"]
    seen = post(decides, number, "look", purpose="who is it that we look for").json()
    assert [each["plate"] for each in seen["entries"]] == KEPT
    of_hit = post(decides, number, "look", purpose="which one was hit", entry=2).json()["entries"]
    assert of_hit == [{"entry": 2, "plate": KEPT[1]}]
    gone = post(asks, number, "withdraw", why="found").json()
    assert (gone["state"], gone["entries"], gone["why"]) == ("withdrawn", 0, "found")
    assert post(decides, number, "look", purpose="again").json()["entries"] == []
    assert post(decides, number, "look", purpose="again", entry=1).status_code == 404
    assert asks.get("/api/v1/lists").json() == []
    assert [each["number"] for each in asks.get("/api/v1/lists?over=true").json()] == [number]


def test_no_plate_lies_in_the_database_or_the_audit(centre: Centre, person: Person) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    number = drawn(asks)["number"]
    asks.put(f"/api/v1/lists/{number}/entries", json={"entries": PLATES})
    asks.post("/api/v1/lists", json={**LIST, "entries": ["皖A12345", "nonsense"]})
    post(decides, number, "look", purpose="to see whether it is right")
    post(decides, number, "look", purpose="which one was hit", entry=1)
    asked = "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace"
    tables = [str(row["name"]) for row in rows(centre.database, asked)]
    held = [str(row) for table in tables for row in rows(centre.database, f"SELECT * FROM {table}")]
    assert any("theft of 12 November" in row for row in held), "what is there is found"
    assert [row for row in held if "A1234" in row or "B9999" in row or "01234" in row] == []
    told = [
        (row["what"], row["subject"], row["detail"])
        for row in rows(centre.database, "SELECT * FROM audit ORDER BY number")
    ]
    looked = [each for each in told if "look" in str(each[0])]
    said = "3 entries: to see whether it is right", "entry 1: which one was hit"
    assert looked == [("POST /api/v1/lists/{number}/look", f"list {number}", each) for each in said]


@pytest.mark.parametrize("submits", ["asks", "program", "boss"])
@pytest.mark.parametrize("draws", ["asks", "program", "boss"])
def test_one_person_never_both_draws_up_and_approves(
    person: Person, program: httpx.Client, draws: str, submits: str
) -> None:
    """Of every pair of who draws up and who submits: only who had no hand in either approves."""
    both = "list-requester", "list-approver"
    people = {name: person(name, *both) for name in ("asks", "boss", "other")}
    hands = {**people, "program": program}
    for name, client in people.items():
        number = drawn(hands[draws])["number"]
        assert post(hands[submits], number, "submit").status_code == 200
        answer = post(client, number, "decide", approved=True)
        assert answer.status_code == (403 if name in (draws, submits) else 200), (name, answer.text)
        assert ("does not approve it" in answer.text) is (name in (draws, submits))


def test_who_changed_the_entries_does_not_approve_them_either(centre: Centre, person: Person) -> None:
    asks, changes = person("li", "list-requester"), person("zhou", "list-requester", "list-approver")
    number = drawn(asks)["number"]
    changes.put(f"/api/v1/lists/{number}/entries", json={"entries": PLATES})
    post(asks, number, "submit")
    assert post(changes, number, "decide", approved=True).status_code == 403


def test_who_made_a_programs_key_does_not_approve_what_it_drew_up(person: Person, program: httpx.Client) -> None:
    founder = person("founder", "list-approver")  # keys of these tests are made by one of this name
    number = drawn(program)["number"]
    post(program, number, "submit")
    assert post(founder, number, "decide", approved=True).status_code == 403


_RIGHTS = {
    "draw": {"list-requester"},
    "change": {"list-requester"},
    "submit": {"list-requester"},
    "approve": {"list-approver"},
    "withdraw": {"list-requester"},
    "look": {"list-requester", "list-approver"},
    "list": {"list-requester", "list-approver", "auditor", "administrator"},
}
_ROLES = (
    *("operator", "shift-leader", "maintenance", "planner", "auditor", "administrator"),
    *("list-requester", "list-approver"),
)


@pytest.mark.parametrize("role", _ROLES)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_each_role_does_what_it_is_there_for_in_its_own_part(person: Person, role: str, *, elsewhere: bool) -> None:
    asks = person("li", "list-requester")
    submitted, draft = drawn(asks)["number"], drawn(asks)["number"]
    post(asks, submitted, "submit")
    where = "@south" if elsewhere else ""
    zhao = person("zhao", role + where)
    answers = {
        "list": zhao.get("/api/v1/lists"),
        "look": post(zhao, draft, "look", purpose="because"),
        "change": zhao.put(f"/api/v1/lists/{draft}/entries", json={"entries": PLATES}),
        "draw": zhao.post("/api/v1/lists", json=LIST),
        "submit": post(zhao, draft, "submit"),
        "approve": post(zhao, submitted, "decide", approved=True),
        "withdraw": post(zhao, submitted, "withdraw", why="over"),
    }
    for what, answer in answers.items():
        if role not in _RIGHTS[what]:
            assert answer.status_code == 403, (what, answer.text)
        elif elsewhere:
            hidden = answer.json() == [] if what == "list" else answer.status_code in (404, 422)
            assert hidden, (what, answer.text)
        else:
            assert answer.status_code in (200, 201), (what, answer.text)


def test_a_key_decides_nothing(centre: Centre, person: Person, program: httpx.Client) -> None:
    asks = person("li", "list-requester")
    number = drawn(asks)["number"]
    post(asks, number, "submit")
    with pytest.raises(AccountError):
        centre.key("approves", "list-approver")
    with centre.database.connect("test") as connection:  # as if it had one all the same
        connection.execute("UPDATE grants SET role = 'list-approver' WHERE key = 'program'")
    answer = post(program, number, "decide", approved=True)
    assert answer.status_code == 403
    assert "signed in" in answer.json()["detail"]


def test_a_list_of_more_than_thirty_days_needs_a_stronger_right(person: Person, database: Database) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    ends_at = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    number = drawn(asks, ends_at=ends_at)["number"]
    post(asks, number, "submit")
    refused = post(decides, number, "decide", approved=True)
    assert refused.status_code == 403
    assert "lists.approve-long" in refused.json()["detail"]
    with database.connect("test") as connection:
        rights = ["lists.approve", "lists.approve-long", "places.read"]
        connection.execute("INSERT INTO roles (name, rights) VALUES ('chief', %s)", (rights,))
    chief, of_south = person("sun", "chief"), person("qian", "list-approver", "chief@south")
    assert post(of_south, number, "decide", approved=True).status_code == 403, "it is theirs in the south only"
    assert post(chief, number, "decide", approved=True).json()["state"] == "approved"
    for days in (-1, 91):
        too_long = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        assert asks.post("/api/v1/lists", json={**LIST, "ends_at": too_long}).status_code == 422


def test_bad_lines_are_all_named_and_nothing_is_half_done(centre: Centre, person: Person) -> None:
    asks = person("li", "list-requester")
    many = [f"皖A{number:05d}" for number in range(3000)]
    for at, text in ((11, "皖A1"), (1500, "A12345"), (2999, "皖I12345")):
        many[at] = text
    answer = asks.post("/api/v1/lists", json={**LIST, "entries": many})
    assert answer.status_code == 422
    said = answer.json()["detail"]
    assert all(each in said for each in ("3 of 3000", "12: '皖A1'", "1501: 'A12345'", "3000: '皖I12345'"))
    assert asks.get("/api/v1/lists").json() == []
    number = drawn(asks)["number"]
    assert asks.put(f"/api/v1/lists/{number}/entries", json={"entries": ["皖A1"]}).status_code == 422
    assert asks.get(f"/api/v1/lists/{number}").json()["entries"] == 3


@pytest.mark.parametrize("missing", ["title", "purpose", "case_number", "place", "instructions"])
def test_a_list_without_what_it_is_for_is_refused(centre: Centre, person: Person, missing: str) -> None:
    asks = person("li", "list-requester")
    answer = asks.post("/api/v1/lists", json={name: value for name, value in LIST.items() if name != missing})
    assert answer.status_code == 422
    assert missing in answer.text
    assert asks.post("/api/v1/lists", json={**LIST, missing: "  "}).status_code == 422


def test_an_empty_list_and_a_place_that_is_none_are_refused(centre: Centre, person: Person) -> None:
    asks = person("li", "list-requester")
    number = drawn(asks, entries=[])["number"]
    assert post(asks, number, "submit").status_code == 409
    assert asks.post("/api/v1/lists", json={**LIST, "place": "nowhere"}).status_code == 422


def test_what_has_ended_keeps_no_entry_and_is_gone_with_the_audit(person: Person, connection: Connection) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    number = drawn(asks)["number"]
    post(asks, number, "submit")
    connection.execute("UPDATE lists SET ends_at = now() - interval '1 second'")
    assert asks.get(f"/api/v1/lists/{number}").json()["state"] == "expired"
    assert post(decides, number, "decide", approved=True).status_code == 409
    assert lists.end_entries(connection) == 3
    assert lists.end_entries(connection) == 0
    assert asks.get(f"/api/v1/lists/{number}").json()["entries"] == 0
    connection.execute("UPDATE lists SET ends_at = now() - interval '300 days', over_at = now() - interval '299 days'")
    (day,) = connection.execute(lists.SQL["old_days_of_lists"], {"before": datetime.now(UTC).date()}).fetchall()
    connection.execute(lists.SQL["drop_day_of_lists"], {"day": day["day"]})
    assert asks.get(f"/api/v1/lists/{number}").status_code == 404


def test_what_was_refused_may_be_mended_and_an_approval_be_taken_back(centre: Centre, person: Person) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    number = drawn(asks)["number"]
    post(asks, number, "submit")
    refused = post(decides, number, "decide", approved=False, why="one is the mayor's").json()
    assert (refused["state"], refused["why"]) == ("refused", "one is the mayor's")
    mended = asks.put(f"/api/v1/lists/{number}/entries", json={"entries": PLATES[1:]}).json()
    assert (mended["state"], mended["version"]) == ("draft", 2)
    post(asks, number, "submit")
    assert post(decides, number, "decide", approved=True).json()["state"] == "approved"
    assert post(decides, number, "decide", approved=False, why="no more").json()["state"] == "refused"


def test_without_people_there_are_no_lists(client: httpx.Client) -> None:
    answer = client.post("/api/v1/lists", json={**LIST, "place": "north"})
    assert answer.status_code == 409
    assert "[trust]" in answer.json()["detail"]


def test_an_entry_cannot_be_put_where_another_was(centre: Centre, person: Person, connection: Connection) -> None:
    asks = person("li", "list-requester")
    number = drawn(asks)["number"]
    connection.execute("UPDATE list_entries SET entry = entry + 10")
    assert post(asks, number, "look", purpose="because").status_code >= 500


def test_the_commands_from_a_file_to_a_list_that_is_withdrawn(centre: Centre, person: Person, tmp_path: Path) -> None:
    key = centre.key("desk", "list-requester")
    person("wang", "list-approver")
    file = tmp_path / "布控.csv"
    file.write_text("车牌,备注\n皖A12345,red\n\n苏B·99999,\n", encoding="utf-8-sig")

    def hawkline(*words: object, said: str = "") -> subprocess.CompletedProcess[str]:
        told = {**os.environ, "HAWKLINE_URL": centre.url, "HAWKLINE_TOKEN": key}
        command = [sys.executable, "-m", "shared", "list", *map(str, words)]
        return subprocess.run(command, env=told, input=said, capture_output=True, text=True, timeout=60, check=False)

    what = ("--title", "t1", "--purpose", "p1", "--case", "c1", "--place", "north", "--instructions", "i1")
    assert "list 1: a draft of 2 plates" in hawkline("draw", *what, file).stderr
    assert "waits for another person's approval" in hawkline("submit", 1).stderr
    wrong = hawkline("approve", 1, "--as", "wang", "--password-file", "-", said="not it\n")
    assert (wrong.returncode, "wrong" in wrong.stderr) == (2, True)
    approved = hawkline("approve", 1, "--as", "wang", "--password-file", "-", said=f"{PASSWORD}\n")
    assert "list 1 is approved, until" in approved.stderr, approved.stderr
    ended = rows(centre.database, "SELECT ended_at FROM sessions WHERE account = 'wang' AND browser <> 'a test'")
    assert all(row["ended_at"] for row in ended), "what the command began it has ended"
    (listed,) = json.loads("[" + hawkline("show", "-o", "json").stdout + "]")
    assert (listed["state"], listed["title"], listed["entries"]) == ("approved", "t1", 2)
    assert "purpose" in hawkline("show", 1).stdout
    assert [
        row.split(",")[1] for row in hawkline("show", 1, "--purpose", "why", "-o", "csv").stdout.split()[1:]
    ] == KEPT[:2]
    assert hawkline("show", "--purpose", "why").returncode == 2
    assert "keeps no plate" in hawkline("withdraw", 1, "--why", "found").stderr
    file.write_bytes("皖A12345".encode("gbk"))
    assert "not UTF-8" in hawkline("draw", *what, file).stderr
    file.write_text("皖A12345\nnonsense\n皖A1\n")
    bad = hawkline("draw", *what, file)
    assert bad.returncode == 2
    assert "3: '皖A1'" in bad.stderr
    file.write_text("\n")
    assert "no plate in it" in hawkline("draw", *what, file).stderr


def test_an_account_that_somebody_made_is_no_other_person(centre: Centre, person: Person, database: Database) -> None:
    both = "list-requester", "list-approver"
    boss, other = person("boss", *both), person("other", *both)
    straw = person("straw", "list-requester")
    with database.connect("test") as connection:
        connection.execute("UPDATE accounts SET made_by = 'boss' WHERE name = 'straw'")
    number = drawn(straw)["number"]
    post(straw, number, "submit")
    assert post(boss, number, "decide", approved=True).status_code == 403
    own = drawn(boss)["number"]
    post(boss, own, "submit")
    with database.connect("test") as connection:
        connection.execute("INSERT INTO grants (account, role, given_by) VALUES ('straw', 'list-approver', 'x')")
    assert post(straw, own, "decide", approved=True).status_code == 403, "nor the other way round"
    assert post(other, number, "decide", approved=True).status_code == 200, "both were made by one administrator"


def test_what_was_not_looked_at_is_not_approved(person: Person) -> None:
    asks, decides = person("li", "list-requester"), person("wang", "list-approver")
    number = drawn(asks)["number"]
    post(asks, number, "submit")
    post(decides, number, "decide", approved=False)
    asks.put(f"/api/v1/lists/{number}/entries", json={"entries": PLATES[:1]})
    post(asks, number, "submit")
    stale = post(decides, number, "decide", approved=True, version=1)
    assert stale.status_code == 409
    assert "look at version 2" in stale.json()["detail"]


def test_lists_are_read_where_one_has_to_do_with_lists_and_not_where_one_reads_places(person: Person) -> None:
    asks = person("li", "list-requester")
    drawn(asks)
    somebody = person("zhao", "operator", "list-requester@south", "list-approver@south")
    assert somebody.get("/api/v1/lists").json() == []
    assert person("qian", "operator", "list-requester@east").get("/api/v1/lists").json() != []


@pytest.mark.parametrize("field", ["title", "purpose", "case_number", "instructions"])
def test_no_plate_stands_in_the_open_beside_its_list(person: Person, field: str) -> None:
    asks = person("li", "list-requester")
    for text in ("theft of 皖A12345", "皖Ａ·１２３４５", "141668使馆车 141668使"):
        answer = asks.post("/api/v1/lists", json={**LIST, field: text})
        assert answer.status_code == 422
        assert "12345" not in answer.text
        assert "141668" not in answer.text
    number = drawn(asks)["number"]
    assert post(asks, number, "look", purpose="is 皖A12345 in it").status_code == 422
    assert post(asks, number, "withdraw", why="皖A12345 was found").status_code == 422


def test_full_width_letters_are_plates_too(person: Person) -> None:
    asks = person("li", "list-requester")
    number = drawn(asks, entries=["皖Ａ１２３４５"])["number"]
    assert post(asks, number, "look", purpose="because").json()["entries"] == [{"entry": 1, "plate": "皖A12345"}]
