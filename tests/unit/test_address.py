"""Camera addresses: who is dialled, what is shown, and what is refused without repeating it."""

import socket

import pytest

from aggregator.config import DatabaseSettings, WebhookSettings
from aggregator.dsn import check_dsn
from edge_agent.address import camera_address
from edge_agent.config import AggregatorSettings, RtspCamera, TrustSettings
from shared.credentials import without_credentials
from shared.net import require_loopback


@pytest.mark.parametrize(
    ("url", "host", "port", "shown", "dialled"),
    [
        ("rtsp://h/a", "h", 554, "h:554/a", "rtsp://h/a"),
        ("rtsps://192.0.2.1", "192.0.2.1", 322, "192.0.2.1:322/", "rtsps://192.0.2.1"),
        ("rtsp://u:p%23q@h:8554/a/b", "h", 8554, "h:8554/a/b", "rtsp://u:p%23q@h:8554/a/b"),
        ("rtsp://u:p@q@h/a", "h", 554, "h:554/a", "rtsp://u:p%40q@h/a"),
        ("rtsp://u:x[y]z@192.0.2.1/a", "192.0.2.1", 554, "192.0.2.1:554/a", "rtsp://u:x%5By%5Dz@192.0.2.1/a"),
        ("rtsp://u:100%sure@h/a", "h", 554, "h:554/a", "rtsp://u:100%25sure@h/a"),
        ("rtsp://u:a:b@h/a", "h", 554, "h:554/a", "rtsp://u:a%3Ab@h/a"),
        ("rtsp://u:北@h/a", "h", 554, "h:554/a", "rtsp://u:%E5%8C%97@h/a"),
        ("rtsp://[2001:db8::1]:8554/a", "2001:db8::1", 8554, "[2001:db8::1]:8554/a", "rtsp://[2001:db8::1]:8554/a"),
        (
            "rtsp://192.0.2.1/user=a_password=p@q",
            "192.0.2.1",
            554,
            "192.0.2.1:554",
            "rtsp://192.0.2.1/user=a_password=p@q",
        ),
    ],
)
def test_what_is_dialled_and_shown(url: str, host: str, port: int, shown: str, dialled: str) -> None:
    address = camera_address(url)
    assert (address.host, address.port, address.shown, address.url) == (host, port, shown, dialled)
    assert RtspCamera(url=url).url == dialled


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://op:12/s3cret@127.0.0.1:9/a",
        "rtsp://op:s3cret#x@192.0.2.1/a",
        "rtsp://op:12?s3cret@192.0.2.1/a",
        "rtsp://op:s3@cret/x@192.0.2.1/a",
        "rtsp://op:s3cret/a",
        "rtsp://op:s3cret,192.0.2.1/a",
        "rtsp://op:s3cret@/a",
        "rtsp://op:s3cret@192.0.2.1:99999/a",
        "rtsp://op:s3cret@[192.0.2.1]/a",
        "rtsp://op:s3cret@192.0.2.1/a#b",
        "rtsp：//op:s3cret@192.0.2.1/a",
        " rtsp://op:s3cret@192.0.2.1/a",
        "rtsp://op:s3cret@192.0.2.1/a\n",
        "http://op:s3cret@192.0.2.1/a",
        "op:s3cret@192.0.2.1/a",
        "",
    ],
)
def test_what_is_ambiguous_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        camera_address(url)
    assert not any(part in str(refused.value) for part in ("s3", "cret", "op:s"))


