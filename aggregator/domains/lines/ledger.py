"""Which lines could be confirmed, hour by hour, and which cannot be now, with the reasons.

A line is confirmed in an hour when its camera was known to see well all the time (`coverage`), and nothing said that
the line itself had gone quiet. Whatever is in doubt is not confirmed: silence is never mistaken for safety.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from aggregator.domains.boxes.coverage_queries import CoverageQuestion, availability
from aggregator.domains.boxes.entities import Availability
from aggregator.signals.declarations import domains
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import TooMuchError
from aggregator.store.places import where
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope

SQL = load_queries(__package__, "ledger.sql")
INTERRUPTED: Final = "interrupted"
"""The reason of what lasted too short to ring: a restart, some seconds without the network."""
_HOUR = timedelta(hours=1)
_HOUR_MS, _QUARTERS = 3_600_000, 4
_TOLERANCE_S = 20
"""An hour that lacks less is whole: each of its quarters may lack five seconds around a restart."""
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


def unconfirmed_now(
    connection: Connection, scope: Scope, place: str | None, site: str | None, agent: str | None, limit: int
) -> list[UnconfirmedLine]:
    """Lines that cannot be confirmed now, by name.

    Raises:
        UnknownPlaceError: there is no such place.
    """
    conditions = domains().conditions
    asked = {**where(connection, scope, place), "site": site, "agent": agent, "hiding": _hiding(), "limit": limit}
    rows = connection.execute(SQL["unconfirmed_now"], asked, prepare=False).fetchall()
    neighbours = _neighbours(connection, sorted({row["site"] for row in rows}))
    found = []
    for row in rows:
        told = row["reasons"] or []
        if not told:  # it has not lasted long enough to be a condition, or its box says nothing of it
            away = row["state"] != "online"
            state = "box_silent" if away else row["camera_state"] or "unknown"
            told = [{"condition": state, "since": row["state_since"] if away else None}]
        reasons = [
            Reason(
                condition=each["condition"],
                zh=conditions[each["condition"]].zh if each["condition"] in conditions else "",
                en=conditions[each["condition"]].en if each["condition"] in conditions else "",
                since=each["since"],
            )
            for each in told
        ]
        key = row["site"], row["agent"], row["camera"], row["line"]
        found.append(
            UnconfirmedLine(
                site=row["site"],
                agent=row["agent"],
                camera=row["camera"],
                line=row["line"],
                priority=row["priority"],
                armed=row["armed"],
                reasons=reasons,
                seen_by=neighbours.get(key, []),
            )
        )
    return found


def hours(connection: Connection, scope: Scope, asked: CoverageQuestion) -> list[LedgerHour]:
    """Each whole hour of each site, the newest first; of the lines that boxes have now.

    Raises:
        UnknownPlaceError: there is no such place.
        TooMuchError: too many lines over too many hours.
    """
    values = {**where(connection, scope, asked.place), "site": asked.site, "agent": asked.agent}
    lines = defaultdict[CameraKey, list[str]](list)
    for row in connection.execute(SQL["lines_of"], values, prepare=False):
        lines[row["site"], row["agent"], row["camera"]].append(row["line"])
    cells = sum(map(len, lines.values())) * max(0, (asked.end - asked.begin) // _HOUR)
    if cells > _MOST_CELLS:
        raise TooMuchError(f"{cells} hours of lines: ask for less time, or for one place")
    known = {
        (each.site, each.agent, each.camera or ""): each
        for each in availability(connection, scope, asked)
        if (each.site, each.agent, each.camera or "") in lines
    }
    lacking = _lacking(connection, known)
    sites = sorted({site for site, _, _ in lines})
    then = {"hiding": _hiding(), "sites": sites, "from": asked.begin, "until": asked.end}
    hid = [_Hid(**row) for row in connection.execute(SQL["hid"], then)]
    return _ledger(lines, known, lacking, hid)


def _hiding() -> list[str]:
    return [each.name for each in domains().conditions.values() if each.hides]


def _neighbours(connection: Connection, sites: Sequence[str]) -> dict[tuple[str, ...], list[Neighbour]]:
    found = defaultdict[tuple[str, ...], list[Neighbour]](list)
    for row in connection.execute(SQL["seen_too"], {"sites": sites}):
        key = row["site"], row["agent"], row["camera"], row["line"]
        found[key].append(Neighbour(agent=row["by_agent"], camera=row["by_camera"], watches=bool(row["watches"])))
    return found


def _whole_hours(each: Availability) -> tuple[datetime, int]:
    """The first whole hour in which it was known, and how many there are."""
    begin = datetime.fromtimestamp(-(-each.since.timestamp() // 3600) * 3600, tz=UTC)
    return begin, max(0, (each.until - begin) // _HOUR)


def _lacking(connection: Connection, known: Mapping[CameraKey, Availability]) -> dict[CameraKey, _Hours]:
    """Seconds of each whole hour in which a camera was not known to see, of those that lack any."""
    short = {key: each for key, each in known.items() if each.uncovered_s > 0}
    if not short:
        return {}
    sites, agents, cameras = zip(*short, strict=True)
    first = min(each.since for each in short.values()).date()
    last = max(each.until for each in short.values()).date()
    days = (last - first).days + 1
    covered = {key: np.zeros(days * 96, np.int64) for key in short}
    values = {"sites": list(sites), "agents": list(agents), "cameras": list(cameras), "first": first, "last": last}
    for row in connection.execute(SQL["quarters_of"], values):
        at = (row["day"] - first).days * 96
        covered[row["site"], row["agent"], row["camera"]][at : at + 96] = row["covered"]
    found = {}
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for key, each in short.items():
        begin, many = _whole_hours(each)
        at = (begin - midnight) // (_HOUR / _QUARTERS)
        quarters = covered[key][at : at + many * _QUARTERS]
        found[key] = (_HOUR_MS - quarters.reshape(many, _QUARTERS).sum(axis=1)) // 1000
    return found


def _ledger(
    lines: Mapping[CameraKey, Sequence[str]],
    known: Mapping[CameraKey, Availability],
    lacking: Mapping[CameraKey, _Hours],
    hid: Sequence[_Hid],
) -> list[LedgerHour]:
    table = defaultdict[tuple[datetime, str], list[UnconfirmedHour | None]](list)
    """Of each line in each hour of its site what was amiss, or None."""
    by_site = defaultdict[str, list[_Hid]](list)
    for each in hid:
        by_site[each.site].append(each)
    for camera, names in lines.items():
        if camera not in known:
            continue
        begin, many = _whole_hours(known[camera])
        amiss = lacking.get(camera, np.zeros(many, np.int64))
        for line in names:
            mine = [each for each in (*by_site[camera[0]], *by_site[""]) if each.is_of(camera, line)]
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
    quiet_s = max((round(_overlap_s(each, hour)) for each in then if each.line), default=0)
    missing_s = min(3600, max(lacking_s, quiet_s))
    if missing_s <= _TOLERANCE_S:
        return None
    reasons = list(dict.fromkeys(each.reason for each in then)) or [INTERRUPTED]
    return UnconfirmedHour(agent=camera[1], camera=camera[2], line=line, unconfirmed_s=missing_s, reasons=reasons)


def _overlap_s(each: _Hid, hour: datetime) -> float:
    return (min(each.until, hour + _HOUR) - max(each.since, hour)).total_seconds()
