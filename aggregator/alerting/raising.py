"""Carries decisions out, many in a few statements: in a storm a statement for each would hold operators up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aggregator.alerting.alerts import SQL, Publishing, publish
from aggregator.feed import log as feed_log
from aggregator.rules.occurrence import Occurrence
from aggregator.rules.watches import RaiseOrJoin
from aggregator.store.database import Connection
from shared.events import Lane, ZoneAlarm

Member = tuple[int, Lane, int]
"""Producer, lane and number of an event."""


@dataclass(slots=True)
class _Open:
    """An alert that may be joined. Without an id it is raised by these decisions."""

    first_at: datetime
    last_at: datetime
    alert_id: int | None = None
    raised_by: tuple[Occurrence, RaiseOrJoin] | None = None
    members: list[tuple[Occurrence, RaiseOrJoin]] = field(default_factory=list)

    def takes(self, decision: RaiseOrJoin) -> bool:
        return self.first_at - decision.window <= decision.at <= self.last_at + decision.window

    def add(self, occurrence: Occurrence, decision: RaiseOrJoin) -> None:
        self.first_at, self.last_at = min(self.first_at, decision.at), max(self.last_at, decision.at)
        self.members.append((occurrence, decision))

    @property
    def priority(self) -> int:
        """The most urgent of those added here (1 is)."""
        return min(decision.priority for _, decision in self.members)


class Bounds(Protocol):
    """What may raise an alert of its own."""

    def instead(self, occurrence: Occurrence, decision: RaiseOrJoin) -> RaiseOrJoin | None:
        """What is decided instead, where this one may not; None where it may."""


def carry_out(
    connection: Connection,
    decided: Sequence[tuple[Occurrence, RaiseOrJoin]],
    publishing: Publishing,
    numbers: Iterator[int] | None = None,
    bounds: Bounds | None = None,
) -> dict[int, str]:
    """Carry decisions out in their order, each occurrence once: what is a member already changes nothing.

    An alert that changes several times here is told of once, as it is in the end, by the first of its changes.

    Args:
        numbers: of alerts that are raised; None takes the next ones.
        bounds: what may raise one of its own; None: all.

    Returns:
        The alerts that changed, each with `raised` or `joined`.
    """
    if not decided:
        return {}
    # First: nobody else changes an alert until the caller commits, and every statement below sees what was before.
    feed_log.lock(connection)
    changed = _assign(connection, decided, _members(connection, decided), bounds)
    raised = [alert for alert in changed if alert.alert_id is None]
    joined = [alert for alert in changed if alert.alert_id is not None]
    if raised:
        _raise(connection, raised, numbers)
    if joined:
        _join(connection, joined)
    if changed:
        _add_members(connection, changed)
    changes = {_id(alert): "raised" if alert.raised_by else "joined" for alert in changed}
    publish(connection, changes, publishing)
    return changes


def _assign(
    connection: Connection,
    decided: Sequence[tuple[Occurrence, RaiseOrJoin]],
    members: set[Member],
    bounds: Bounds | None,
) -> list[_Open]:
    """Give every new occurrence its alert: the newest of its key that takes it, else one of its own."""
    joinable = _joinable(connection, [decision for _, decision in decided])
    changed = dict[int, _Open]()
    for occurrence, wanted in decided:
        member = occurrence.producer_id, occurrence.lane, occurrence.sequence
        if member in members:
            continue
        members.add(member)
        decision, alert = wanted, _newest(joinable[wanted.key], wanted)
        # Only what would raise one is counted: nothing that joins, and nothing that was there already.
        if alert is None and bounds and (other := bounds.instead(occurrence, wanted)):
            decision = other
            if decision.key not in joinable:
                joinable.update(_joinable(connection, [decision]))
            alert = _newest(joinable[decision.key], decision)
        if alert is None:
            alert = _Open(decision.at, decision.at, raised_by=(occurrence, decision))
            joinable[decision.key].append(alert)
        alert.add(occurrence, decision)
        changed[id(alert)] = alert
    return list(changed.values())


def _newest(of_key: Sequence[_Open], decision: RaiseOrJoin) -> _Open | None:
    return next((alert for alert in reversed(of_key) if alert.takes(decision)), None)


def _members(connection: Connection, decided: Sequence[tuple[Occurrence, RaiseOrJoin]]) -> set[Member]:
    """Which of the occurrences are members of an alert already."""
    which = {
        "producer_ids": [occurrence.producer_id for occurrence, _ in decided],
        "lanes": [int(occurrence.lane) for occurrence, _ in decided],
        "seqs": [occurrence.sequence for occurrence, _ in decided],
    }
    rows = connection.execute(SQL["members"], which).fetchall()
    return {(row["producer_id"], Lane(row["lane"]), row["seq"]) for row in rows}


def _joinable(connection: Connection, decisions: Sequence[RaiseOrJoin]) -> defaultdict[str, list[_Open]]:
    """Open alerts by key, oldest first."""
    found = defaultdict[str, list[_Open]](list)
    which = {
        "keys": list({decision.key for decision in decisions}),
        "since": min(decision.at - decision.window for decision in decisions),
    }
    for row in connection.execute(SQL["joinable_alerts"], which):
        found[row["key"]].append(_Open(row["first_at"], row["last_at"], row["id"]))
    return found


def _raise(connection: Connection, raised: Sequence[_Open], numbers: Iterator[int] | None) -> None:
    if numbers is None:
        rows = connection.execute(SQL["next_alert_ids"], {"count": len(raised)}).fetchall()
        numbers = iter([int(row["id"]) for row in rows])
    values = defaultdict[str, list[object]](list)
    for alert, number in zip(raised, numbers, strict=True):
        assert alert.raised_by  # noqa: S101 - what has no id was raised here
        occurrence, decision = alert.raised_by
        event = occurrence.event
        alert.alert_id = number
        values["ids"].append(number)
        values["keys"].append(decision.key)
        values["kinds"].append(decision.kind)
        values["priorities"].append(alert.priority)
        values["producer_ids"].append(occurrence.producer_id)
        values["revisions"].append(event.revision)
        values["lines"].append(event.line)
        values["directions"].append("" if isinstance(event, ZoneAlarm) else event.direction.label)
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
        for number, (occurrence, decision) in enumerate(alert.members):
            raised = alert.raised_by is not None and number == 0
            values["producer_ids"].append(occurrence.producer_id)
            values["lanes"].append(int(occurrence.lane))
            values["seqs"].append(occurrence.sequence)
            values["alert_ids"].append(alert.alert_id)
            values["ats"].append(decision.at)
            values["reasons"].append((decision.reason if raised else decision.join_reason).value)
    connection.execute(SQL["add_members"], values)
    which = {name: values[name] for name in ("producer_ids", "lanes", "seqs", "alert_ids")}
    connection.execute(SQL["add_pictures"], which)  # those that were here before their event


def _id(alert: _Open) -> int:
    assert alert.alert_id is not None  # noqa: S101 - `_raise` gave those without one theirs
    return alert.alert_id
