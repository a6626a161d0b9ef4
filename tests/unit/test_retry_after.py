"""How long a receiver of webhooks wants to be left alone."""

import pytest

from shared.retry_after import LONGEST_S, retry_after_s

NOW_S = 1_795_824_000.0  # Sat, 28 Nov 2026 00:00:00 GMT


@pytest.mark.parametrize(
    ("told", "date", "wanted_s"),
    [
        ("120", None, 120),
        (" 7 ", None, 7),
        ("0", None, 0),
        ("999999999999999999999", None, LONGEST_S),
        ("Sat, 28 Nov 2026 00:02:00 GMT", None, 120),
        ("Sat, 28 Nov 2026 01:02:00 +0100", None, 120),
        ("Sat, 28 Nov 2026 00:02:00 GMT", "Sat, 28 Nov 2026 00:01:30 GMT", 30),
        ("Fri, 27 Nov 2026 23:00:00 GMT", None, 0),
        ("Mon, 28 Nov 2033 00:00:00 GMT", None, LONGEST_S),
        ("soon", None, 0),
        ("-5", None, 0),
        ("1.5", None, 0),
        ("١٢٠", None, 0),
        ("", None, 0),
        ("Sat, 99 Nov 2026 00:02:00 GMT", None, 0),
    ],
)
def test_seconds_and_dates_are_obeyed_within_a_day(told: str, date: str | None, wanted_s: float) -> None:
    headers = {"retry-after": told} | ({"date": date} if date else {})
    assert retry_after_s(headers, NOW_S) == wanted_s


def test_without_the_header_nothing_is_asked() -> None:
    assert retry_after_s({}, NOW_S) == 0
