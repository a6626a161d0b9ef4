"""The feed's ordered log. Ids are given under a lock held until the commit, so they appear in their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)
ALERT = "alert"
BOX = "box"


@dataclass(frozen=True, slots=True)
class Told:
    """A message.

    Attributes:
        message: JSON, which goes out as it is.
        sites: that it tells of; None is of the centre itself.
        cut: what those hear to whom not all of these sites belong; None: the same.
        kinds: by which somebody may hear of it alone: an alert's subject and condition.
    """

    message: str
    sites: Sequence[str] | None
    cut: str | None = None
    kinds: Sequence[str] = ()


def lock(connection: Connection) -> None:
    """From here to the commit this transaction alone adds to the feed."""
    connection.execute(SQL["lock_feed"])


def append(connection: Connection, topic: str, messages: Sequence[Told]) -> None:
    """Lock the feed, and add messages within the caller's transaction."""
    if messages:
        lock(connection)
        add(connection, topic, messages)


def add(connection: Connection, topic: str, messages: Sequence[Told]) -> None:
    """The same for a caller who holds the feed's lock."""
    if messages:
        values = {
            "topic": topic,
            "messages": [told.message for told in messages],
            "sites": [None if told.sites is None else " ".join(told.sites) for told in messages],
            "cuts": [told.cut for told in messages],
            "kinds": [" ".join(told.kinds) or None for told in messages],
        }
        connection.execute(SQL["add_feed"], values)


def prune(connection: Connection) -> None:
    """Delete messages older than a week: who was away for longer reads the state instead."""
    connection.execute(SQL["prune_feed"])
