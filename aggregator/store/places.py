"""The tree of places: a site lies in a station, a station in a district, a district in a city.

Boxes know only their site. What lies above it is kept here, and questions about a place are about all sites below it.
"""

from psycopg.rows import class_row

from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, NotYoursError, SenselessError
from aggregator.store.queries import load_queries
from aggregator.store.scope import Scope

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


def places(connection: Connection, scope: Scope) -> list[Place]:
    """All places of a scope, one behind what it lies in; of everywhere also sites of boxes that are in no place."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(SQL["places"], {"scope": scope.cut}).fetchall()


def require_place(connection: Connection, scope: Scope, place: str) -> None:
    """See to it that there is such a place, in the tree or as a site of a box, and that it lies within the scope.

    Raises:
        UnknownPlaceError: there is none, or it is not theirs who ask: both sound the same.
    """
    row = connection.execute(SQL["is_place"], {"place": place, "scope": scope.cut}).fetchone()
    if not row or not row["known"]:
        raise UnknownPlaceError(f"place {place!r} does not exist: `hawkline place list` shows those that do")


def is_ours(connection: Connection, scope: Scope, site: str) -> bool:
    """Whether a site lies within a scope."""
    row = connection.execute(SQL["is_site"], {"site": site, "scope": scope.cut}).fetchone()
    return bool(row and row["ours"])


def sites_of(connection: Connection, scope: Scope) -> frozenset[str] | None:
    """All that lies within a scope; None is everything."""
    if scope.is_everywhere:
        return None
    return frozenset(row["name"] for row in connection.execute(SQL["sites_of_scope"], {"scope": scope.cut}))


def where(connection: Connection, scope: Scope, place: str | None) -> dict[str, list[str] | None]:
    """What a statement about sites is told of place and scope: `sites` and `scope`.

    A scope is not told as the sites that lie in it: to send thousands of them with each question costs more than the
    answer.

    Raises:
        UnknownPlaceError: there is no such place there.
    """
    return {"scope": scope.cut, "sites": None if place is None else sites_within(connection, scope, place)}


def sites_within(connection: Connection, scope: Scope, place: str) -> list[str]:
    """What of a place, and of all places below it, lies within a scope; sites are among them.

    Raises:
        UnknownPlaceError: there is no such place there.
    """
    require_place(connection, scope, place)
    return [row["name"] for row in connection.execute(SQL["sites_within"], {"place": place, "scope": scope.cut})]


def producers_of(
    connection: Connection, scope: Scope, place: str | None, site: str | None, agent: str | None
) -> list[int] | None:
    """Producers of a place, site or box within a scope; None where all there are are meant.

    Raises:
        UnknownPlaceError: there is no such place there.
    """
    if place is None and site is None and agent is None and scope.is_everywhere:
        return None
    asked = {**where(connection, scope, place), "site": site, "agent": agent}
    return [row["id"] for row in connection.execute(SQL["producers_of"], asked)]


def put_place(connection: Connection, scope: Scope, name: str, **change: str | None) -> None:
    """Add a place, or move or rename it. Names are unique in the whole tree: who adds one learns that it is taken.

    Args:
        scope: of who does it: nothing gets into it or out of it.
        change: `above` and `title`; what is not given stays, or is nothing of a new place.

    Raises:
        PlaceError: the place above does not exist, or lies below this one.
        NotYoursError: it lies, or would lie, outside the scope.
    """
    connection.execute(SQL["lock_places"])
    found = connection.execute(SQL["place"], {"name": name}).fetchone()
    there = found or {"above": None, "title": ""}
    above, title = change.get("above", there["above"]), change.get("title", there["title"])
    moves = found is None or above != there["above"]
    if not scope.is_everywhere and not _stays_within(connection, scope, name, above if moves else None, moves=moves):
        raise NotYoursError(f"{name!r}: places can be added and moved within your own only")
    taken = not is_ours(connection, scope, name) if found is not None else _is_known_site(connection, name)
    if taken and not scope.is_everywhere:
        raise PlaceError(f"the name {name!r} is taken elsewhere in the tree: choose another")
    if above == name:
        raise PlaceError(f"{name!r} lies within itself: a place cannot")
    if above is not None:
        if not connection.execute(SQL["place"], {"name": above}).fetchone():
            raise PlaceError(f"place {above!r} does not exist: add it first")
        below = [row["name"] for row in connection.execute(SQL["below"], {"place": name})]
        if above in below:
            raise PlaceError(f"{above!r} lies within {name!r}: a place cannot lie within itself")
    connection.execute(SQL["put_place"], {"name": name, "above": above, "title": title})


def _stays_within(connection: Connection, scope: Scope, name: str, above: str | None, *, moves: bool) -> bool:
    """Whether what is changed lies, and will lie, where they who change it may change things."""
    if not moves:
        return is_ours(connection, scope, name)
    begins_scope = name in (scope.places or ())
    return not begins_scope and above is not None and is_ours(connection, scope, above)


def _is_known_site(connection: Connection, name: str) -> bool:
    """Whether boxes are, or may be, of a site of this name: who gets it into the tree gets all that is theirs."""
    row = connection.execute(SQL["is_known_site"], {"site": name}).fetchone()
    return bool(row and row["known"])


def remove_place(connection: Connection, scope: Scope, name: str) -> None:
    """Take a place out of the tree; a site goes on without one.

    Raises:
        UnknownPlaceError: it is not in the tree, or not theirs.
        PlaceError: others lie in it, it is where somebody's scope begins, or a post answers for it.
    """
    connection.execute(SQL["lock_places"])
    if not is_ours(connection, scope, name):
        raise UnknownPlaceError(f"place {name!r} is not in the tree")
    if not scope.is_everywhere and _is_known_site(connection, name):
        raise PlaceError(f"{name!r} is a site of boxes: out of the tree nobody of its places would hear them")
    below = [row["name"] for row in connection.execute(SQL["below"], {"place": name}) if row["name"] != name]
    if below:
        raise PlaceError(f"{below[0]!r} and what else lies within {name!r} comes first: move or remove it")
    if begins := [row["who"] for row in connection.execute(SQL["begins_scope"], {"place": name})]:
        whose = begins[0] if scope.is_everywhere else "somebody"
        raise PlaceError(f"{name!r} is where {whose} may do something: take that role away first")
    if posts := [row["name"] for row in connection.execute(SQL["posts_at"], {"place": name})]:
        raise PlaceError(f"post {posts[0]!r} answers for {name!r}: remove it first")
    if connection.execute(SQL["delete_place"], {"name": name}).rowcount == 0:
        raise UnknownPlaceError(f"place {name!r} is not in the tree")
