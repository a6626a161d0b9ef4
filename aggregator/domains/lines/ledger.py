"""Which lines could be confirmed, hour by hour, and which cannot be now, with the reasons.

A line is confirmed in an hour when its camera was known to see well all the time (`coverage`), and nothing said that
the line itself had gone quiet. Whatever is in doubt is not confirmed: silence is never mistaken for safety.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from aggregator.domains.boxes.coverage_queries import CoverageQuestion, availability
from aggregator.signals.declarations import domains
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import TooMuchError
from aggregator.store.places import where
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope
from shared.events import HEALTH_EXPIRES

SQL = load_queries(__package__, "ledger.sql")
INTERRUPTED: Final = "interrupted"
"""The reason of what lasted too short to ring: a restart, some seconds without the network."""
_MAINTENANCE: Final = "maintenance"
"""That somebody works there hides nothing by itself; it says why something else does."""
_HOUR, _QUARTER = timedelta(hours=1), timedelta(minutes=15)
_QUARTER_MS, _QUARTERS = 900_000, 4
_TOLERANCE_MS, _TOLERANCE_S = 5_000, 5
"""A quarter-hour that lacks less is whole: the two heartbeats around a restart may be so far apart."""
_KNOWN_AFTER = timedelta(minutes=2)
_MOST_CELLS = 500_000
"""Lines times hours of one answer."""

CameraKey = tuple[str, str, str]
_Hours = npt.NDArray[np.int64]


class Reason(Entity):
    """Why a line cannot be confirmed.

    Attributes:
        condition: of a box, a camera or the line; a camera's state where nothing has rung yet.
        zh, en: what people call it; empty of a camera's state.
        since: from when on; None where that is not known.
    """

    condition: str
    zh: str
    en: str
    since: datetime | None


class Neighbour(Entity):
    """A camera that also sees a line, and whether it watches now."""

    agent: str
    camera: str
    watches: bool


class UnconfirmedLine(Entity):
    """A line or zone that cannot be confirmed now.

    Attributes:
        priority: of its alarms; 0 is only counted.
        armed: as ordered; None is as configured on the box.
        seen_by: cameras that stand in for it, as a planner has said.
    """

    site: str
    agent: str
    camera: str
    line: str
    priority: int
    armed: bool | None
    reasons: list[Reason]
    seen_by: list[Neighbour]


class UnconfirmedNow(Entity):
    """What cannot be confirmed now.

    Attributes:
        looked_at: lines and zones that there are.
        unconfirmed: those that cannot be confirmed.
        alone: of these, those that no other camera sees.
        lines: at most as many as were asked for, those that nobody sees and that are most urgent first.
    """

    looked_at: int
    unconfirmed: int
    alone: int
    lines: list[UnconfirmedLine]


class UnconfirmedHour(Entity):
    """A line or zone in an hour in which it could not be confirmed all the time."""

    agent: str
    camera: str
    line: str
    unconfirmed_s: int
    reasons: list[str]


class LedgerHour(Entity):
    """An hour of a site: how many lines and zones it has, how many were confirmed all the time, and which were not."""

    site: str
    hour: datetime
    lines: int
    confirmed: int
    unconfirmed: list[UnconfirmedHour]


@dataclass(frozen=True, slots=True)
class _Hid:
    """Something that kept lines from being confirmed; what is empty means all of it."""

    site: str
    agent: str
    camera: str
    line: str
    reason: str
    since: datetime
    until: datetime

    def is_of(self, camera: CameraKey, line: str) -> bool:
        mine = zip((self.site, self.agent, self.camera, self.line), (*camera, line), strict=True)
        return all(said in ("", there) for said, there in mine)


@dataclass(frozen=True, slots=True)
class _Span:
    """From when until when a camera should have been known to see."""

    since: datetime
    until: datetime
    is_whole: bool

    @property
    def begin(self) -> datetime:
        """Of its first whole hour."""
        return datetime.fromtimestamp(-(-self.since.timestamp() // 3600) * 3600, tz=UTC)

    @property
    def hours(self) -> int:
        """Whole ones."""
        return max(0, (self.until - self.begin) // _HOUR)


def unconfirmed_now(
    connection: Connection, scope: Scope, place: str | None, site: str | None, agent: str | None, limit: int
) -> UnconfirmedNow:
    """Lines that cannot be confirmed now.

    Raises:
        UnknownPlaceError: there is no such place.
    """
    asked = {
        **where(connection, scope, place),
        "site": site,
        "agent": agent,
        "hiding": _hiding(),
        "expires": HEALTH_EXPIRES,
        "limit": limit,
    }
    row = connection.execute(SQL["unconfirmed_now"], asked, prepare=False).fetchone()
    assert row is not None  # noqa: S101 - it counts
    return UnconfirmedNow(
        looked_at=row["looked_at"],
        unconfirmed=row["unconfirmed"],
        alone=row["alone"],
        lines=[
            UnconfirmedLine(
                **{name: each[name] for name in ("site", "agent", "camera", "line", "priority", "armed")},
                reasons=_reasons(each),
                seen_by=[Neighbour(**other) for other in each["seen_by"] or []],
            )
            for each in row["lines"] or []
        ],
    )


def _reasons(line: Mapping[str, Any]) -> list[Reason]:
    """Why; where nothing has lasted long enough to be a condition, its camera's state, or that its box says nothing."""
    told = line["reasons"] or []
    if line["state"] != "online":  # since it was heard last, not since that was judged
        others = [each for each in told if each["condition"] != "box_silent"]
        told = [{"condition": "box_silent", "since": line["last_seen_at"]}, *others]
    if not told:
        told = [{"condition": line["camera_state"] or "unknown", "since": None}]
    conditions = domains().conditions
    return [
        Reason(
            condition=each["condition"],
            zh=conditions[each["condition"]].zh if each["condition"] in conditions else "",
            en=conditions[each["condition"]].en if each["condition"] in conditions else "",
            since=each["since"],
        )
        for each in told
    ]


