"""A list on its way to a box: hashed once, fetched from the boxes' door, proven, kept, and gone at its end."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from aggregator.domains.boxes import desired as sections
from aggregator.domains.lists import lists, watchlists
from aggregator.domains.lists.lists import Decided, Drawn, PlateList
from aggregator.domains.lists.secret import deployment_secret
from aggregator.people.principal import Principal
from aggregator.people.sealing import Sealer
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.scope import EVERYWHERE
from edge_agent.orders.desired import Desired
from edge_agent.orders.watchlists import HeldLists, Watchlists
from edge_agent.sealing import BY_RIGHTS, SealedError, Sealing
from edge_agent.uplink.trust import Door
from edge_agent.vision.plate.matching import WatchTable
from models.plate.decoding import Reading
from shared.clock import KnownTime, boot_s, to_ms
from shared.desired import LISTS, DesiredState
from shared.errors import UnavailableError
from shared.events import ConfigApplied, Direction, LineRule, LineSpec, ListHit
from shared.plates.hashing import HASH_BYTES, month_of
from shared.plates.watchlist import decode_watchlist
from shared.topics import Address
from shared.trust import TrustError
from tests.acceptance.site import await_true
from tests.integration.house import POINTS, House, now_ms
from tests.integration.trusted import Deployment

BOX, OTHER = Address("north", "gate"), Address("south", "gate")
LI, WANG = Principal("li", EVERYWHERE), Principal("wang", EVERYWHERE)
PLATE, ANOTHER = "皖A12345", "皖A12346"
LANES = tuple(LineSpec(0, name, POINTS, "left_to_right", 0, LineRule.LANE) for name in ("left", "right"))


@dataclass
class Centre:
    """Everything of a centre that lists pass through, without its processes."""

    deployment: Deployment
    connection: Connection
    sealer: Sealer
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def approved(self, *plates: str, lasts: timedelta = timedelta(days=1), **other: Any) -> PlateList:
        """A list in force."""
        said: dict[str, Any] = {
            "kind": "watch",
            "title": "lorries",
            "purpose": "theft",
            "case_number": "2026-1187",
            "place": "north",
            "priority": 1,
            "instructions": "call the shift leader",
        }
        drawn = Drawn(**(said | other), ends_at=datetime.now(UTC) + lasts)
        made = lists.draw(self.connection, self.sealer, LI, drawn, plates)
        lists.submit(self.connection, LI, made.number)
        return lists.decide(self.connection, WANG, made.number, Decided(True, made.version))

    def turn(self) -> int:
        """What the job does; of how many boxes the watch list has changed."""
        months = watchlists.months(deployment_secret(self.deployment.folder, make=True), self.now)
        with ThreadPoolExecutor(2) as pool:
            while sum(watchlists.hash_some(self.connection, self.sealer, month, pool) for month in months):
                pass
        changed = watchlists.ask_boxes(self.connection, months[0])
        self.connection.execute(lists.SQL["forget_hashes"], {"unders": [month.under for month in months]})
        return changed

    def heartbeat(self, box: "Box") -> None:
        """A box says what it obeys."""
        (state,) = box.desired.states()
        self.connection.execute(
            "INSERT INTO agents (site, agent, state, health) VALUES ('north', 'gate', 'online', %s)"
            " ON CONFLICT (site, agent) DO UPDATE SET health = excluded.health",
            (msgspec.json.encode({"sections": [state]}).decode(),),
        )

    def at_boxes(self, made: PlateList) -> list[str]:
        """What each box says of a list."""
        return [each.state for each in lists.boxes_of(self.connection, EVERYWHERE, made.number)]

    def wanted(self, box: Address = BOX) -> DesiredState:
        """What the box is sent."""
        versions = {each.section: each.version for each in sections.sections(self.connection, box)}
        with self.connection.transaction():
            return sections.compose(self.connection, box, versions)


@pytest.fixture
def centre(database: Database, connection: Connection, tmp_path: Path) -> Iterator[Centre]:
    connection.execute("INSERT INTO places (name, above, title) VALUES ('east', NULL, ''), ('north', 'east', '')")
    connection.execute("INSERT INTO places (name, above, title) VALUES ('south', NULL, '')")
    for box in (BOX, OTHER):
        house = House(database, connection, site=box.site)
        house.send(ConfigApplied(now_ms(), 2, ("road",), LANES), agent=box.agent)
    with Deployment(tmp_path, database).open() as deployment:
        yield Centre(deployment, connection, Sealer(tmp_path))


class Box:
    """A box's side, from the section that it hears to what its cameras compare with."""

    def __init__(self, door: Door, boot: str = "boot 1", sealing: Sealing = BY_RIGHTS) -> None:
        self.folder, self.told = door.folder, list[HeldLists]()
        again = lambda: self.desired.again(LISTS)  # noqa: E731
        self.part = Watchlists(self.folder, BOX, door, boot, self.told.append, again, sealing=sealing)
        self.desired = Desired(self.folder / "desired.bin", [self.part])

    def hear(self, state: DesiredState) -> int:
        """Hear of it, and do what is due; the version that it obeys then."""
        self.desired.take(state)
        self.part.look()
        return self.obeys

    @property
    def obeys(self) -> int:
        return sum(state.version for state in self.desired.states())

    def hits(self, text: str, at: timedelta = timedelta()) -> int:
        """The number of the list that a plate hits; 0: none."""
        held = self.part.held
        if held.known is None:
            return 0
        table = WatchTable.of(held.secret, held.key, held.parts)
        match = table.match(
            Reading(text, 0.98, "blue", "single", True, ()), held.known.now_ms() + to_ms(at.total_seconds())
        )
        return match.entry.list_number if match else 0


