"""Rules decide with named reasons; retries, signatures and settings as tables."""

import base64
import hashlib
import hmac
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.domains.cameras import domain as cameras
from aggregator.domains.lines import domain as lines
from aggregator.domains.lines.domain import LineNames
from aggregator.domains.lists import hits
from aggregator.domains.webhooks.sender import retry_wait_s
from aggregator.domains.webhooks.signing import sign
from aggregator.feed.message import Message
from aggregator.signals.alert_policy import Ailing, Cause, Joins, RaiseOrJoin, ailing, decide
from aggregator.signals.declarations import Condition, Domain, DomainError, Job, Kind, Page, domains, together
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from aggregator.store import load_queries
from edge_agent.camera.sources.rtsp import retry_delay_s
from shared.credentials import without_credentials
from shared.errors import WireError
from shared.events import CameraChanged, CameraState, Direction, Lane, LineCrossed, ListHit
from shared.ids import new_epoch
from shared.net import require_loopback
from shared.objects import ObjectClass
from shared.topics import Address, Channel, every_box, parse, shared_by

AT = datetime(2026, 7, 1, tzinfo=UTC)


def crossing(**changes: object) -> Occurrence:
    fields = {
        "at_ms": 0,
        "revision": 1,
        "line": 2,
        "direction": Direction.LEFT_TO_RIGHT,
        "run": 3,
        "track": 4,
        "priority": 2,
        "confirm_ms": 500,
    } | changes
    return Occurrence(9, Lane.ALARM, 1, AT, LineCrossed(**fields))  # type: ignore[arg-type]


def evaluate(occurrence: Occurrence, now: datetime = AT) -> RaiseOrJoin:
    names = LineNames({(9, 1, 2): ("cam", "gate")})
    if isinstance(occurrence.event, ListHit):
        signal = hits.judged(occurrence, Address("s", "a"), names, {})
        assert signal is not None
    else:
        signal = lines.judged(occurrence, Address("s", "a"), names)
    return decide(signal, domains().condition(signal), timedelta(seconds=30), now)


def test_armed_line_raises() -> None:
    decision = evaluate(crossing())
    assert (decision.condition, decision.priority, decision.at) == ("tripwire", 2, AT)
    assert decision.subject == Subject("line", "s", "a", "cam", "gate")
    assert decision.confirmed_at == AT + timedelta(milliseconds=500)


def test_what_it_was_is_told_where_looks_know_it() -> None:
    assert "object" not in evaluate(crossing()).detail
    detail = evaluate(crossing(object=ObjectClass.PERSON, score=87)).detail
    assert (detail["object"], detail["score"]) == ("person", 0.87)


def hit(**changes: int) -> Occurrence:
    fields: dict[str, int] = {
        "run": 3,
        "track": 4,
        "priority": 1,
        "list_number": 7,
        "list_version": 1,
        "entry": 8,
    } | changes
    event = ListHit(
        at_ms=0,
        revision=1,
        line=2,
        direction=Direction.LEFT_TO_RIGHT,
        confirm_ms=500,
        likeness=990,
        **fields,
    )
    return Occurrence(9, Lane.ALARM, 1, AT, event)