@pytest.mark.parametrize(
    ("make", "url"),
    [
        (lambda url: TrustSettings(url=url), "https://op:s3cret@h:8421"),
        (lambda url: TrustSettings(url=url), "https://op:12/s3cret@h:8421"),
        (lambda url: TrustSettings(url=url), "https://op:s3cret"),
        (lambda url: AggregatorSettings(url=url), "http://op:s3cret@127.0.0.1"),
        (lambda url: AggregatorSettings(url=url), "http://op:s3#cret@127.0.0.1"),
        (lambda url: WebhookSettings(name="w", url=url, secret="x" * 16), "https://op:s3cret"),
        (lambda url: WebhookSettings(name="w", url=url, secret="x" * 16), "https://op:a[s3cret]b/c"),
        (lambda url: WebhookSettings(name="w", url=url, secret="x" * 16), "hooks/s3cret"),
        (lambda url: require_loopback(url, "broker.host"), "op:s3cret@192.0.2.1"),
    ],
)  # fmt: skip
def test_no_other_address_is_repeated_either(make: object, url: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        make(url)  # type: ignore[operator]
    assert "s3" not in str(refused.value)


def test_a_webhook_may_have_user_and_password() -> None:
    WebhookSettings(name="w", url="https://op:x%40y@192.0.2.1:8443/hook?token=a@b", secret="x" * 16)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cannot open rtsp://op:s3cret@h:554/a?b=c: refused", "cannot open rtsp://h:554 refused"),
        ("'rtsp://op:12/s3cret@h/a'", "'rtsp://h'"),
        ("rtsp://op:s3'cret@h/a", "rtsp://h"),
        ("rtsp://op:s3 cret@h/a", "rtsp://h"),
        ("rtsp://op:s3cret", "rtsp://…"),
        ("http://a/ and rtsp://op:s3cret@h/x", "http://a and rtsp://h"),
        ("host=h password=s3cret user=op", "host=h password=… user=op"),
        ("password='s3 cret' x", "password=… x"),
        ("nothing here", "nothing here"),
    ],
)
def test_text_without_credentials(text: str, left: str) -> None:
    assert without_credentials(text) == left


def test_words_for_a_camera_that_does_not_answer() -> None:
    from edge_agent.camera.sources.failure import unreachable

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "refuses the connection" in str(unreachable(camera_address(f"rtsp://127.0.0.1:{port}/a")))
    assert "is not found" in str(unreachable(camera_address("rtsp://no-such-camera.invalid/a")))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert unreachable(camera_address(f"rtsp://127.0.0.1:{listening.getsockname()[1]}/a")) is None


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://op:s3@cret@h/db",
        "postgresql://op:12/s3cret@h/db",
        "postgresql://op:s3%zzcret@h/db",
        "postgresql://op:s3cret/db",
        "host=h password=s3 cret",
        "host=h password='s3cret",
        "host=h port=s3cret",
        "s3cret",
    ],
)
def test_the_address_of_a_database_is_not_repeated(dsn: str) -> None:
    with pytest.raises(ValueError, match="dsn: ") as refused:
        DatabaseSettings(dsn=dsn)
    assert not any(part in str(refused.value) for part in ("s3", "cret"))


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///hawkline",
        "postgres://u:p%40q@[::1]:5432/db?sslmode=require",
        "postgresql://u:p@h1,h2:5433/db?sslmode=verify-full",
        "host=/var/run/postgresql dbname=hawkline user=hawkline password='a b@c/d'",
        "postgresql://u@/db?host=/var/run/postgresql",
        "postgresql://h/db?application_name=a@b&sslmode=verify-full&sslrootcert=system",
        "postgresql://u:a?b#c@localhost/db",
        "dbname=hawkline",
    ],
)
def test_what_libpq_reads_is_taken(dsn: str) -> None:
    assert DatabaseSettings(dsn=dsn).dsn == dsn


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p@db.example.org/hawkline",
        "postgresql://u:p@db.example.org/hawkline?sslmode=require",
        "postgresql://u:p@localhost,db.example.org/hawkline?sslmode=verify-ca",
        "host=localhost hostaddr=192.0.2.1 dbname=hawkline",
        "service=elsewhere",
    ],
)
def test_a_database_elsewhere_is_asked_who_it_is(dsn: str) -> None:
    with pytest.raises(ValueError, match=r"sslmode=verify-full|names a file"):
        check_dsn(dsn)
