"""Who may do what where: roles, and to whom they are given. Each change is part of a transaction."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from aggregator.people import sessions
from aggregator.people.errors import AccountError, NoAccountError
from aggregator.people.principal import Grant, Identity, Principal
from aggregator.people.rights import NOT_OF_ADMINISTRATORS, OF_ALERTS, ROLES, Right
from aggregator.store.database import Connection
from aggregator.store.entity import Entity
from aggregator.store.errors import NotYoursError
from aggregator.store.places import require_place
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE, Scope

_OF_APPROVERS = frozenset({Right.LISTS_APPROVE, Right.LISTS_APPROVE_LONG})
_SQL = load_queries(__package__, "grants.sql")
ADMINISTRATOR = "administrator"
_ANOTHER_ROLE = "another role"
_KEY = "key "
"""Before the name of a key, where it stands for who does something."""


class Given(Entity):
    """A role that somebody, or a key, has in a place; null is everywhere."""

    id: int
    account: str | None
    key: str | None
    role: str
    place: str | None
    kinds: list[str] | None
    """Of alerts, of which alone it holds: subjects or conditions; null is all."""
    given_at: datetime
    given_by: str
    waits: bool
    """For another administrator, who has to say so, too."""

    @property
    def audit_subject(self) -> str:
        """Whom the audit names."""
        return Holder(self.account, self.key).shown

    @property
    def audit_detail(self) -> str:
        """What it says of it."""
        there = f"{self.role}@{self.place}" if self.place else self.role
        return f"{there} of {' '.join(self.kinds)}" if self.kinds else there


class Role(Entity):
    """A name for rights. `own` is of this installation; the others everybody has."""

    name: str
    rights: list[Right]
    own: bool
    second_step: bool
    """Who has it comes in with a second step only."""


class Holder(NamedTuple):
    """Who has a grant: an account or a key, by its name."""

    account: str | None = None
    key: str | None = None

    @property
    def shown(self) -> str:
        """For people."""
        return self.account or f"{_KEY}{self.key}"


def lock(connection: Connection) -> None:
    """Until the commit nobody else changes people: two administrators must not remove each other at once."""
    connection.execute(_SQL["lock_people"])


def hold(connection: Connection, account: str) -> None:
    """See to it that an account is there; until the commit nobody begins a session of it.

    Raises:
        NoAccountError: there is none.
    """
    if connection.execute(_SQL["hold_account"], {"name": account}).fetchone() is None:
        raise NoAccountError(f"there is no account {account!r}")


def identity(connection: Connection, holder: Holder) -> Identity:
    """What somebody, or a key, may do."""
    rows = connection.execute(_SQL["grants_of"], holder._asdict()).fetchall()
    grants = [
        Grant(
            ROLES.get(row["role"]) or _known_rights(row["rights"] or ()),
            EVERYWHERE if row["place"] is None else Scope(frozenset({row["place"]})),
            None if row["kinds"] is None else frozenset(row["kinds"]),
        )
        for row in rows
    ]
    return Identity(holder.shown, grants)


def is_begun(connection: Connection) -> bool:
    """Whether anybody has ever been there who can make accounts: then the first token has ended."""
    row = connection.execute(_SQL["is_begun"]).fetchone()
    return bool(row and row["begun"])


def note_begun(connection: Connection) -> None:
    """Once somebody can make accounts the first token has ended for good."""
    connection.execute(_SQL["note_begun"], {"begun": _can_begin(connection)})


@contextmanager
def administrator_stays(connection: Connection) -> Iterator[None]:
    """Refuse a change after which no person, or nothing at all, could make accounts any more, where one could before.

    Raises:
        AccountError: it is such a change.
    """
    person, anything = connection.execute(_SQL["administrators"]).fetchone(), _can_begin(connection)
    yield
    no_person = person and connection.execute(_SQL["administrators"]).fetchone() is None
    if no_person or (anything and not _can_begin(connection)):
        raise AccountError("nobody would be left who can make accounts: give another account that role first")


def listed(connection: Connection) -> list[Given]:
    """Who has which role where."""
    with connection.cursor(row_factory=class_row(Given)) as cursor:
        return cursor.execute(_SQL["grants"]).fetchall()


def give(
    connection: Connection,
    who: Principal,
    holder: Holder,
    role: str,
    place: str | None,
    kinds: Collection[str] | None = None,
) -> Given:
    """Give a role in a place. Again changes nothing.

    Where it approves lists, or lets who gives it see what administrators may not, another administrator has to confirm
    it: nobody does so alone.

    Args:
        kinds: of alerts, of which alone it shall hold; None is all.

    Raises:
        NoAccountError: there is no such account or role.
        UnknownPlaceError: there is no such place.
        AccountError: it says nothing of alerts, or they have it there for other kinds.
    """
    lock(connection)
    if holder.account is not None:
        hold(connection, holder.account)
    rights = _rights_of(connection, role)
    if holder.key is not None and rights & _OF_APPROVERS:
        raise AccountError(f"role {role!r} approves lists, which people do: give it to an account")
    if kinds is not None and not rights & OF_ALERTS:
        raise AccountError(f"role {role!r} says nothing of alerts: it cannot be given for some kinds of them")
    if place is not None:
        require_place(connection, EVERYWHERE, place)
        if connection.execute(_SQL["is_in_tree"], {"place": place}).fetchone() is None:
            raise AccountError(f"place {place!r} lies in no tree yet: hawkline place put {place}")
    wanted = None if kinds is None else sorted(set(kinds))
    values = {**holder._asdict(), "role": role, "place": place, "kinds": wanted, "by": who.name}
    to_oneself = holder.shown == who.name and bool(rights & NOT_OF_ADMINISTRATORS)
    waits = bool(rights & _OF_APPROVERS) or to_oneself
    row = connection.execute(_SQL["give"], {**values, "waits": waits}).fetchone()
    if row is None:
        row = connection.execute(_SQL["given_before"], values).fetchone()
        if row and row["kinds"] != wanted:
            raise AccountError(f"{holder.shown} has role {role!r} there for other kinds of alerts: take it away first")
    elif holder.account is not None:
        sessions.end_all(connection, holder.account, _ANOTHER_ROLE)
    note_begun(connection)
    assert row is not None  # noqa: S101 - it was given now or before
    return _grant(connection, row["id"])


def give_all(
    connection: Connection, who: Principal, holder: Holder, wanted: Iterable[tuple[str, str | None]]
) -> list[Given]:
    """Give roles, each in its place.

    Raises:
        NoAccountError, UnknownPlaceError, AccountError: as for one; then none of them is given.
    """
    return [give(connection, who, holder, role, place) for role, place in wanted]


def confirm(connection: Connection, who: Principal, number: int) -> Given:
    """Say, as another administrator, that somebody shall have what was given.

    Raises:
        NoAccountError: there is no such grant.
        NotYoursError: it is one's own, one has given it oneself, one is there only by who has given it, or both are
            there only by the provider of identities.
    """
    lock(connection)
    given = _grant(connection, number)
    if given.waits and not _is_another(connection, who, given):
        raise NotYoursError(
            "another administrator has to confirm it: a person who does not get it, has not given it, and was not made "
            "by who has given it; of two from the identity provider one is not enough"
        )
    if given.account is not None:
        hold(connection, given.account)
    connection.execute(_SQL["confirm"], {"id": number})
    if given.account is not None and given.waits:
        sessions.end_all(connection, given.account, _ANOTHER_ROLE)
    note_begun(connection)
    return _grant(connection, number)


def _is_another(connection: Connection, who: Principal, given: Given) -> bool:
    """Whether somebody may give the second word to a grant."""
    person = person_behind(connection, given.given_by)
    own = connection.execute(_SQL["made_by"], {"name": who.name}).fetchone()
    giver = connection.execute(_SQL["made_by"], {"name": person}).fetchone()
    if own is None or given.account == who.name:
        return False
    if person == who.name or person_behind(connection, own["made_by"]) == person:
        return False
    # Whoever runs the provider can have made both.
    return not (own["vouched"] and (giver["vouched"] if giver else person == own["made_by"]))


def is_one_hand(connection: Connection, name: str, other: str) -> bool:
    """Whether two names may be of one person: they are the same, or one has made the account of the other."""

    def maker(of: str) -> str | None:
        row = connection.execute(_SQL["made_by"], {"name": of}).fetchone()
        return None if row is None else person_behind(connection, str(row["made_by"]))

    return name == other or maker(name) == other or maker(other) == name


def person_behind(connection: Connection, name: str) -> str:
    """Who does what a key does: whoever made it; names of people, and of the machine, are their own."""
    while name.startswith(_KEY):
        row = connection.execute(_SQL["key_made_by"], {"name": name.removeprefix(_KEY)}).fetchone()
        if row is None:
            break
        name = str(row["made_by"])
    return name


def take(connection: Connection, number: int) -> Given:
    """Take a role away again; sessions of who had it end, for they may do less.

    Raises:
        NoAccountError: there is no such grant.
        AccountError: nobody would be left who can make accounts.
    """
    lock(connection)
    given = _grant(connection, number)
    if given.account is not None:
        hold(connection, given.account)
    with administrator_stays(connection):
        connection.execute(_SQL["take"], {"id": number})
    if given.account is not None:
        sessions.end_all(connection, given.account, _ANOTHER_ROLE)
    return given


def roles(connection: Connection) -> list[Role]:
    """Those that everybody has, and this installation's own."""
    two_step = {row["role"] for row in connection.execute(_SQL["two_step_roles"]).fetchall()}
    own_roles = {row["name"]: _known_rights(row["rights"]) for row in connection.execute(_SQL["roles"]).fetchall()}
    return [
        Role(name=name, rights=sorted(rights), own=name in own_roles, second_step=name in two_step)
        for name, rights in {**ROLES, **own_roles}.items()
    ]


