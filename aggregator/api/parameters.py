"""Query parameters that the questions share."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from shared.ids import NAME_PATTERN
from shared.objects import ObjectClass, classes_named

Name = Annotated[str | None, Query(pattern=NAME_PATTERN)]
PlaceName = Annotated[str | None, Query(pattern=NAME_PATTERN, description="a site, or a place above sites")]
Label = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Moment = Annotated[str | None, Query(max_length=40, description="not before, or not after: ISO 8601 with a time zone")]


_CLASSES = ", ".join(each.label for each in ObjectClass)
ObjectNames = Annotated[
    list[str] | None,
    Query(alias="object", description=f"what it was, any of: {_CLASSES}; vehicle is all of them"),
]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Whose; what is not given means all."""

    place: PlaceName = None
    site: Name = None
    agent: Name = None


@dataclass(frozen=True, slots=True)
class Lines(Boxes):
    """Of which lines; what is not given means all."""

    camera: Label = None
    line: Annotated[Label, Query(description="name of a line or zone")] = None


BoxesQuery = Annotated[Boxes, Depends()]
LinesQuery = Annotated[Lines, Depends()]


_EARLIEST, _LATEST = 1970, 2200
"""Years between which questions make sense, and no sum of times leaves what a computer can write."""


def objects(names: Collection[str] | None) -> list[ObjectClass]:
    """The classes of things that were asked for; none means all.

    Raises:
        HTTPException: 422, there is no such class.
    """
    try:
        return sorted(classes_named(names or ()))
    except ValueError as error:
        raise HTTPException(422, f"object={error}") from None


def time_span(since: str | None, until: str | None, longest: timedelta | None = None) -> tuple[datetime, datetime]:
    """Read what time is asked for: of the last day where nothing is said.

    Raises:
        HTTPException: 422, one is not a moment, nothing can lie between the two, or more than may be asked at once.
    """
    end = moment("until", until) or datetime.now(UTC)
    begin = moment("since", since) or end - timedelta(days=1)
    if begin > end:
        raise HTTPException(422, "since lies after until: nothing can be between")
    if longest and end - begin > longest:
        raise HTTPException(422, f"since and until: at most {longest.days} days at once")
    return begin, end


def moment(name: str, text: str | None) -> datetime | None:
    """Read a moment.

    Raises:
        HTTPException: 422, it is not a moment, or says no zone.
    """
    if text is None:
        return None
    # A plus that was not escaped comes as a space.
    text = re.sub(r" (?=\d\d:?\d\d$)", "+", text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is not None and not _EARLIEST < read.year < _LATEST:
        raise HTTPException(422, f"{name}={text}: expected a time of our days, after {_EARLIEST} and before {_LATEST}")
    if read is None or not read.tzinfo:
        raise HTTPException(422, f"{name}={text}: expected a time with its zone, as 2026-11-20T08:00:00Z or …+08:00")
    return read
