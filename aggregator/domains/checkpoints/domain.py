"""Checkpoints: vehicles that passed a lane are counted; that too many plates stay unread is said of their camera."""

from aggregator.domains.checkpoints.passages import KEPT, SQL, Passages
from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Job, Kind, Place
from shared.events import ListHit, VehiclePassed


def _place(event: VehiclePassed) -> Place:
    return Place(event.revision, event.line)


def _hit_place(event: ListHit) -> Place:
    return Place(event.revision, event.line, None, event.priority)


def _lane(event: VehiclePassed | ListHit) -> tuple[int, int]:
    return event.revision, event.line


DOMAIN = Domain(
    "checkpoints",
    (
        Kind(VehiclePassed, _place, Passages, costs="lines", once=_lane, kept=KEPT),
        Kind(ListHit, _hit_place, Passages, costs="lines", once=_lane),
    ),
    (
        Condition(
            "plates_unread", 3, "卡口识读率低", "Too many plates unread", clears_itself=True, many=20, many_here=5
        ),
    ),
    routers=("aggregator.domains.checkpoints.api:router",),
    jobs=(
        Job("forget-passages", 300, "aggregator.domains.checkpoints.passages:forgetting", patience_s=3600),
        Job("judge-reading", 900, "aggregator.domains.checkpoints.reading_judge:turns", patience_s=3600, settles_s=60),
    ),
    retained=(by_day("lane hours", lambda periods: periods.coverage, SQL),),
)