@pytest.fixture
def box(centre: Centre) -> Box:
    return Box(centre.deployment.enrol(BOX))


def test_an_approved_list_is_on_the_box_of_its_place_and_on_no_other(centre: Centre, box: Box) -> None:
    assert centre.turn() == 0, "where no list is in force no box is asked for anything"
    made = centre.approved(PLATE)
    assert centre.turn() == 1
    assert centre.turn() == 0, "once"
    assert centre.wanted(OTHER).sections == ()
    assert box.hear(centre.wanted()) == centre.wanted().sections[0].version
    assert (box.hits(PLATE), box.hits(ANOTHER)) == (made.number, 0)
    assert [(each.agent, each.state) for each in lists.boxes_of(centre.connection, EVERYWHERE, made.number)] == [
        ("gate", "waiting")
    ], "what the box has not said itself is not assumed"
    centre.heartbeat(box)
    assert centre.at_boxes(made) == ["held"]


def test_who_still_holds_what_was_withdrawn_is_seen_until_each_box_has_said_that_it_does_not(
    centre: Centre, box: Box
) -> None:
    first, second = centre.approved(PLATE), centre.approved(ANOTHER)
    centre.turn()
    box.hear(centre.wanted())
    centre.heartbeat(box)
    third = centre.approved("皖A12347")
    centre.turn()
    assert [centre.at_boxes(each) for each in (first, second, third)] == [["held"], ["held"], ["waiting"]]
    lists.withdraw(centre.connection, LI, first.number, "found")
    centre.turn()
    assert [centre.at_boxes(each) for each in (first, second, third)] == [["waiting"], ["held"], ["waiting"]]
    box.hear(centre.wanted())
    assert centre.at_boxes(first) == ["waiting"], "what the box has not said itself is not assumed"
    centre.heartbeat(box)
    assert [centre.at_boxes(each) for each in (first, second, third)] == [["released"], ["held"], ["held"]]


def test_what_is_withdrawn_or_has_ended_is_gone_from_the_box_and_its_disk(centre: Centre, box: Box) -> None:
    first, second = centre.approved(PLATE), centre.approved(ANOTHER, place="east", kind="known")
    centre.turn()
    box.hear(centre.wanted())
    assert {part.number: part.priority for part in box.part.held.parts} == {first.number: 1, second.number: 0}
    hashes = [entry.hash for part in box.part.held.parts for entry in part.entries]
    kept = box.folder / "lists.bin"
    assert all(each in kept.read_bytes() for each in hashes)
    lists.withdraw(centre.connection, LI, first.number, "found")
    assert centre.turn() == 1
    box.hear(centre.wanted())
    assert (box.hits(PLATE), [part.number for part in box.part.held.parts]) == (0, [second.number])
    assert [each in kept.read_bytes() for each in hashes] == [False, True]
    lists.withdraw(centre.connection, LI, second.number, "sold")
    centre.turn()
    box.hear(centre.wanted())
    assert not kept.exists()
    assert box.part.held.parts == ()
    assert centre.connection.execute("SELECT * FROM list_hashes").fetchall() == []


