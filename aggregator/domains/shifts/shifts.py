"""Who stands at which post, and what they hand over. Each change is part of a transaction."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import class_row

from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError
from aggregator.store.places import is_ours, require_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE, Scope

SQL = load_queries(__package__)


class NoPostError(MissingError):
    """There is no such post or shift, or it is not theirs who ask: both sound the same."""


class ShiftError(ConflictError):
    """It cannot be done as things are."""


class Shift(Entity):
    """Somebody at a post. `open_alerts` are those of its place that were open at the end: the gravest thousand."""

    id: int
    post: str
    who: str
    began_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    note: str
    open_alerts: list[int]


class Post(Entity):
    """Where people stand, who is on now, and what was handed over last."""

    name: str
    title: str
    place: str
    on: list[Shift]
    handed_over: Shift | None


def posts(connection: Connection, scope: Scope) -> list[Post]:
    """All posts of a scope, by name."""
    rows = connection.execute(SQL["posts"], {"scope": scope.cut}).fetchall()
    named = {"posts": [row["name"] for row in rows]}
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        now = cursor.execute(SQL["on_now"], named).fetchall()
        before = {shift.post: shift for shift in cursor.execute(SQL["handed_over"], named)}
    return [
        Post(**row, on=[shift for shift in now if shift.post == row["name"]], handed_over=before.get(row["name"]))
        for row in rows
    ]


def put_post(connection: Connection, scope: Scope, name: str, title: str, place: str) -> None:
    """Add a post, or change it.

    Raises:
        UnknownPlaceError: there is no such place of theirs.
        ShiftError: the place lies in no tree yet, or the name is taken elsewhere.
    """
    require_place(connection, scope, place)
    found = connection.execute(SQL["post_anywhere"], {"name": name}).fetchone()
    if found is not None and not is_ours(connection, scope, found["place"]):
        raise ShiftError(f"the name {name!r} is taken elsewhere: choose another")
    if found is not None and found["place"] != place and (stand := _on(connection, name)):
        raise ShiftError(f"{stand[0].who} stands at {name!r}: it is handed over before it answers for another place")
    if not is_ours(connection, Scope(frozenset({place})), place):
        raise ShiftError(f"place {place!r} lies in no tree yet: hawkline place put {place}")
    before = found["place"] if found else place
    if not connection.execute(
        SQL["put_post"], {"name": name, "title": title, "place": place, "before": before}
    ).rowcount:
        raise ShiftError(f"the name {name!r} has just been taken elsewhere: choose another")


def remove_post(connection: Connection, scope: Scope, name: str) -> None:
    """Forget a post and its shifts; what was handed over stays in the audit.

    Raises:
        NoPostError: there is none.
        ShiftError: somebody stands there.
    """
    _require(connection, scope, name)
    if shift := _on(connection, name):
        raise ShiftError(f"{shift[0].who} stands at {name!r}: it is handed over first")
    connection.execute(SQL["delete_post"], {"name": name})


def sign_on(connection: Connection, who: Principal, post: str) -> Shift:
    """Stand at a post from now on. Again changes nothing.

    Raises:
        NoPostError: there is none.
        ShiftError: they stand at another, or are a program.
    """
    _require(connection, who.scope, post)
    if who.name.startswith("key "):
        raise ShiftError("a program stands at no post: sign in as a person")
    own = _own(connection, who)
    if own is not None and own.post != post:
        raise ShiftError(f"you stand at post {own.post!r}: hand it over first")
    if own is not None:
        return own
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        begun = cursor.execute(SQL["begin"], {"post": post, "who": who.name}).fetchone()
    if begun is None:
        raise ShiftError("you have just begun at another post: hand it over first")
    return begun


def hand_over(connection: Connection, who: Principal, post: str, note: str) -> Shift:
    """End one's shift, also at a post that is theirs no more; what is open then is written down with it.

    Raises:
        NoPostError: there is none.
        ShiftError: they do not stand there.
    """
    own = _own(connection, who)
    stands = own is not None and own.post == post
    place = _require(connection, EVERYWHERE if stands else who.scope, post)
    if own is None or not stands:
        raise ShiftError(f"you do not stand at post {post!r}")
    return _end(connection, own.id, place, note, None)


def end_of_another(connection: Connection, who: Principal, post: str, number: int, note: str) -> Shift:
    """End the shift of somebody who has gone without.

    Raises:
        NoPostError: there is none that goes on.
    """
    place = _require(connection, who.scope, post)
    if connection.execute(SQL["open_at"], {"post": post, "number": number}).fetchone() is None:
        raise NoPostError(f"post {post!r}: there is no shift {number} that goes on")
    return _end(connection, number, place, note, who.name)


def shifts(connection: Connection, scope: Scope, post: str, before: int | None, limit: int) -> Sequence[Shift]:
    """Shifts of a post, the newest first.

    Raises:
        NoPostError: there is none.
    """
    if not any(each["name"] == post for each in connection.execute(SQL["posts"], {"scope": scope.cut})):
        raise NoPostError(f"there is no post {post!r}")
    asked = {"post": post, "before": before, "limit": limit}
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        return cursor.execute(SQL["shifts"], asked).fetchall()


def _require(connection: Connection, scope: Scope, post: str) -> str:
    """The place of a post, which until the commit nobody else changes."""
    row = connection.execute(SQL["post"], {"post": post, "scope": scope.cut}).fetchone()
    if row is None:
        raise NoPostError(f"there is no post {post!r}")
    return str(row["place"])


def _own(connection: Connection, who: Principal) -> Shift | None:
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        return cursor.execute(SQL["own"], {"who": who.name}).fetchone()


def _on(connection: Connection, post: str) -> Sequence[Shift]:
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        return cursor.execute(SQL["on_now"], {"posts": [post]}).fetchall()


def _end(connection: Connection, number: int, place: str, note: str, by: str | None) -> Shift:
    values = {"id": number, "place": place, "note": note, "by": by}
    with connection.cursor(row_factory=class_row(Shift)) as cursor:
        ended = cursor.execute(SQL["end"], values).fetchone()
    assert ended is not None  # noqa: S101 - it was held before
    return ended
