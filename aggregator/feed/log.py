"""The feed's ordered log. Ids are given under a lock held until the commit, so they appear in their order."""

from collections.abc import Mapping, Sequence
from typing import Any

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)
ALERT = "alert"
BOX = "box"


def lock(connection: Connection) -> None:
    """From here to the commit this transaction alone adds to the feed."""
    connection.execute(SQL["lock_feed"])


def append(connection: Connection, topic: str, messages: Sequence[str]) -> None:
    """Lock the feed, and add messages within the caller's transaction; each is JSON and goes out as it is."""
    if messages:
        lock(connection)
        add(connection, topic, messages)


def add(connection: Connection, topic: str, messages: Sequence[str]) -> None:
    """The same for a caller who holds the feed's lock."""
    if messages:
        connection.execute(SQL["add_feed"], {"topic": topic, "messages": list(messages)})


def to_sse(row: Mapping[str, Any]) -> bytes:
    """One feed row as a server-sent event."""
    return f"id: {row['id']}\nevent: {row['topic']}\ndata: {row['message']}\n\n".encode()


def prune(connection: Connection) -> None:
    """Delete messages older than a week: who was away for longer reads the state instead."""
    connection.execute(SQL["prune_feed"])
