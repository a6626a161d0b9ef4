"""Pictures of events: announced in the record, brought by a way of their own."""

from collections import Counter
from datetime import datetime

from aggregator.domains.evidence import exports, forgetting
from aggregator.retention.by_day import by_day, old_days
from aggregator.signals.declarations import Domain, Job, Kind, Retained
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.desired import EXPORTS
from shared.events import EvidenceReady, Lane
from shared.topics import Address

SQL = load_queries(__package__)

MOST_OF_ONE_EVENT = 16
"""Pictures; a box of ours has one. What is announced beyond is not linked, so it is neither brought nor shown."""


class Announced:
    """Pictures that are going to come, and whose they are."""

    def __init__(self) -> None:
        self._pictures: list[tuple[bytes, int, EvidenceReady, datetime]] = []

    def take(self, event: EvidenceReady, producer: int, _lane: Lane, event_at: datetime, _address: Address) -> None:
        self._pictures.append((event.sha256, producer, event, event_at))

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        hashes, producers, events, taken_ats = zip(*sorted(self._pictures, key=lambda each: each[:2]), strict=True)
        sha256s = arrays.of_bytes(hashes)
        sizes = arrays.of_ints(event.size for event in events)
        connection.execute(SQL["add_evidence"], {"sha256s": sha256s, "sizes": sizes, "taken_ats": list(taken_ats)})
        connection.execute(
            SQL["link_evidence"],
            {
                "producer_ids": arrays.of_ints(producers),
                "lanes": arrays.of_ints(event.lane for event in events),
                "seqs": arrays.of_ints(event.seq for event in events),
                "sha256s": sha256s,
                "most": MOST_OF_ONE_EVENT,
            },
        )


DOMAIN = Domain(
    "evidence",
    (Kind(EvidenceReady, projection=Announced, costs="pictures"),),
    routers=(
        "aggregator.domains.evidence.api:router",
        "aggregator.domains.evidence.cases_api:router",
        "aggregator.domains.evidence.exports_api:router",
    ),
    sections={EXPORTS: exports.compose},
    jobs=(
        Job(
            "sweep-pictures",
            3600,
            "aggregator.domains.evidence.forgetting:turns",
            86_400,
            settles_s=600,
            takes_long=True,
        ),
    ),
    retained=(
        Retained(
            "pictures",
            lambda periods: periods.pictures,
            old_days(forgetting.SQL["old_days_of_pictures"]),
            forgetting.drop_day,
        ),
        # As long as the audit: both tell who looked at what.
        by_day("cases", lambda periods: periods.audit, load_queries(__package__, "cases.sql")),
        Retained(
            "exports", lambda _periods: exports.KEPT, old_days(exports.SQL["old_days_of_exports"]), exports.drop_day
        ),
    ),
)
