"""`Retry-After` of an answer: how long a receiver wants to be left alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

STATUSES = 429, 503
"""Answers with which it is obeyed."""
LONGEST_S = 86_400.0
"""What a receiver asks for beyond a day is cut to a day."""


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float:
    """Seconds to wait; 0 where the header is absent, past, or makes no sense.

    Args:
        headers: of the answer, lower-case names.
        now_s: our clock; a date is taken against the answer's own `Date` where it has one.
    """
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdecimal():
        return min(float(told[:9]), LONGEST_S)
    until = _moment(told)
    if until is None:
        return 0.0
    sent = _moment(headers.get("date", "")) or datetime.fromtimestamp(now_s, tz=UTC)
    return min(max(0.0, (until - sent).total_seconds()), LONGEST_S)


def _moment(told: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(told)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
