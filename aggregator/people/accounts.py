"""Accounts of people, what they may do and where; roles and grants. Each change is part of a transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from aggregator.people import passwords
from aggregator.people.principal import Grant, Identity, Principal
from aggregator.people.rights import NOT_OF_ADMINISTRATORS, ROLES, Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import ConflictError, MissingError, NotYoursError, SenselessError
from aggregator.store.places import require_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE, Scope

SQL = load_queries(__package__)
ADMINISTRATOR = "administrator"


class NoAccountError(MissingError):
    """There is no such account, role or grant."""


class AccountError(ConflictError):
    """It cannot be changed so."""


class PasswordError(SenselessError):
    """The password is not taken."""


class Account(Entity):
    """A person who may sign in."""

    name: str
    title: str
    made_at: datetime
    made_by: str
    password_at: datetime
    has_password: bool
    disabled_at: datetime | None
    disabled_by: str | None
    sessions: int
    """That are open now."""


class Given(Entity):
    """A role that somebody, or a key, has in a place; null is everywhere."""

    id: int
    account: str | None
    key: str | None
    role: str
    place: str | None
    given_at: datetime
    given_by: str
    waits: bool
    """For another administrator, who has to say so, too."""


class Role(Entity):
    """A name for rights. `own` is of this installation; the others everybody has."""

    name: str
    rights: list[Right]
    own: bool


class Holder(NamedTuple):
    """Who has a grant: an account or a key, by its name."""

    account: str | None = None
    key: str | None = None

    @property
    def shown(self) -> str:
        """For people."""
        return self.account or f"key {self.key}"


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an account for who signs in."""

    name: str
    password: str


def find(connection: Connection, name: str) -> Known | None:
    """An account that may sign in."""
    row = connection.execute(SQL["account"], {"name": name}).fetchone()
    return None if row is None or row["disabled_at"] else Known(row["name"], row["password"])


def identity(connection: Connection, holder: Holder) -> Identity:
    """What somebody, or a key, may do."""
    rows = connection.execute(SQL["grants_of"], holder._asdict()).fetchall()
    grants = [
        Grant(
            ROLES.get(row["role"]) or _known_rights(row["rights"] or ()),
            EVERYWHERE if row["place"] is None else Scope(frozenset({row["place"]})),
        )
        for row in rows
    ]
    return Identity(holder.shown, grants)


def is_begun(connection: Connection) -> bool:
    """Whether anybody has ever been there who can make accounts: then the first token has ended."""
    row = connection.execute(SQL["is_begun"]).fetchone()
    return bool(row and row["begun"])


def _can_begin(connection: Connection) -> bool:
    """Whether somebody, or a program, can make accounts now."""
    row = connection.execute(SQL["can_begin"]).fetchone()
    return bool(row and row["begun"])


def _note_begun(connection: Connection) -> None:
    """Once somebody can make accounts the first token has ended for good."""
    connection.execute(SQL["note_begun"], {"begun": _can_begin(connection)})


