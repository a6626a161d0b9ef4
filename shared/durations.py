"""Lengths of time in words."""

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def in_words(seconds: float) -> str:
    """A length of time in the unit that people would take: 400 days, 2.5 hours, 1 second."""
    seconds = abs(seconds)
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size or size == 1)
    number = f"{round(seconds / size, 1 if seconds / size < 10 else 0):g}"
    return f"{number} {unit}{'' if number == '1' else 's'}"


def clock_off(seconds: float) -> str:
    """What is wrong with a clock that is so far ahead; negative is behind."""
    return f"{'fast' if seconds > 0 else 'slow'} by {in_words(seconds)}"
