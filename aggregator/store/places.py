"""The tree of places: a site lies in a station, a station in a district, a district in a city.

Boxes know only their site. What lies above it is kept here, and questions about a place are about all sites below it.
"""

from collections.abc import Sequence

from psycopg.rows import class_row

from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, SenselessError
from aggregator.store.queries import load_queries

SQL = load_queries(__package__, "sql/places.sql")


class Place(Entity):
    """A site, or what lies above sites. `boxes` are those of all sites within."""

    name: str
    above: str | None
    title: str
    boxes: int


class UnknownPlaceError(SenselessError):
    """There is no such place, in the tree or as a site of a box."""


class PlaceError(ConflictError):
    """The tree cannot be changed in this way."""


def places(connection: Connection) -> list[Place]:
    """All places by name, and sites of boxes that are in no place."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(SQL["places"]).fetchall()


def sites_within(connection: Connection, place: str) -> list[str]:
    """A place and all places below it; sites are among them.

    Raises:
        UnknownPlaceError: there is no such place.
    """
    row = connection.execute(SQL["is_place"], {"name": place}).fetchone()
    if not row or not row["known"]:
        raise UnknownPlaceError(f"place {place!r} does not exist: `hawkline place list` shows those that do")
    return [row["name"] for row in connection.execute(SQL["below"], {"place": place})]


def producers_of(connection: Connection, place: str | None, site: str | None, agent: str | None) -> list[int] | None:
    """Producers of a place, site or box; None where all are meant.

    Raises:
        UnknownPlaceError: there is no such place.
    """
    if place is None and site is None and agent is None:
        return None
    sites: Sequence[str] | None = None if place is None else sites_within(connection, place)
    asked = {"sites": sites, "site": site, "agent": agent}
    return [row["id"] for row in connection.execute(SQL["producers_of"], asked)]


def put_place(connection: Connection, name: str, **change: str | None) -> None:
    """Add a place, or move or rename it.

    Args:
        change: `above` and `title`; what is not given stays, or is nothing of a new place.

    Raises:
        PlaceError: the place above does not exist, or lies below this one.
    """
    connection.execute(SQL["lock_places"])
    there = connection.execute(SQL["place"], {"name": name}).fetchone() or {"above": None, "title": ""}
    above, title = change.get("above", there["above"]), change.get("title", there["title"])
    if above == name:
        raise PlaceError(f"{name!r} lies within itself: a place cannot")
    if above is not None:
        if not connection.execute(SQL["place"], {"name": above}).fetchone():
            raise PlaceError(f"place {above!r} does not exist: add it first")
        below = [row["name"] for row in connection.execute(SQL["below"], {"place": name})]
        if above in below:
            raise PlaceError(f"{above!r} lies within {name!r}: a place cannot lie within itself")
    connection.execute(SQL["put_place"], {"name": name, "above": above, "title": title})


def remove_place(connection: Connection, name: str) -> None:
    """Take a place out of the tree; a site goes on without one.

    Raises:
        UnknownPlaceError: it is not in the tree.
        PlaceError: others lie in it.
    """
    connection.execute(SQL["lock_places"])
    below = [row["name"] for row in connection.execute(SQL["below"], {"place": name}) if row["name"] != name]
    if below:
        raise PlaceError(f"{len(below)} places lie within {name!r} ({below[0]} is one): move or remove them first")
    if connection.execute(SQL["delete_place"], {"name": name}).rowcount == 0:
        raise UnknownPlaceError(f"place {name!r} is not in the tree")
