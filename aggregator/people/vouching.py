"""Whom a provider of identities vouches for: they have an account here, and the roles that their groups have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aggregator.people import accounts, grants
from aggregator.people.grants import Holder
from aggregator.people.identity_provider import Vouched
from aggregator.people.principal import Principal
from aggregator.store.database import Connection
from aggregator.store.errors import NotYoursError, RefusedError
from aggregator.store.queries import load_queries
from aggregator.store.scope import EVERYWHERE

_SQL = load_queries(__package__, "accounts.sql")
PROVIDER = Principal("identity provider", EVERYWHERE)
"""No account is called so: names hold no space."""
_IDLE = "none of their groups may do anything here"


@dataclass(frozen=True, slots=True)
class Welcome:
    """An account that is now what the provider says.

    Attributes:
        objections: what could not be given or taken, in sentences.
        may_enter: whether they may do anything at all; where not, what they had has been taken all the same.
    """

    name: str
    objections: list[str]
    may_enter: bool


def welcome(connection: Connection, vouched: Vouched) -> Welcome:
    """Make the account of somebody what the provider says now.

    Roles that people here have given them they keep. One that approves lists waits for an administrator, as ever.

    Raises:
        AccountError: the name is another's.
        NotYoursError: they are disabled here, or are new and may do nothing.
    """
    grants.lock(connection)
    name, is_new = _account_of(connection, vouched)
    wanted = {_role_there(role) for role in vouched.roles}
    objections: list[str] = []
    for given in grants.listed(connection):
        there = given.role, given.place
        if given.account == name and given.given_by == PROVIDER.name and there not in wanted:
            with _noting(connection, objections):
                grants.take(connection, given.id)
    for role, place in sorted(wanted, key=str):
        with _noting(connection, objections):
            grants.give(connection, PROVIDER, Holder(account=name), role, place)
    may_enter = bool(grants.identity(connection, Holder(account=name)).rights)
    if not may_enter and is_new:
        raise NotYoursError(f"{name}: {_IDLE}")
    return Welcome(name, objections, may_enter)


@contextmanager
def _noting(connection: Connection, objections: list[str]) -> Iterator[None]:
    """Do one thing wholly or not at all, and note why not."""
    try:
        with connection.transaction():
            yield
    except RefusedError as error:
        objections.append(str(error))


def _account_of(connection: Connection, vouched: Vouched) -> tuple[str, bool]:
    """The account, and whether it has just been made."""
    row = connection.execute(_SQL["account_of_subject"], {"subject": vouched.subject}).fetchone()
    if row is None:
        accounts.add(connection, PROVIDER, vouched.name, vouched.title, "")
        connection.execute(_SQL["set_subject"], {"name": vouched.name, "subject": vouched.subject})
        return vouched.name, True
    if row["disabled_at"]:
        raise NotYoursError(f"{row['name']} is disabled here")
    accounts.set_title(connection, row["name"], vouched.title)
    return str(row["name"]), False


def _role_there(text: str) -> tuple[str, str | None]:
    role, at, place = text.partition("@")
    return role, place if at else None