def hours(connection: Connection, scope: Scope, asked: CoverageQuestion) -> list[LedgerHour]:
    """Each whole hour of each site, the newest first; of the lines that boxes have now.

    Raises:
        UnknownPlaceError: there is no such place.
        TooMuchError: too many lines over too many hours.
    """
    values = {**where(connection, scope, asked.place), "site": asked.site, "agent": asked.agent}
    lines, since = defaultdict[CameraKey, list[str]](list), dict[CameraKey, datetime]()
    for row in connection.execute(SQL["lines_of"], values, prepare=False):
        camera = row["site"], row["agent"], row["camera"]
        lines[camera].append(row["line"])
        since[camera] = row["known_since"]
    cells = sum(map(len, lines.values())) * max(0, (asked.end - asked.begin) // _HOUR)
    if cells > _MOST_CELLS:
        raise TooMuchError(f"{cells} hours of lines: ask for less time, or for one place")
    spans = {
        (each.site, each.agent, each.camera or ""): _Span(
            max(each.since, asked.begin), each.until, is_whole=each.uncovered_s == 0
        )
        for each in availability(connection, scope, asked)
        if (each.site, each.agent, each.camera or "") in lines
    }
    # Of a camera that no heartbeat ever told of nothing is known: that is no safety either.
    until = min(asked.end, datetime.now(UTC) - _KNOWN_AFTER)
    for camera in lines.keys() - spans.keys():
        spans[camera] = _Span(max(asked.begin, since[camera]), until, is_whole=False)
    sites = sorted({site for site, _, _ in lines})
    then = {"hiding": _hiding(), "sites": sites, "from": asked.begin, "until": asked.end}
    hid = [_Hid(**row) for row in connection.execute(SQL["hid"], then)]
    return _ledger(lines, spans, _lacking(connection, spans), hid)


def _hiding() -> list[str]:
    return [each.name for each in domains().conditions.values() if each.hides]


def _lacking(connection: Connection, spans: Mapping[CameraKey, _Span]) -> dict[CameraKey, _Hours]:
    """Seconds of each whole hour in which a camera was not known to see, of those that lack any."""
    short = {key: each for key, each in spans.items() if not each.is_whole and each.hours}
    if not short:
        return {}
    sites, agents, cameras = zip(*short, strict=True)
    first = min(each.begin for each in short.values()).date()
    last = max(each.until for each in short.values()).date()
    covered = {key: np.zeros(((last - first).days + 1) * 96, np.int64) for key in short}
    values = {"sites": list(sites), "agents": list(agents), "cameras": list(cameras), "first": first, "last": last}
    for row in connection.execute(SQL["quarters_of"], values):
        at = (row["day"] - first).days * 96
        covered[row["site"], row["agent"], row["camera"]][at : at + 96] = row["covered"]
    found = {}
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for key, each in short.items():
        at = (each.begin - midnight) // _QUARTER
        missing_ms = _QUARTER_MS - covered[key][at : at + each.hours * _QUARTERS]
        missing_ms[missing_ms <= _TOLERANCE_MS] = 0
        found[key] = missing_ms.reshape(each.hours, _QUARTERS).sum(axis=1) // 1000
    return found


def _ledger(
    lines: Mapping[CameraKey, Sequence[str]],
    spans: Mapping[CameraKey, _Span],
    lacking: Mapping[CameraKey, _Hours],
    hid: Sequence[_Hid],
) -> list[LedgerHour]:
    table = defaultdict[tuple[datetime, str], list[UnconfirmedHour | None]](list)
    """Of each line in each hour of its site what was amiss, or None."""
    by_site = defaultdict[str, list[_Hid]](list)
    for each in hid:
        by_site[each.site].append(each)
    for camera, names in lines.items():
        begin, many = spans[camera].begin, spans[camera].hours
        amiss = lacking.get(camera, np.zeros(many, np.int64))
        for line in names:
            mine = [each for each in by_site[camera[0]] if each.is_of(camera, line)]
            for at in range(many):
                hour = begin + at * _HOUR
                table[hour, camera[0]].append(_judged(camera, line, hour, int(amiss[at]), mine))
    return [
        LedgerHour(
            site=site,
            hour=hour,
            lines=len(cells),
            confirmed=sum(each is None for each in cells),
            unconfirmed=[each for each in cells if each is not None],
        )
        for (hour, site), cells in sorted(table.items(), key=lambda item: (-item[0][0].timestamp(), item[0][1]))
    ]


def _judged(
    camera: CameraKey, line: str, hour: datetime, lacking_s: int, mine: Sequence[_Hid]
) -> UnconfirmedHour | None:
    """What was amiss with a line in an hour; None: it was confirmed all the time."""
    then = [each for each in mine if each.since < hour + _HOUR and each.until > hour]
    said_s = max((round(_overlap_s(each, hour)) for each in then if each.reason != _MAINTENANCE), default=0)
    missing_s = min(3600, max(lacking_s, said_s))
    if missing_s <= _TOLERANCE_S:
        return None
    reasons = list(dict.fromkeys(each.reason for each in then)) or [INTERRUPTED]
    return UnconfirmedHour(agent=camera[1], camera=camera[2], line=line, unconfirmed_s=missing_s, reasons=reasons)


def _overlap_s(each: _Hid, hour: datetime) -> float:
    return (min(each.until, hour + _HOUR) - max(each.since, hour)).total_seconds()
