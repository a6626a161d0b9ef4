"""When something is armed: spans of the week, in the time of the place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^(?P<days>[a-z,\- ]+?)\s+(?P<from>\d{1,2}:\d{2})-(?P<to>\d{1,2}:\d{2})$")
_EXAMPLE = 'expected days and times such as "mon-fri 18:00-07:00", "sat,sun 00:00-24:00" or "daily 22:00-06:00"'


@dataclass(frozen=True, slots=True)
class Span:
    """Days (0 is Monday) on which it begins, and minutes of the day; an end before the start is on the next day."""

    days: frozenset[int]
    start: int
    end: int

    def covers(self, day: int, minute: int) -> bool:
        """Whether a minute of a weekday lies in it."""
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.end)


def parse_span(text: str) -> Span:
    """Read one span.

    Raises:
        ValueError: what is wrong, and an example.
    """
    match = _SPAN.match(text.strip().lower())
    if not match:
        raise ValueError(f"schedule {text!r}: {_EXAMPLE}")
    return Span(_days(match["days"], text), _minute(match["from"], text), _minute(match["to"], text))


def covers(spans: Iterable[Span], moment: datetime) -> bool:
    """Whether a moment, in the time of the place, lies in one of the spans."""
    return any(span.covers(moment.weekday(), moment.hour * 60 + moment.minute) for span in spans)


def _days(text: str, whole: str) -> frozenset[int]:
    if text.strip() in ("daily", "every day"):
        return frozenset(range(7))
    found: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip()):
        first, _, last = part.partition("-")
        try:
            start, end = _DAYS.index(first), _DAYS.index(last or first)
        except ValueError:
            raise ValueError(f"schedule {whole!r}: {part!r} is no day; {_EXAMPLE}") from None
        found.update((start + n) % 7 for n in range((end - start) % 7 + 1))
    return frozenset(found)


def _minute(text: str, whole: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if hour * 60 + minute > 24 * 60 or minute > 59:
        raise ValueError(f"schedule {whole!r}: {text!r} is no time of day; {_EXAMPLE}")
    return hour * 60 + minute