def test_a_list_hit_raises_and_its_entry_joins_whatever_its_track_is_called() -> None:
    decision = evaluate(hit())
    assert (decision.condition, decision.priority, decision.reason) == ("list_hit", 1, "list_hit")
    assert decision.confirmed_at == AT + timedelta(milliseconds=500)
    keys = [evaluate(one).key for one in (hit(), hit(track=5, run=9), hit(entry=9), hit(list_version=2))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3, "another entry, and what may be another one in another version"


def test_what_is_not_armed_says_nothing() -> None:
    for event in (crossing(priority=0).event, hit(priority=0).event):
        assert not domains().wanted(event)
    assert domains().wanted(crossing().event)


def test_late_means_more_than_a_quarter_of_an_hour_and_then_a_box_rings_once() -> None:
    in_time = evaluate(crossing(), now=AT + timedelta(minutes=14))
    assert (in_time.condition, in_time.joins) == ("tripwire", Joins.IN_TIME)
    late = [evaluate(one, now=AT + timedelta(minutes=16)) for one in (crossing(), crossing(track=5, priority=1))]
    assert {(each.key, each.condition, each.joins) for each in late} == {("while_away:s/a", "while_away", Joins.LATELY)}
    assert [each.priority for each in late] == [2, 1]
    assert {each.subject for each in late} == {Subject("box", "s", "a")}
    assert {each.at for each in late} == {AT}, "with its own time"
    assert evaluate(hit(), now=AT + timedelta(days=3)).condition == "list_hit", "rings however late"


def test_many_that_have_the_same_at_once_have_one_cause() -> None:
    condition = domains().conditions["box_silent"]

    def rings(agent: str, others: int) -> RaiseOrJoin:
        return ailing(Ailing(Subject("box", "s", agent), condition, 2, AT, {}, others), AT)

    alone = [rings(agent, 3) for agent in ("a", "b")]
    assert len({each.key for each in alone}) == 2
    assert {each.subject.agent for each in alone} == {"a", "b"}
    many = [rings(agent, 700) for agent in ("a", "b")]
    assert {(each.key, each.subject, each.box) for each in many} == {("many:box_silent", Subject("box"), None)}


def test_a_cause_that_the_plan_names_counts_where_it_explains_what_ails() -> None:
    condition = domains().conditions["box_silent"]
    switch = Cause("switch", "SW-1", "s", 4)

    def rings(others: int, here: int, cause: Cause | None, **more: object) -> RaiseOrJoin:
        found = Ailing(Subject("box", "s", "a"), condition, 2, AT, {}, others, "", here, cause)
        return ailing(replace(found, **more), AT)  # type: ignore[arg-type]

    known = rings(3, 3, switch)
    assert (known.key, known.subject) == ("cause:box_silent:switch:s:SW-1", Subject("box", "s"))
    assert known.detail == {"cause": "switch", "of": "SW-1"}
    assert rings(3, 3, None).key == "many:box_silent:s"
    assert rings(4, 4, switch).key == known.key, "four of five hang on it"
    assert rings(700, 5, switch).key == "many:box_silent", "it explains but a few of them"
    alone = replace(condition, many=0, many_here=0)
    assert rings(3, 3, switch, condition=alone).subject.agent == "a", "what is never joined is not joined by a cause"
    assert rings(3, 3, switch, maintenance="new cables").quiet


WORDS = {"zh": "甲", "en": "a"}


def declared(name: str, condition: str = "") -> Domain:
    return Domain(name, conditions=(Condition(condition, 1),) if condition else ())


@pytest.mark.parametrize(
    ("domains", "said"),
    [
        ([declared("a", "x"), declared("a", "y")], "domain 'a' is declared twice"),
        ([declared("a", "x"), declared("b", "x")], "'x' is declared by domain 'a' and by domain 'b'"),
        (
            [Domain("a", jobs=(Job("j", 1, "x:y"),)), Domain("b", jobs=(Job("j", 1, ""),))],
            "job 'j' is declared by domain",
        ),
        ([Domain("a", jobs=(Job("broker-access", 1, ""),))], "job 'broker-access' is one of ours"),
        ([Domain("a", pages=(Page("a", {"zh": "甲"}, "x:y"),))], "words: en is missing"),
        ([Domain("a", pages=(Page("a", WORDS, "x"),))], "folder 'x': expected PACKAGE:FOLDER"),
        ([Domain("a", pages=(Page("a", WORDS, "x:../y"),))], "folder 'x:../y': expected PACKAGE:FOLDER"),
        ([Domain("a", pages=(Page("../a", WORDS, "x:y"),))], "page '../a': name: expected"),
        ([Domain("a", (Kind(str),))], "'a': str is no kind of events"),
    ],
)
def test_declarations_that_contradict_each_other_are_refused_by_name(domains: list[Domain], said: str) -> None:
    with pytest.raises(DomainError, match=said):
        together(domains)


def test_a_signal_of_no_declared_condition_is_refused() -> None:
    with pytest.raises(DomainError, match="'nonsense'"):
        domains().condition(Signal(Subject("box"), "nonsense", True, AT))


def test_every_state_of_a_camera_means_something_but_starting() -> None:
    assert set(CameraState) - set(cameras.CONDITION) == {CameraState.STARTING}
    changed = CameraChanged(0, 1, 0, CameraState.STALLED, "no packets")
    said = list(cameras.judged(Occurrence(9, Lane.ALARM, 1, AT, changed), Address("s", "a"), "gate", 1))
    assert [(each.condition, each.active, each.priority) for each in said] == [
        ("camera_blind", True, 1),
        ("camera_degraded", False, 0),
    ]


@pytest.mark.parametrize("other", [{"track": 5}, {"run": 4}, {"line": 3}, {"revision": 2}])
def test_another_track_run_line_or_configuration_is_another_alert(other: dict[str, int]) -> None:
    assert len({evaluate(one).key for one in (crossing(), crossing(**other))}) == 2


@pytest.mark.parametrize("other", [{"direction": Direction.RIGHT_TO_LEFT}, {"confirm_ms": 2**60}, {"at_ms": 5}])
def test_same_track_on_the_same_line_is_the_same_alert(other: dict[str, int]) -> None:
    assert len({evaluate(one).key for one in (crossing(), crossing(**other))}) == 1


def test_signature_is_the_standards() -> None:
    headers = sign("s" * 32, "msg_1", 1_700_000_000, b'{"a":1}')
    digest = hmac.new(b"s" * 32, b'msg_1.1700000000.{"a":1}', hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", "1700000000")


def test_retries_grow_and_are_bounded() -> None:
    rng = random.Random(1)
    assert retry_wait_s(1, rng) < 3 < retry_wait_s(4, rng) < 3600 * 1.2 + 1
    assert retry_wait_s(10**6, rng) <= 3600 * 1.2
    assert retry_delay_s(0, rng) < 1
    assert retry_delay_s(10**6, rng) <= 30 * 1.25


def test_feed_message_on_the_wire() -> None:
    row = {"id": 7, "topic": "alert", "message": '{"a":1}', "sites": ["north"], "cut": None, "kinds": None}
    message = Message.of(row)
    assert message.whole == message.cut == b'id: 7\nevent: alert\ndata: {"a":1}\n\n'
    assert Message.of({**row, "cut": "{}"}).cut == b"id: 7\nevent: alert\ndata: {}\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://op:s3cret@camera/1",
        "cannot open 'rtsp://op:s3cret@camera/1': refused",
        "rtsps://op:s3cr%40et@10.0.0.1:554/x rtsp://op:s3cret@b/",
        "http://s3cret@host/",
        "rtsp://10.0.0.1:554/user=admin&password=s3cret&channel=1",
        "no rtsp://10.0.0.1?user=a&pwd=s3cret.",
    ],
)
def test_credentials_are_cut_out(text: str) -> None:
    shown = without_credentials(text)
    assert "s3cr" not in shown
    assert "@" not in shown


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    assert require_loopback(host, "host") == host


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"]
)
def test_everything_else_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"only loopback|expected a host name"):
        require_loopback(host, "host")


def test_topics() -> None:
    address = Address("north", "box-1")
    assert address.topic(Channel.ALARM) == "hl/1/north/box-1/up/alarm"
    assert parse("hl/1/north/box-1/down/ack") == (address, Channel.ACK)
    assert shared_by("g", every_box(Channel.BULK)) == "$share/g/hl/1/+/+/up/bulk"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "hl/1",
        "hl/2/s/a/up/alarm",
        "hl/1/s/a",
        "hl/1/s/a/up/other",
        "hl/1/S/a/up/alarm",
        "hl/1//a/up/alarm",
        "hl/1/s/a\0/up/alarm",
        "hl/1/s/a/up/alarm/x",
        "hl/1/" + "s" * 33 + "/a/up/alarm",
    ],
)
def test_other_topics_are_none_of_ours(topic: str) -> None:
    with pytest.raises(WireError):
        parse(topic)


def test_epochs_differ() -> None:
    assert len({new_epoch() for _ in range(100)}) == 100


@pytest.mark.parametrize("package", ["ingest", "alerting", "domains.boxes"])
def test_queries_are_found_by_name(package: str) -> None:
    queries = load_queries(f"aggregator.{package}")
    assert len(queries) > 5
    assert all(text and not text.endswith(";") for text in queries.values())