def put_role(connection: Connection, name: str, rights: Sequence[Right]) -> None:
    """Make or change a role of this installation. Who has it may do what it says from now on.

    Raises:
        AccountError: it is one that everybody has, has no rights, or approves lists and somebody has it already.
    """
    lock(connection)
    if name in ROLES:
        raise AccountError(f"role {name!r} is the same everywhere; make one of your own under another name")
    if not rights:
        raise AccountError(f"role {name!r} has no rights: whoever got it could do nothing; name some")
    before = connection.execute(_SQL["role"], {"name": name}).fetchone()
    added = set(rights) - set(before["rights"] if before else ())
    if added & NOT_OF_ADMINISTRATORS and _is_given(connection, name):
        said = ", ".join(sorted(added & NOT_OF_ADMINISTRATORS))
        raise AccountError(f"role {name!r} is given already: who has it would get {said} with nobody's second word")
    with administrator_stays(connection):
        connection.execute(_SQL["put_role"], {"name": name, "rights": [str(right) for right in sorted(set(rights))]})


def remove_role(connection: Connection, name: str) -> None:
    """Forget a role of this installation.

    Raises:
        NoAccountError: there is none.
        AccountError: somebody has it, or it is one that everybody has.
    """
    lock(connection)
    if name in ROLES:
        raise AccountError(f"role {name!r} is the same everywhere")
    if _is_given(connection, name):
        raise AccountError(f"role {name!r} is given to somebody: take it away first")
    if not connection.execute(_SQL["delete_role"], {"name": name}).rowcount:
        raise NoAccountError(f"there is no role {name!r}")
    connection.execute(_SQL["release_role"], {"name": name})


