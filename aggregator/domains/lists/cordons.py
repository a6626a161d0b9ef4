"""Cordons (快速封控): one plate, at once, at checkpoints around a place, for hours.

A second person has to confirm it within half an hour. Else it ends, its hits are forgotten, and the plate cannot be
cordoned off again for a day: what nobody else stands for was no reason to look for anybody.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from psycopg.rows import class_row

from aggregator.alerting import alerts, inbox
from aggregator.domains.lists import lists
from aggregator.domains.lists.lists import SQL, NoListError
from aggregator.domains.lists.ranking import Ranked, Spot, ranked
from aggregator.people.grants import person_behind
from aggregator.people.principal import Principal
from aggregator.people.sealing import Sealer
from aggregator.signals.declarations import Condition
from aggregator.signals.signal import Signal, Subject
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, NotYoursError, SenselessError
from aggregator.store.places import require_place
from aggregator.store.scope import Scope
from shared.events import LineRule

CONFIRM_WITHIN, LONGEST = timedelta(minutes=30), timedelta(hours=12)
MOST_UNCONFIRMED = 2
"""Of one person in 24 hours."""
MOST_CHECKPOINTS = 300
WAITS = Condition(
    "cordon_waits",
    1,
    "封控待确认",
    "Cordon waits for confirmation",
    clears_itself=True,
    ends_after_s=0,
    over_when="the cordon is confirmed, has ended, or has lapsed",
)


class CordonBox(Entity):
    """One of its checkpoints' boxes."""

    site: str
    agent: str
    rank: int
    km: float | None
    box_state: str
    state: Literal["armed", "waiting", "refused", "released"]
    error: str


