"""What events leave besides their row: names of a configuration, announcements of pictures; and who sent too many."""

from collections.abc import Collection
from datetime import datetime

from psycopg.types.json import Jsonb

from aggregator.ingest.heard import LONGEST_NAME, text
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.events import ConfigApplied, EvidenceReady
from shared.topics import Address

SQL = load_queries("ingest.sql")
_MOST_CAMERAS, _MOST_LINES, _MOST_POINTS = 256, 512, 64
"""Of a configuration, and of a line; what is beyond has no name."""


def configuration(connection: Connection, producer: int, event: ConfigApplied) -> None:
    """The names of cameras and lines."""
    where = {"producer_id": producer, "revision": event.revision}
    for number, name in enumerate(event.cameras[:_MOST_CAMERAS]):
        connection.execute(SQL["add_camera"], {**where, "camera": number, "name": text(name, LONGEST_NAME)})
    for number, line in enumerate(event.lines[:_MOST_LINES]):
        connection.execute(
            SQL["add_line"],
            {
                **where,
                "line": number,
                "camera": line.camera,
                "name": text(line.name, LONGEST_NAME),
                "points": Jsonb(line.points[:_MOST_POINTS]),
                "direction": text(line.direction, LONGEST_NAME),
                "priority": line.priority,
                "rule": line.rule,
            },
        )


def evidence(connection: Connection, producer: int, event: EvidenceReady, taken_at: datetime) -> None:
    """A picture that is going to come, and whose it is."""
    connection.execute(SQL["add_evidence"], {"sha256": event.sha256, "size": event.size, "taken_at": taken_at})
    connection.execute(
        SQL["link_evidence"],
        {
            "producer_id": producer,
            "lane": event.lane,
            "seq": event.seq,
            "sha256": event.sha256,
        },
    )


def exceeded(connection: Connection, over: Collection[tuple[Address, str]]) -> None:
    """Boxes that were over their bounds just now, and over which."""
    # In one order everywhere, so that two that note the same do not wait for each other.
    for box, what in sorted(over):
        connection.execute(SQL["note_over_limits"], {"site": box.site, "agent": box.agent, "what": what})