def listed(connection: Connection) -> list[Account]:
    """All accounts, by name."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(SQL["accounts"]).fetchall()


def add(connection: Connection, who: Principal, name: str, title: str, password: str) -> None:
    """Add an account, which may do nothing yet.

    Args:
        password: empty: nobody can sign in with one.

    Raises:
        AccountError: the name is taken.
        PasswordError: it is not taken.
    """
    values = {"name": name, "title": title, "password": kept(name, password) if password else "", "by": who.name}
    _lock(connection)
    if not connection.execute(SQL["add_account"], values).rowcount:
        raise AccountError(f"the name {name!r} is taken; names are not given twice")


def set_password(connection: Connection, name: str, kept_password: str, but: bytes | None = None) -> None:
    """Give an account another password; its sessions end.

    Args:
        kept_password: as `kept` makes it of one, before the transaction: that takes its time.
        but: hash of the one session that goes on: where it was changed in.

    Raises:
        NoAccountError: there is none.
    """
    _lock(connection)
    if not connection.execute(SQL["set_password"], {"name": name, "password": kept_password}).rowcount:
        raise NoAccountError(f"there is no account {name!r}")
    _note_begun(connection)
    connection.execute(SQL["end_sessions_of"], {"account": name, "by": "another password", "but": but})


def set_title(connection: Connection, name: str, title: str) -> None:
    """Call somebody by another name in lists; records keep the account's.

    Raises:
        NoAccountError: there is none.
    """
    if not connection.execute(SQL["set_title"], {"name": name, "title": title}).rowcount:
        raise NoAccountError(f"there is no account {name!r}")


def disable(connection: Connection, who: Principal, name: str) -> None:
    """Let somebody in no more; what they did stays theirs in the record.

    Raises:
        NoAccountError: there is none.
        AccountError: nobody would be left who can make accounts.
    """
    _lock(connection)
    _require(connection, name)
    with administrator_stays(connection):
        connection.execute(SQL["disable"], {"name": name, "by": who.name})
    connection.execute(SQL["end_sessions_of"], {"account": name, "by": who.name, "but": None})


def enable(connection: Connection, name: str) -> None:
    """Let them in again.

    Raises:
        NoAccountError: there is none.
    """
    _lock(connection)
    _require(connection, name)
    connection.execute(SQL["enable"], {"name": name})


def grants(connection: Connection) -> list[Given]:
    """Who has which role where."""
    with connection.cursor(row_factory=class_row(Given)) as cursor:
        return cursor.execute(SQL["grants"]).fetchall()


def give(connection: Connection, who: Principal, holder: Holder, role: str, place: str | None) -> Given:
    """Give a role in a place. Again changes nothing.

    Where it approves lists, or lets who gives it see what administrators may not, another administrator has to confirm
    it: nobody does so alone.

    Raises:
        NoAccountError: there is no such account or role.
        UnknownPlaceError: there is no such place.
    """
    _lock(connection)
    if holder.account is not None:
        _require(connection, holder.account)
    rights = _rights_of(connection, role)
    if place is not None:
        require_place(connection, EVERYWHERE, place)
        if connection.execute(SQL["is_in_tree"], {"place": place}).fetchone() is None:
            raise AccountError(f"place {place!r} lies in no tree yet: hawkline place put {place}")
    values = {**holder._asdict(), "role": role, "place": place, "by": who.name}
    to_oneself = holder.shown == who.name and bool(rights & NOT_OF_ADMINISTRATORS)
    waits = Right.LISTS_APPROVE in rights or to_oneself
    row = connection.execute(SQL["give"], {**values, "waits": waits}).fetchone()
    if row is None:
        row = connection.execute(SQL["given_before"], values).fetchone()
    elif holder.account is not None:
        connection.execute(SQL["end_sessions_of"], {"account": holder.account, "by": "another role", "but": None})
    _note_begun(connection)
    assert row is not None  # noqa: S101 - it was given now or before
    return _grant(connection, row["id"])


def confirm(connection: Connection, who: Principal, number: int) -> Given:
    """Say, as another administrator, that somebody shall have what was given.

    Raises:
        NoAccountError: there is no such grant.
        NotYoursError: it is one's own, one has given it oneself, or one is there only by who has given it.
    """
    _lock(connection)
    given = _grant(connection, number)
    maker = connection.execute(SQL["made_by"], {"name": who.name}).fetchone()
    another = maker is not None and given.given_by not in (who.name, maker["made_by"]) and given.account != who.name
    if given.waits and not another:
        raise NotYoursError(
            "another administrator has to confirm it: a person who does not get it, has not given it, and was not made "
            "by who has given it"
        )
    connection.execute(SQL["confirm"], {"id": number})
    _note_begun(connection)
    return _grant(connection, number)


def take(connection: Connection, number: int) -> Given:
    """Take a role away again; sessions of who had it end, for they may do less.

    Raises:
        NoAccountError: there is no such grant.
        AccountError: nobody would be left who can make accounts.
    """
    _lock(connection)
    given = _grant(connection, number)
    if given.account is not None:
        _require(connection, given.account)
    with administrator_stays(connection):
        connection.execute(SQL["take"], {"id": number})
    if given.account is not None:
        connection.execute(SQL["end_sessions_of"], {"account": given.account, "by": "another role", "but": None})
    return given


def roles(connection: Connection) -> list[Role]:
    """Those that everybody has, and this installation's own."""
    ours = [Role(name=name, rights=sorted(rights), own=False) for name, rights in ROLES.items()]
    rows = connection.execute(SQL["roles"]).fetchall()
    return ours + [Role(name=row["name"], rights=sorted(_known_rights(row["rights"])), own=True) for row in rows]


