"""Carries decisions out, many in a few statements: in a storm a statement for each would hold operators up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from psycopg.types.json import Jsonb

from aggregator.alerting.alerts import SQL, Publishing, publish
from aggregator.feed import log as feed_log
from aggregator.signals.alert_policy import QUIET, Joins, RaiseOrJoin
from aggregator.signals.occurrence import Member
from aggregator.store.database import Connection
from shared.events import Lane

_LONG_AGO = timedelta(days=400)


@dataclass(slots=True)
class _Open:
    """An alert that may be joined. Without an id it is raised by these decisions."""

    first_at: datetime
    last_at: datetime
    alert_id: int | None = None
    priority_before: int = 9
    recent: bool = True
    """No operator has acknowledged it, or something joined it just now."""
    raised_by: RaiseOrJoin | None = None
    members: list[RaiseOrJoin] = field(default_factory=list)

    def takes(self, decision: RaiseOrJoin) -> bool:
        if decision.joins is Joins.IN_TIME:
            return self.first_at - decision.window <= decision.at <= self.last_at + decision.window
        return decision.joins is Joins.ANY or self.recent

    def add(self, decision: RaiseOrJoin) -> None:
        self.first_at, self.last_at = min(self.first_at, decision.at), max(self.last_at, decision.at)
        self.members.append(decision)

    @property
    def priority(self) -> int:
        """The most urgent of those added here (1 is)."""
        return min(decision.priority for decision in self.members)

    @property
    def change(self) -> str:
        """What is told of it. More urgent than what rang before is news that has to ring."""
        if self.raised_by:
            return "recorded" if self.raised_by.quiet else "raised"
        if self.members[0].quiet:
            return "joined"
        return "escalated" if self.priority < self.priority_before else "joined"


class Bounds(Protocol):
    """What may raise an alert of its own."""

    def instead(self, decision: RaiseOrJoin) -> RaiseOrJoin | None:
        """What is decided instead, where this one may not; None where it may."""


def carry_out(
    connection: Connection,
    decided: Sequence[RaiseOrJoin],
    publishing: Publishing,
    numbers: Iterator[int] | None = None,
    bounds: Bounds | None = None,
) -> list[int | None]:
    """Carry decisions out in their order, each event once: what is a member already changes nothing.

    An alert that changes several times here is told of once, as it is in the end, by the first of its changes.

    Args:
        numbers: of alerts that are raised; None takes the next ones.
        bounds: what may raise one of its own; None: all.

    Returns:
        Of each decision the number of its alert; None where its event was a member before.
    """
    if not decided:
        return []
    # First: no other process changes an alert until the caller commits; every statement below sees what was before.
    feed_log.lock(connection)
    assigned = _assign(connection, decided, bounds)
    changed = list({id(alert): alert for alert in assigned if alert}.values())
    raised = [alert for alert in changed if alert.alert_id is None]
    joined = [alert for alert in changed if alert.alert_id is not None]
    if raised:
        _raise(connection, raised, numbers)
    if joined:
        _join(connection, joined)
    _add_members(connection, changed)
    _add_sites(connection, changed)
    publish(connection, {_id(alert): alert.change for alert in changed}, publishing)
    return [_id(alert) if alert else None for alert in assigned]


def _assign(connection: Connection, decided: Sequence[RaiseOrJoin], bounds: Bounds | None) -> list[_Open | None]:
    """Give every new occurrence its alert: the newest of its key that takes it, else one of its own."""
    members = _members(connection, decided)
    joinable = _joinable(connection, decided)
    assigned = list[_Open | None]()
    for wanted in decided:
        if wanted.member is not None:
            if wanted.member in members:
                assigned.append(None)
                continue
            members.add(wanted.member)
        decision, alert = wanted, _newest(joinable[wanted.key], wanted)
        # Only what would raise one is counted: nothing that joins, and nothing that was there already.
        if alert is None and bounds and (other := bounds.instead(wanted)):
            decision = other
            if decision.key not in joinable:
                joinable.update(_joinable(connection, [decision]))
            alert = _newest(joinable[decision.key], decision)
        if alert is None:
            alert = _Open(decision.at, decision.at, raised_by=decision)
            joinable[decision.key].append(alert)
        alert.add(decision)
        assigned.append(alert)
    return assigned


def _newest(of_key: Sequence[_Open], decision: RaiseOrJoin) -> _Open | None:
    return next((alert for alert in reversed(of_key) if alert.takes(decision)), None)


def _members(connection: Connection, decided: Sequence[RaiseOrJoin]) -> set[Member]:
    """Which of the events are members of an alert already."""
    asked = [decision.member for decision in decided if decision.member]
    if not asked:
        return set()
    which = {
        "producer_ids": [producer for producer, _, _ in asked],
        "lanes": [int(lane) for _, lane, _ in asked],
        "seqs": [number for _, _, number in asked],
    }
    rows = connection.execute(SQL["members"], which).fetchall()
    return {(row["producer_id"], Lane(row["lane"]), row["seq"]) for row in rows}


def _joinable(connection: Connection, decisions: Sequence[RaiseOrJoin]) -> defaultdict[str, list[_Open]]:
    """Open alerts by key, oldest first."""
    found = defaultdict[str, list[_Open]](list)
    now = datetime.now(UTC)
    which = {
        "keys": list({decision.key for decision in decisions}),
        "since": min(
            decision.at - decision.window if decision.joins is Joins.IN_TIME else now - _LONG_AGO
            for decision in decisions
        ),
        "quiet": QUIET,
    }
    for row in connection.execute(SQL["joinable_alerts"], which):
        found[row["key"]].append(_Open(row["first_at"], row["last_at"], row["id"], row["priority"], row["recent"]))
    return found


def _raise(connection: Connection, raised: Sequence[_Open], numbers: Iterator[int] | None) -> None:
    if numbers is None:
        rows = connection.execute(SQL["next_alert_ids"], {"count": len(raised)}).fetchall()
        numbers = iter([int(row["id"]) for row in rows])
    values = defaultdict[str, list[object]](list)
    for alert, number in zip(raised, numbers, strict=True):
        assert alert.raised_by  # noqa: S101 - what has no id was raised here
        decision, subject = alert.raised_by, alert.raised_by.subject
        alert.alert_id = number
        values["ids"].append(number)
        values["keys"].append(decision.key)
        values["conditions"].append(decision.condition)
        values["priorities"].append(alert.priority)
        values["subjects"].append(subject.kind)
        values["sites"].append(subject.site)
        values["agents"].append(subject.agent)
        values["cameras"].append(subject.camera)
        values["names"].append(subject.name)
        values["quiets"].append(decision.quiet)
        values["details"].append(Jsonb(dict(decision.detail or {})))
        values["first_ats"].append(alert.first_at)
        values["last_ats"].append(alert.last_at)
        values["confirmed_ats"].append(decision.confirmed_at)
        values["members"].append(len(alert.members))
    connection.execute(SQL["raise_alerts"], values)


def _join(connection: Connection, joined: Sequence[_Open]) -> None:
    connection.execute(
        SQL["join_alerts"],
        {
            "ids": [alert.alert_id for alert in joined],
            "members": [len(alert.members) for alert in joined],
            "first_ats": [alert.first_at for alert in joined],
            "last_ats": [alert.last_at for alert in joined],
            "priorities": [alert.priority for alert in joined],
        },
    )


def _add_members(connection: Connection, changed: Sequence[_Open]) -> None:
    values = defaultdict[str, list[object]](list)
    for alert in changed:
        for number, decision in enumerate(alert.members):
            if decision.member is None:
                continue
            producer, lane, sequence = decision.member
            raised = alert.raised_by is not None and number == 0
            values["producer_ids"].append(producer)
            values["lanes"].append(int(lane))
            values["seqs"].append(sequence)
            values["alert_ids"].append(alert.alert_id)
            values["ats"].append(decision.at)
            values["reasons"].append(decision.reason if raised else decision.join_reason)
    if not values:
        return
    connection.execute(SQL["add_members"], values)
    which = {name: values[name] for name in ("producer_ids", "lanes", "seqs", "alert_ids")}
    connection.execute(SQL["add_pictures"], which)  # those that were here before their event


def _add_sites(connection: Connection, changed: Sequence[_Open]) -> None:
    of = [(_id(alert), each.of_site) for alert in changed for each in alert.members if each.of_site]
    if of:
        alert_ids, sites = zip(*of, strict=True)
        connection.execute(SQL["add_sites"], {"alert_ids": list(alert_ids), "sites": list(sites)})


def _id(alert: _Open) -> int:
    assert alert.alert_id is not None  # noqa: S101 - `_raise` gave those without one theirs
    return alert.alert_id