def test_a_list_ends_to_the_second_with_no_network_and_a_clock_that_is_set_back(
    centre: Centre, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = centre.approved(PLATE, lasts=timedelta(hours=2))
    centre.turn()
    box.hear(centre.wanted())
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    until = made.ends_at - datetime.now(UTC)
    assert box.hits(PLATE, until - timedelta(seconds=1)) == made.number
    assert box.hits(PLATE, until + timedelta(seconds=1)) == 0
    box.part._known = KnownTime(box.part._known.at_ms + 7_200_000, box.part._known.boot_s)  # type: ignore[union-attr]
    box.part._drop_ended()
    assert box.part.held.parts == ()
    assert box.told[-1].parts == (), "the cameras are told"
    assert decode_watchlist((box.folder / "lists.bin").read_bytes()).parts == (), "and nothing of it is kept"


def test_after_a_restart_of_the_agent_lists_hold_and_after_one_of_the_machine_they_wait_for_the_time(
    centre: Centre, box: Box
) -> None:
    made = centre.approved(PLATE)
    centre.turn()
    version = box.hear(centre.wanted())
    door = Door("https://localhost:9", box.folder)
    again = Box(door)
    assert (again.hits(PLATE), again.obeys) == (made.number, version), "with no network"
    booted = Box(door, "boot 2")
    assert booted.part.held.known is None
    assert (booted.hits(PLATE), booted.obeys) == (0, 0), "nobody knows how long the box was off"
    told = Box(Door(centre.deployment.url, box.folder), "boot 2")
    told.part.look()
    assert (told.hits(PLATE), told.obeys) == (made.number, version)


def test_a_file_that_is_damaged_is_fetched_anew_and_one_of_another_box_is_not_taken(centre: Centre, box: Box) -> None:
    made = centre.approved(PLATE)
    centre.turn()
    box.hear(centre.wanted())
    kept = box.folder / "lists.bin"
    watchlist = decode_watchlist(kept.read_bytes())
    (part,) = watchlist.parts
    longer = part.body.replace(b"\x00", b"\x01", 1)
    assert longer != part.body
    for spoilt in (
        b"nonsense",
        kept.read_bytes()[:-1],
        msgspec.msgpack.encode(msgspec.structs.replace(watchlist, parts=(msgspec.structs.replace(part, body=longer),))),
    ):
        kept.write_bytes(spoilt)
        again = Box(Door(centre.deployment.url, box.folder))
        assert again.hits(PLATE) == 0
        again.part.look()
        assert again.hits(PLATE) == made.number
    others = centre.approved(PLATE, place="south")
    centre.turn()
    elsewhere = centre.deployment.enrol(OTHER)
    kept.write_bytes(elsewhere.fetch_watchlist())
    assert Box(Door(centre.deployment.url, box.folder)).hits(PLATE) == 0, f"list {others.number} is not for this box"


def test_a_box_fetches_its_own_lists_only_and_a_revoked_one_none(centre: Centre, box: Box) -> None:
    centre.approved(PLATE)
    centre.turn()
    door = Door(centre.deployment.url, box.folder)
    path = "/api/v1/watchlist?site={}&agent={}"
    assert len(decode_watchlist(door._call("GET", path.format(*BOX_WORDS), door.context())).parts) == 1
    with pytest.raises(TrustError, match="the certificate is for north/gate"):
        door._call("GET", path.format("south", "gate"), door.context())
    centre.deployment.revoke(BOX)
    with pytest.raises(TrustError):
        door.fetch_watchlist()


BOX_WORDS = BOX.site, BOX.agent


def test_hashes_are_of_one_box_and_month_and_the_next_month_is_ready_before_it_begins(centre: Centre) -> None:
    centre.approved(PLATE)
    centre.approved(PLATE, place="south")
    centre.now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    centre.turn()
    rows = centre.connection.execute("SELECT under, slow FROM list_hashes").fetchall()
    assert len({bytes(row["under"]) for row in rows}) == 2, "November's and December's"
    assert {len(bytes(row["slow"])) for row in rows} == {HASH_BYTES}
    deployment, signer = deployment_secret(centre.deployment.folder), centre.deployment.vault.time_signer()

    def hashed(box: Address) -> bytes:
        now = datetime.now(UTC)
        asked = watchlists.hashed_lists(centre.connection, box, now, deployment)
        made = watchlists.made(asked, box, deployment, signer, now)
        return bytes(made.parts[0].body)

    november = hashed(BOX)
    assert november != hashed(OTHER)
    assert not any(bytes(row["slow"]) in november for row in rows), (
        "what serves for all boxes leaves the centre for none"
    )
    centre.now = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)
    assert centre.turn() == 2
    assert hashed(BOX) != november
    (under,) = {bytes(r["under"]) for r in centre.connection.execute("SELECT under FROM list_hashes").fetchall()}
    assert under == watchlists.months(deployment, centre.now)[0].under
    assert month_of(centre.now) == "2026-12"


