"""What rings: each occurrence of an alarm by itself, the same again joins it, and what comes late rings once a box."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from aggregator.signals.declarations import Condition, of_box
from aggregator.signals.occurrence import Member
from aggregator.signals.signal import Detail, Signal, Subject
from shared.topics import Address

LATE = timedelta(minutes=15)
"""What happened longer ago is news of the past: the operator can do nothing about each of it."""
QUIET = timedelta(minutes=15)
"""What a box brings late so soon after the last of it belongs to the same absence."""
_TOGETHER = timedelta(minutes=2)
"""What comes so close together has one cause."""
FLOOD = "more_than_one_box_may_raise"
AWAY = "while_away"
MANY = "one_cause"


class Joins(Enum):
    """Which open alert of its key a decision joins."""

    IN_TIME = "in_time"
    """One that happened within the window."""
    ANY = "any"
    """Whichever there is."""
    LATELY = "lately"
    """One that no operator has acknowledged, or that something joined just now."""


@dataclass(frozen=True, slots=True)
class RaiseOrJoin:
    """Join the open alert of this key that takes it, else raise one.

    Attributes:
        key: what is the same has the same.
        at: when it happened.
        window: for `Joins.IN_TIME`.
        reason: why its event belongs to an alert that it raises.
        join_reason: why to one that was there.
        box: whose allowance of alerts it uses; None: no box's.
        asked: a person asked for it; it uses none.
        quiet: it is recorded and shown, and rings nobody.
        clears_itself: its alert is over without a person.
    """

    key: str
    subject: Subject
    condition: str
    priority: int
    at: datetime
    confirmed_at: datetime
    window: timedelta
    reason: str
    join_reason: str
    joins: Joins = Joins.IN_TIME
    member: Member | None = None
    detail: Detail | None = None
    box: Address | None = None
    asked: bool = False
    quiet: bool = False
    clears_itself: bool = False
    of_site: str = ""


def decide(signal: Signal, condition: Condition, window: timedelta, now: datetime) -> RaiseOrJoin:
    """Decide on one occurrence of a condition that is held.

    Args:
        window: for so long the same joins its alert.
        now: by our clock.
    """
    subject = signal.subject
    box = Address(subject.site, subject.agent) if subject.agent else None
    decision = RaiseOrJoin(
        key=f"{signal.condition}:{signal.occurrence}",
        subject=subject,
        condition=signal.condition,
        priority=signal.priority or condition.priority,
        at=signal.at,
        confirmed_at=signal.confirmed_at or signal.at,
        window=window,
        reason=signal.reason or signal.condition,
        join_reason=signal.again or f"same_{signal.condition}_within_window",
        member=signal.member,
        detail=signal.detail,
        box=box,
        asked=signal.asked,
    )
    if box and now - signal.at > LATE and not condition.however_late:
        return replace(
            decision,
            key=f"{AWAY}:{box.site}/{box.agent}",
            subject=of_box(box),
            condition=AWAY,
            joins=Joins.LATELY,
            reason=AWAY,
            join_reason=AWAY,
            detail={},
        )
    return decision


def flooding(decision: RaiseOrJoin, now: datetime) -> RaiseOrJoin:
    """The same where its box has raised too many alerts already: one alert takes all of this priority and this hour.

    So no operator goes without news: what is more urgent than all before raises one, and every hour begins anew.

    Args:
        now: by our clock; times that a box tells would make as many alerts as it likes.
    """
    assert decision.box  # noqa: S101 - only boxes have an allowance
    # What clears itself must not clear what a person has to see.
    what = "flood-clears" if decision.clears_itself else "flood"
    what = f"quiet:{what}" if decision.quiet else what
    key = f"{what}:{decision.box.site}/{decision.box.agent}:{decision.priority}:{now:%Y-%m-%dT%H}"
    return replace(decision, key=key, joins=Joins.ANY, reason=FLOOD, join_reason=FLOOD)


@dataclass(frozen=True, slots=True)
class UnderMaintenance:
    """A site, a box or a camera that is worked on since a moment; what is empty means all of it."""

    site: str
    agent: str
    camera: str
    reason: str
    since: datetime

    def covers(self, subject: Subject, at: datetime) -> bool:
        """Whether what happened there at some time rings nobody; what happened before does, however late it is."""
        return (
            at >= self.since
            and self.site == subject.site
            and self.agent in ("", subject.agent)
            and (not self.camera or self.camera == subject.camera)
        )


def under(decision: RaiseOrJoin, maintenance: Sequence[UnderMaintenance]) -> RaiseOrJoin:
    """The same where its subject is worked on: an alert of its own that rings nobody, and says why."""
    for each in maintenance:
        if each.covers(decision.subject, decision.at):
            return _quiet(decision, each.reason)
    return decision


def _quiet(decision: RaiseOrJoin, why: str) -> RaiseOrJoin:
    detail = {**(decision.detail or {}), "maintenance": why}
    return replace(decision, key=f"quiet:{decision.key}", detail=detail, quiet=True)


@dataclass(frozen=True, slots=True)
class Cause:
    """What boxes hang on together, by the plan, and nearly all of them have the same.

    Attributes:
        kind: `power`, `switch` or `segment` (of the network).
        name: in the plan.
        site: in which it is; empty: it has boxes of several.
        boxes: that have it.
    """

    kind: str
    name: str
    site: str
    boxes: int

    def explains(self, ailing: int) -> bool:
        """Whether nearly all that ail hang on it."""
        return 5 * self.boxes >= 4 * ailing


@dataclass(frozen=True, slots=True)
class Ailing:
    """A condition that clears itself and has lasted for so long that it rings.

    Attributes:
        others: how many more subjects came to have it within two minutes, those left out that are worked on.
        others_here: how many of them are of the same site.
        maintenance: why its subject is worked on; empty: it is not.
        cause: that its box has in common with others that have it.
    """

    subject: Subject
    condition: Condition
    priority: int
    since: datetime
    detail: Detail
    others: int
    maintenance: str = ""
    others_here: int = 0
    cause: Cause | None = None


def ailing(found: Ailing, now: datetime) -> RaiseOrJoin:
    """Decide on a condition that clears itself.

    When many subjects have it at once it has one cause, and one alert: what they hang on together by the plan, where
    that explains it; else it is unknown.

    Args:
        now: by our clock.
    """
    subject, condition = found.subject, found.condition
    decision = RaiseOrJoin(
        key=f"{condition.name}:{'/'.join((subject.kind, subject.site, subject.agent, subject.camera, subject.name))}"
        f":{found.since.timestamp():.3f}",
        subject=subject,
        condition=condition.name,
        priority=found.priority,
        at=found.since,
        confirmed_at=now,
        window=timedelta(),
        reason=condition.name,
        join_reason=condition.name,
        detail=found.detail,
        box=Address(subject.site, subject.agent) if subject.agent else None,
        clears_itself=True,
    )
    if found.maintenance:
        return _quiet(decision, found.maintenance)
    everywhere = bool(condition.many) and found.others >= condition.many
    here = bool(condition.many_here) and found.others_here >= condition.many_here
    joins = bool(condition.many or condition.many_here)
    cause = found.cause if joins else None
    if cause and (not everywhere or cause.explains(found.others + 1)):
        return replace(
            decision,
            key=f"cause:{condition.name}:{cause.kind}:{cause.site}:{cause.name}",
            subject=Subject(subject.kind, cause.site),
            of_site=subject.site,
            window=_TOGETHER,
            reason=MANY,
            join_reason=MANY,
            detail={"cause": cause.kind, "of": cause.name},
            box=None,
        )
    if everywhere or here:
        return replace(
            decision,
            key=f"many:{condition.name}" if everywhere else f"many:{condition.name}:{subject.site}",
            subject=Subject(subject.kind, "" if everywhere else subject.site),
            of_site=subject.site,
            window=_TOGETHER,
            reason=MANY,
            join_reason=MANY,
            detail={},
            box=None,
        )
    return decision


def in_order(signals: Sequence[tuple[Signal, Condition]]) -> list[list[tuple[Signal, Condition]]]:
    """What of many words has to be noted, and in which order: one of each subject's condition at a time.

    The newest counts. But what rings at once has to be noted even where it is over again already: a housing that was
    opened and closed.
    """
    newest, pulses = dict[tuple[Subject, str], tuple[Signal, Condition]](), dict[tuple[Subject, str], Signal]()
    for signal, condition in signals:
        key = signal.subject, signal.condition
        if key not in newest or not _is_older(signal, newest[key][0]):
            newest[key] = signal, condition
        if signal.active and not condition.rings_after_s:
            pulses[key] = signal
    before = [(pulse, newest[key][1]) for key, pulse in pulses.items() if not newest[key][0].active]
    return [wave for wave in (before, list(newest.values())) if wave]


def _is_older(signal: Signal, other: Signal) -> bool:
    """By its number where one lane of a box said both, else by its time."""
    if signal.origin and other.origin and signal.origin[:2] == other.origin[:2]:
        return signal.origin[2] < other.origin[2]
    return signal.at < other.at
