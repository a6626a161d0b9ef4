"""A message of the feed, serialised once for all who hear it."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One server-sent event.

    Attributes:
        number: its place in the log.
        topic: what kind it is.
        sites: that it tells of; None is of the centre itself.
        whole: its bytes.
        kinds: by which somebody may hear of it alone.
        cut: the bytes for those to whom not all of these sites belong.
    """

    number: int
    topic: str
    sites: frozenset[str] | None
    kinds: tuple[str, ...]
    whole: bytes
    cut: bytes

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Message":
        """From a row of the log."""
        number, topic, sites = int(row["id"]), str(row["topic"]), row["sites"]
        whole = f"id: {number}\nevent: {topic}\ndata: {row['message']}\n\n".encode()
        cut = whole if row["cut"] is None else f"id: {number}\nevent: {topic}\ndata: {row['cut']}\n\n".encode()
        kinds = tuple(row["kinds"] or ())
        return cls(number, topic, None if sites is None else frozenset(sites), kinds, whole, cut)
