"""Rules decide with named reasons; retries, signatures and settings as tables."""

import base64
import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.feed.log import to_sse
from aggregator.notify.signing import sign
from aggregator.notify.webhook import retry_wait_s
from aggregator.rules.occurrence import Occurrence
from aggregator.rules.watches import evaluate
from aggregator.store import load_queries
from edge_agent.sources.rtsp import retry_delay_s
from shared.credentials import without_credentials
from shared.errors import WireError
from shared.events import Direction, Lane, LineCrossed, ListHit
from shared.ids import new_epoch
from shared.net import require_loopback
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


def test_armed_line_raises() -> None:
    (decision,) = evaluate(crossing(), timedelta(seconds=30))
    assert (decision.kind, decision.priority, decision.at) == ("tripwire", 2, AT)
    assert decision.confirmed_at == AT + timedelta(milliseconds=500)


def test_a_list_hit_raises_and_its_entry_joins_whatever_its_track_is_called() -> None:
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

    (decision,) = evaluate(hit(), timedelta(seconds=30))
    assert (decision.kind, decision.priority, decision.reason.value) == ("list_hit", 1, "list_hit")
    assert decision.confirmed_at == AT + timedelta(milliseconds=500)
    keys = [
        evaluate(one, timedelta(seconds=30))[0].key
        for one in (hit(), hit(track=5, run=9), hit(entry=9), hit(list_version=2))
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3, "another entry, and what may be another one in another version"
    assert evaluate(hit(priority=0), timedelta(seconds=30)) == []


def test_unarmed_line_does_not() -> None:
    assert evaluate(crossing(priority=0), timedelta(seconds=30)) == []


@pytest.mark.parametrize("other", [{"track": 5}, {"run": 4}, {"line": 3}, {"revision": 2}])
def test_another_track_run_line_or_configuration_is_another_alert(other: dict[str, int]) -> None:
    keys = {evaluate(one, timedelta(seconds=30))[0].key for one in (crossing(), crossing(**other))}
    assert len(keys) == 2


@pytest.mark.parametrize("other", [{"direction": Direction.RIGHT_TO_LEFT}, {"confirm_ms": 2**60}, {"at_ms": 5}])
def test_same_track_on_the_same_line_is_the_same_alert(other: dict[str, int]) -> None:
    keys = {evaluate(one, timedelta(seconds=30))[0].key for one in (crossing(), crossing(**other))}
    assert len(keys) == 1


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
    assert to_sse({"id": 7, "topic": "alert", "message": '{"a":1}'}) == b'id: 7\nevent: alert\ndata: {"a":1}\n\n'


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


@pytest.mark.parametrize("file", ["ingest.sql", "alerting.sql", "operations.sql"])
def test_queries_are_found_by_name(file: str) -> None:
    queries = load_queries(file)
    assert len(queries) > 5
    assert all(text and not text.endswith(";") for text in queries.values())