class Cordon(Entity):
    """A cordon, without the plate."""

    number: int
    title: str
    purpose: str
    case_number: str
    instructions: str
    priority: int
    site: str
    state: Literal["unconfirmed", "approved", "withdrawn", "expired", "lapsed"]
    started_by: str
    started_at: datetime
    confirm_by: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    ends_at: datetime
    why: str
    taking: int
    """Checkpoints' boxes that take part, those of others among them."""
    boxes: list[CordonBox]

    @property
    def audit_subject(self) -> str:
        """What the audit calls it."""
        return f"cordon {self.number}"

    @property
    def audit_detail(self) -> str:
        """What the audit says of it: no plate."""
        said = f"{self.state}, {self.taking} checkpoints around {self.site}, {self.case_number}: {self.purpose}"
        return f"{said}; {self.why}" if self.why else said


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cordon is started with: a `plate` as it was typed, or the `alert` of a hit.

    Attributes:
        site: what is closed off; of a hit its own where empty.
        lasts: until it ends by itself.
        checkpoints: how many take part, the first ones by rank.
    """

    plate: str
    alert: int | None
    site: str
    title: str
    purpose: str
    case_number: str
    instructions: str
    priority: int
    lasts: timedelta
    checkpoints: int


def start(connection: Connection, sealer: Sealer, who: Principal, asked: Asked) -> Cordon:
    """Start a cordon: it is in force from now on, and waits for a second person.

    Raises:
        EntryError: the text is no plate.
        SenselessError: neither a plate nor a hit was named, or both; or a site that is not theirs.
        ConflictError: the plate is barred, the person has two that nobody confirmed, or no checkpoint is there.
    """
    text, site, agent = _plate(connection, sealer, who, asked)
    # Before what is known of the plate: to who can cordon nothing off it says nothing.
    chosen = around(connection, who.scope, site, agent)[: asked.checkpoints]
    if not chosen:
        raise ConflictError("there is no checkpoint that is yours: `hawkline checkpoint list` shows those that are")
    person, mark = person_behind(connection, who.name), sealer.mark("cordon", text)
    connection.execute(SQL["one_at_a_time"], {"who": person, "mark": mark})
    row = connection.execute(SQL["unconfirmed_of"], {"who": person}).fetchone()
    if row is not None and row["n"] >= MOST_UNCONFIRMED:
        raise ConflictError(
            f"{MOST_UNCONFIRMED} cordons of yours in the last 24 hours are confirmed by nobody: have one confirmed, or "
            "draw up a list"
        )
    row = connection.execute(SQL["is_barred"], {"mark": mark}).fetchone()
    if row is not None and row["barred"]:
        raise ConflictError(
            "a cordon of this plate is confirmed by nobody, now or in the last 24 hours: draw up a list and have it "
            "approved"
        )
    values = {name: getattr(asked, name) for name in ("title", "purpose", "case_number", "instructions", "priority")}
    row = connection.execute(
        SQL["start_cordon"],
        {
            **values,
            "site": site,
            "by": person,
            "mark": mark,
            "lasts_s": asked.lasts.total_seconds(),
            "confirm_s": CONFIRM_WITHIN.total_seconds(),
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING returns
    number = int(row["list"])
    lists.put_entries(connection, sealer, number, [text])
    lists.note_hand(connection, who, number)
    kms = ",".join("NULL" if each.km is None else str(each.km) for each in chosen)
    connection.execute(
        SQL["add_cordon_boxes"],
        {
            "list": number,
            "sites": [each.spot.site for each in chosen],
            "agents": [each.spot.agent for each in chosen],
            "ranks": arrays.of_ints(range(1, len(chosen) + 1)),
            "kms": f"{{{kms}}}",
        },
    )
    made = one(connection, who.scope, number)
    inbox.put(connection, [waiting(number, site, active=True)])
    return made


def _plate(connection: Connection, sealer: Sealer, who: Principal, asked: Asked) -> tuple[str, str, str]:
    """The plate, and what is closed off: a site, and a box of it where a hit says which."""
    if bool(asked.plate) is (asked.alert is not None):
        raise SenselessError("expected a plate, or the alert of a hit, and not both")
    if asked.alert is None:
        if not asked.site:
            raise SenselessError("site: expected what is to be closed off")
        require_place(connection, who.scope, asked.site)
        (text,) = lists.plates_of([asked.plate])
        return text, asked.site, ""
    hit = alerts.get(connection, who.scope, asked.alert)
    if hit.condition != "list_hit":
        raise SenselessError(f"alert {asked.alert} is no hit of a list: it names no plate, and none is looked for")
    if asked.site:
        require_place(connection, who.scope, asked.site)
    where = {
        name: int(str(hit.detail[of])) for name, of in (("number", "list"), ("version", "version"), ("entry", "entry"))
    }
    row = connection.execute(SQL["entry"], where).fetchone()
    if row is None:
        raise ConflictError(f"list {hit.detail['list']} is over, or was changed since: type the plate")
    text = lists.plate_of(sealer, where["number"], where["entry"], bytes(row["sealed"]))
    return text, asked.site or hit.site, "" if asked.site else hit.agent


def around(connection: Connection, scope: Scope, site: str, agent: str = "") -> list[Ranked]:
    """Checkpoints of a scope in the order in which they close a site off."""
    rows = connection.execute(SQL["checkpoint_boxes"], {"scope": scope.cut, "rule": int(LineRule.LANE)}).fetchall()
    spots = [Spot(**{**row, "above": tuple(row["above"])}) for row in rows]
    above = tuple(row["place"] for row in connection.execute(SQL["above"], {"place": site}))
    return ranked(spots, site, agent, above)


def confirm(connection: Connection, who: Principal, number: int) -> Cordon:
    """Stand for a cordon as the second person: it lasts until its end.

    Raises:
        NoListError: there is none of theirs.
        ConflictError: it waits for nobody.
        NotYoursError: they started it, or have made the account that did; or it reaches further than they may approve.
    """
    there = _locked(connection, who, number)
    if there.state != "unconfirmed":
        raise ConflictError(f"cordon {number} is {there.state}, and waits for nobody's confirmation")
    lists.require_other_hand(connection, who, number)
    row = connection.execute(SQL["reaches_further"], {"number": number, "scope": who.scope.cut}).fetchone()
    if row is not None and row["further"]:
        raise NotYoursError(
            f"cordon {number} takes in checkpoints of others: who may approve for all of them confirms it"
        )
    connection.execute(SQL["decide"], {"number": number, "state": "approved", "by": who.name, "why": ""})
    inbox.put(connection, [waiting(number, there.site, active=False)])
    return one(connection, who.scope, number)


def end(connection: Connection, who: Principal, number: int, why: str) -> Cordon:
    """End a cordon now. One that nobody has confirmed counts as such: its hits are forgotten.

    Raises:
        NoListError: there is none of theirs.
        ConflictError: it is over.
    """
    there = _locked(connection, who, number)
    if there.state not in ("unconfirmed", "approved"):
        raise ConflictError(f"cordon {number} is {there.state}")
    ending = "lapse" if there.state == "unconfirmed" else "withdraw"
    connection.execute(SQL[ending], {"number": number, "why": why})
    return one(connection, who.scope, number)


def listed(connection: Connection, scope: Scope, *, over: bool, limit: int) -> list[Cordon]:
    """Cordons of a scope, the newest first.

    Args:
        over: also those that have ended.
    """
    return _found(connection, scope, None, over=over, limit=limit)


def one(connection: Connection, scope: Scope, number: int) -> Cordon:
    """One cordon.

    Raises:
        NoListError: there is none of theirs.
    """
    found = _found(connection, scope, number, over=True, limit=1)
    if not found:
        raise NoListError("there is no such cordon of yours")
    return found[0]


def waiting(number: int, site: str, *, active: bool) -> Signal:
    """That a cordon waits for a second person, for those who may be that."""
    return Signal(Subject("cordon", site, "", "", str(number)), WAITS.name, active, datetime.now(UTC), WAITS.priority)


def _locked(connection: Connection, who: Principal, number: int) -> Cordon:
    one(connection, who.scope, number)
    connection.execute(SQL["lock"], {"number": number, "long": lists.USUAL})
    return one(connection, who.scope, number)


def _found(connection: Connection, scope: Scope, number: int | None, *, over: bool, limit: int) -> list[Cordon]:
    asked = {"number": number, "scope": scope.cut, "over": over, "limit": limit}
    with connection.cursor(row_factory=class_row(Cordon)) as cursor:
        return cursor.execute(SQL["cordons"], asked).fetchall()