def test_what_the_centre_cannot_sign_is_refused_and_said(centre: Centre, box: Box, tmp_path: Path) -> None:
    centre.approved(PLATE)
    centre.turn()
    with Deployment(tmp_path / "other", centre.deployment.database).open() as stranger:
        centre.deployment.vault._time_path.write_bytes(stranger.vault._time_path.read_bytes())
    box.part._known = KnownTime(now_ms(), boot_s())
    box.hear(centre.wanted())
    (state,) = box.desired.states()
    assert (state.version, state.refused) == (0, centre.wanted().sections[0].version)
    assert "not signed by a service that our root vouches for" in state.error


def again(database: Database, connection: Connection) -> House:
    """The box's house, whose next event is its second."""
    house = House(database, connection, site="north")
    house._next["gate"] = 2
    return house


def test_a_full_card_keeps_no_list_from_being_compared_nor_from_ending(
    centre: Centre, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = centre.approved(PLATE)
    centre.turn()

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("edge_agent.orders.watchlists.write_secret", full)
        box.hear(centre.wanted())
        assert box.hits(PLATE) == made.number
        assert [part.number for part in box.told[-1].parts] == [made.number], "the cameras are told first"
        lists.withdraw(centre.connection, LI, made.number, "found")
        other = centre.approved(ANOTHER)
        centre.turn()
        box.hear(centre.wanted())
        assert (box.hits(PLATE), box.hits(ANOTHER)) == (0, other.number)
    assert not (box.folder / "lists.bin").exists()
    assert box.part.look() > 60
    assert decode_watchlist((box.folder / "lists.bin").read_bytes()).content == box.part._content


def test_an_entry_that_does_not_open_holds_up_no_other_list(centre: Centre) -> None:
    spoilt, well = centre.approved(PLATE), centre.approved(ANOTHER)
    centre.connection.execute("UPDATE list_entries SET sealed = 'nothing' WHERE list = %s", (spoilt.number,))
    unreadable = set[int]()
    (month, *_) = watchlists.months(deployment_secret(centre.deployment.folder, make=True), centre.now)
    with ThreadPoolExecutor(1) as pool:
        watchlists.hash_some(centre.connection, centre.sealer, month, pool, unreadable)
    assert unreadable == {spoilt.number}
    watchlists.ask_boxes(centre.connection, month)
    (row,) = centre.connection.execute("SELECT lists FROM box_watchlists").fetchall()
    assert row["lists"] == [well.number]


def test_an_entry_that_was_replaced_while_it_was_hashed_is_hashed_anew(centre: Centre) -> None:
    made = centre.approved(PLATE)
    month = watchlists.months(deployment_secret(centre.deployment.folder, make=True), centre.now)[0]

    class Slow(ThreadPoolExecutor):
        def map(self, *asked: Any, **more: Any) -> Any:
            lists.put_entries(centre.connection, centre.sealer, made.number, [ANOTHER])
            return super().map(*asked, **more)

    with Slow(1) as pool:
        watchlists.hash_some(centre.connection, centre.sealer, month, pool)
    assert centre.connection.execute("SELECT * FROM list_hashes").fetchall() == []


def test_an_approval_that_was_taken_back_rings_nobody(
    centre: Centre, database: Database, connection: Connection
) -> None:
    made = centre.approved(PLATE)
    lists.decide(connection, WANG, made.number, Decided(False, made.version, "not this one"))
    hit = ListHit(now_ms(-1), 2, 0, Direction.LEFT_TO_RIGHT, 1, 1, 1, 200, made.number, made.version, 1, 980)
    again(database, connection).send(hit, agent="gate")
    assert connection.execute("SELECT * FROM alerts").fetchall() == []


def test_a_hit_rings_with_what_to_do_and_counts_as_a_vehicle(
    centre: Centre, database: Database, connection: Connection
) -> None:
    made = centre.approved(PLATE)
    house = again(database, connection)
    hit = ListHit(now_ms(1), 2, 0, Direction.LEFT_TO_RIGHT, 1, 1, 1, 200, made.number, made.version, 1, 980)
    house.send(hit, agent="gate")
    (row,) = connection.execute("SELECT condition, subject, name AS line, detail FROM alerts").fetchall()
    assert (row["condition"], row["subject"], row["line"]) == ("list_hit", "line", "left")
    said = {name: row["detail"][name] for name in ("title", "case_number", "instructions", "list", "entry")}
    assert said == {
        "title": "lorries",
        "case_number": "2026-1187",
        "instructions": "call the shift leader",
        "list": made.number,
        "entry": 1,
    }
    (hour,) = connection.execute("SELECT sum(passed) AS passed, sum(unread) AS unread FROM lane_hours").fetchall()
    assert (int(hour["passed"]), int(hour["unread"])) == (1, 0)


def test_a_hit_of_a_list_that_was_over_by_then_is_kept_and_rings_nobody(
    centre: Centre, database: Database, connection: Connection
) -> None:
    made = centre.approved(PLATE)
    lists.withdraw(connection, LI, made.number, "found")
    house = again(database, connection)
    hit = ListHit(now_ms(-1), 2, 0, Direction.LEFT_TO_RIGHT, 1, 1, 1, 200, made.number, made.version, 1, 980)
    before = ListHit(now_ms(60), 2, 0, Direction.LEFT_TO_RIGHT, 1, 2, 1, 200, made.number, made.version, 1, 980)
    house.send(hit, agent="gate")
    assert connection.execute("SELECT * FROM alerts").fetchall() == []
    house.send(before, agent="gate")
    assert len(connection.execute("SELECT * FROM alerts").fetchall()) == 1


class Locked:
    """A TPM in place of a real one (those are in test_sealing): what is sealed is turned round."""

    def __init__(self) -> None:
        self.works = True

    def is_sealed(self, kept: bytes) -> bool:
        return kept.startswith(b"sealed")

    def improves(self, kept: bytes) -> bool:
        return not self.is_sealed(kept)

    def seal(self, content: bytes) -> bytes:
        if not self.works:
            raise SealedError("tpm2_unseal: no")
        return b"sealed" + content[::-1]

    def open(self, kept: bytes) -> bytes:
        if not self.works and self.is_sealed(kept):
            raise SealedError("tpm2_unseal: no")
        return kept.removeprefix(b"sealed")[::-1] if self.is_sealed(kept) else kept


def test_lists_lie_sealed_on_the_card_and_those_that_lay_open_do_not_any_longer(centre: Centre, box: Box) -> None:
    centre.approved(PLATE)
    centre.turn()
    box.hear(centre.wanted())
    path = box.folder / "lists.bin"
    lay_open = path.read_bytes()
    assert decode_watchlist(lay_open).parts
    door, locked = Door(centre.deployment.url, box.folder), Locked()
    sealed = Box(door, sealing=locked)
    assert sealed.part.held.parts == box.part.held.parts
    sealed.part.look()
    assert path.read_bytes() == locked.seal(lay_open)
    again = Box(door, sealing=locked)
    assert again.part.held.parts == (), "the cameras wait for no TPM"
    again.part.look()
    assert again.told[-1].parts == box.part.held.parts
    assert again.obeys == box.obeys


def test_a_tpm_that_fails_keeps_no_list_from_being_compared(centre: Centre, box: Box) -> None:
    locked = Locked()
    locked.works = False
    sealed = Box(Door(centre.deployment.url, box.folder), sealing=locked)
    centre.approved(PLATE)
    centre.turn()
    sealed.hear(centre.wanted())
    assert [len(part.entries) for part in sealed.part.held.parts] == [1]
    path = box.folder / "lists.bin"
    assert not path.exists(), "nothing lies there openly meanwhile"
    locked.works = True
    sealed.part.look()
    assert locked.is_sealed(path.read_bytes())
    # It fails again when the agent starts, without a network, and works later.
    later = Box(Door("https://127.0.0.1:9", box.folder), sealing=locked)
    for works in (False, True):
        locked.works = works
        with suppress(UnavailableError):
            later.part.look()
        assert path.exists()
        assert bool(later.part.held.parts) is works
    assert [len(part.entries) for part in later.part.held.parts] == [1]


def test_what_was_withdrawn_meanwhile_goes_from_the_card_though_it_cannot_be_opened(centre: Centre, box: Box) -> None:
    locked, door = Locked(), Door(centre.deployment.url, box.folder)
    made = centre.approved(PLATE)
    centre.turn()
    Box(door, sealing=locked).hear(centre.wanted())
    lists.withdraw(centre.connection, LI, made.number, "found")
    centre.turn()
    locked.works = False
    later = Box(door, sealing=locked)
    assert later.hear(centre.wanted()) == centre.wanted().sections[0].version
    assert not (box.folder / "lists.bin").exists()


def test_a_file_of_before_is_not_believed_and_the_box_says_so(
    centre: Centre, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hashes were made otherwise: it would hold a list, and hit nothing."""
    from shared.plates import watchlist

    centre.approved(PLATE)
    monkeypatch.setattr(watchlist, "_PURPOSE", b"hawkline watchlist 1\0")
    centre.turn()
    box.hear(centre.wanted())
    assert box.part.held.parts
    monkeypatch.undo()
    later = Box(Door(centre.deployment.url, box.folder))
    assert later.part.held.parts == ()
    assert later.hear(centre.wanted()) == centre.wanted().sections[0].version
    assert [len(part.entries) for part in later.part.held.parts] == [1]


def test_who_asks_again_and_again_keeps_nobody_waiting_and_who_is_revoked_meanwhile_gets_nothing(
    centre: Centre, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.approved(PLATE)
    centre.turn()
    door, goes_on, made = Door(centre.deployment.url, box.folder), threading.Event(), list[Address]()
    as_ever = watchlists.made

    def slowly(*asked: Any) -> Any:
        made.append(asked[1])
        goes_on.wait(20)
        return as_ever(*asked)

    monkeypatch.setattr(watchlists, "made", slowly)

    def fetch() -> str:
        try:
            return f"{len(decode_watchlist(door.fetch_watchlist()).parts)} list"
        except (TrustError, UnavailableError) as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(fetch)]
        await_true("the first is made", lambda: len(made) == 1)
        for _ in range(5):
            asked.append(pool.submit(fetch))
            time.sleep(0.3)
        goes_on.set()
        said = [each.result(30) for each in asked]
        assert said[0] == said[-1] == "1 list"
        assert all("asked for again meanwhile" in each for each in said[1:-1]), said
        assert len(made) == 2
        goes_on.clear()
        last = pool.submit(fetch)
        await_true("it is made", lambda: len(made) == 3)
        centre.deployment.revoke(BOX)
        goes_on.set()
        assert last.result(30) != "1 list", "it was revoked while its list was made"


def test_what_the_next_month_needs_waits_until_the_boxes_are_asked(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.approved(*(f"皖A1{number:04}" for number in range(watchlists._AT_ONCE + 1)))
    deployment = deployment_secret(centre.deployment.folder, make=True)
    months = watchlists.months(deployment, datetime(2026, 11, 30, 12, tzinfo=UTC))
    monkeypatch.setattr(watchlists, "months", lambda *_: months)
    hashed = list[tuple[int, int, int]]()
    ask = watchlists.ask_boxes

    def asked(connection: Connection, month: watchlists.Month) -> int:
        counts = [
            connection.execute("SELECT count(*) AS n FROM list_hashes WHERE under = %s", (each.under,)).fetchone()["n"]  # type: ignore[index]
            for each in months
        ]
        hashed.append((counts[0], counts[1], ask(connection, month)))
        return hashed[-1][2]

    monkeypatch.setattr(watchlists, "ask_boxes", asked)
    with ExitStack() as stack:
        settings = SimpleNamespace(trust=True, data_dir=centre.deployment.folder)
        turn = watchlists.turns(SimpleNamespace(settings=settings, ending=stack))  # type: ignore[arg-type]
        assert turn is not None
        turn(centre.connection)
    whole = watchlists._AT_ONCE + 1
    told = next(place for place, (_, _, changed) in enumerate(hashed) if changed)
    assert hashed[told][:2] == (whole, 0), hashed
    assert hashed[-1][:2] == (whole, whole)