def put_role(connection: Connection, name: str, rights: Sequence[Right]) -> None:
    """Make or change a role of this installation. Who has it may do what it says from now on.

    Raises:
        AccountError: it is one that everybody has, has no rights, or approves lists and somebody has it already.
    """
    _lock(connection)
    if name in ROLES:
        raise AccountError(f"role {name!r} is the same everywhere; make one of your own under another name")
    if not rights:
        raise AccountError(f"role {name!r} has no rights: whoever got it could do nothing; name some")
    before = connection.execute(SQL["role"], {"name": name}).fetchone()
    adds_approval = Right.LISTS_APPROVE in rights and not (before and Right.LISTS_APPROVE in before["rights"])
    if adds_approval and _is_given(connection, name):
        raise AccountError(f"role {name!r} is given already: who has it would approve lists with nobody's second word")
    with administrator_stays(connection):
        connection.execute(SQL["put_role"], {"name": name, "rights": [str(right) for right in sorted(set(rights))]})


def remove_role(connection: Connection, name: str) -> None:
    """Forget a role of this installation.

    Raises:
        NoAccountError: there is none.
        AccountError: somebody has it, or it is one that everybody has.
    """
    _lock(connection)
    if name in ROLES:
        raise AccountError(f"role {name!r} is the same everywhere")
    if _is_given(connection, name):
        raise AccountError(f"role {name!r} is given to somebody: take it away first")
    if not connection.execute(SQL["delete_role"], {"name": name}).rowcount:
        raise NoAccountError(f"there is no role {name!r}")


def kept(name: str, password: str) -> str:
    """What is kept of a password. Takes 64 MiB and 0.2 s.

    Raises:
        PasswordError: it is not taken.
    """
    if objection := passwords.objection(name, password):
        raise PasswordError(f"password: {objection}")
    return passwords.hashed(password)


def _known_rights(names: Sequence[str]) -> frozenset[Right]:
    """Of a role that an earlier or later version has written: what this one does not know, nobody may."""
    return frozenset(right for right in Right if right.value in names)


def _rights_of(connection: Connection, role: str) -> frozenset[Right]:
    if role in ROLES:
        return ROLES[role]
    row = connection.execute(SQL["role"], {"name": role}).fetchone()
    if row is None:
        known = ", ".join(each.name for each in roles(connection))
        raise NoAccountError(f"there is no role {role!r}; there are {known}")
    return _known_rights(row["rights"])


def _is_given(connection: Connection, role: str) -> bool:
    row = connection.execute(SQL["role_is_given"], {"name": role}).fetchone()
    return bool(row and row["given"])


def _grant(connection: Connection, number: int) -> Given:
    with connection.cursor(row_factory=class_row(Given)) as cursor:
        found = cursor.execute(SQL["grant"], {"id": number}).fetchone()
    if found is None:
        raise NoAccountError(f"there is no grant {number}")
    return found


def _require(connection: Connection, name: str) -> None:
    """See to it that it is there; until the commit nobody begins a session of it."""
    if connection.execute(SQL["hold_account"], {"name": name}).fetchone() is None:
        raise NoAccountError(f"there is no account {name!r}")


@contextmanager
def administrator_stays(connection: Connection) -> Iterator[None]:
    """Refuse a change after which no person, or nothing at all, could make accounts any more, where one could before.

    Raises:
        AccountError: it is such a change.
    """
    person, anything = connection.execute(SQL["administrators"]).fetchone(), _can_begin(connection)
    yield
    no_person = person and connection.execute(SQL["administrators"]).fetchone() is None
    if no_person or (anything and not _can_begin(connection)):
        raise AccountError("nobody would be left who can make accounts: give another account that role first")


def _lock(connection: Connection) -> None:
    connection.execute(SQL["lock_people"])