def require_second_step(connection: Connection, who: Principal, name: str, *, required: bool) -> None:
    """Let holders of a role in with a second step only, or without one again.

    Sessions that were begun without one end; their people set it up when they sign in again.

    Raises:
        NoAccountError: there is no such role.
        AccountError: who asks has the role and no second step: their own session would be the first to end.
    """
    lock(connection)
    _rights_of(connection, name)
    if not required:
        connection.execute(_SQL["release_role"], {"name": name})
        return
    without = {row["account"] for row in connection.execute(_SQL["holders_without"], {"role": name}).fetchall()}
    if who.name in without:
        raise AccountError("you have that role and no second step yourself: set yours up first, on your account's page")
    connection.execute(_SQL["bind_role"], {"name": name})
    for account in sorted(without):
        hold(connection, account)
        sessions.end_all(connection, account, "a second step is required")


def requires_second_step(connection: Connection, account: str) -> bool:
    """Whether an account has a role whose holders need one."""
    row = connection.execute(_SQL["requires_second_step"], {"account": account}).fetchone()
    return bool(row and row["required"])


def _can_begin(connection: Connection) -> bool:
    """Whether somebody, or a program, can make accounts now."""
    row = connection.execute(_SQL["can_begin"]).fetchone()
    return bool(row and row["begun"])


def _known_rights(names: Sequence[str]) -> frozenset[Right]:
    """Of a role that an earlier or later version has written: what this one does not know, nobody may."""
    return frozenset(right for right in Right if right.value in names)


def _rights_of(connection: Connection, role: str) -> frozenset[Right]:
    if role in ROLES:
        return ROLES[role]
    row = connection.execute(_SQL["role"], {"name": role}).fetchone()
    if row is None:
        known = ", ".join(each.name for each in roles(connection))
        raise NoAccountError(f"there is no role {role!r}; there are {known}")
    return _known_rights(row["rights"])


def _is_given(connection: Connection, role: str) -> bool:
    row = connection.execute(_SQL["role_is_given"], {"name": role}).fetchone()
    return bool(row and row["given"])


def _grant(connection: Connection, number: int) -> Given:
    with connection.cursor(row_factory=class_row(Given)) as cursor:
        found = cursor.execute(_SQL["grant"], {"id": number}).fetchone()
    if found is None:
        raise NoAccountError(f"there is no grant {number}")
    return found
