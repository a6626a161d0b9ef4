"""Whom a provider of identities vouches for: they have an account here, and the roles that their groups have."""

from aggregator.people import accounts, grants
from aggregator.people.errors import AccountError
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


def welcome(connection: Connection, vouched: Vouched) -> tuple[str, list[str]]:
    """Make the account of somebody what the provider says now.

    Roles that people here have given them they keep. One that approves lists waits for an administrator, as ever.

    Returns:
        Its name, and what could not be given, in sentences.

    Raises:
        AccountError: the name is another's.
        NotYoursError: they are disabled here, or may do nothing.
    """
    grants.lock(connection)
    name = _account_of(connection, vouched)
    wanted = {_role_there(role) for role in vouched.roles}
    objections: list[str] = []
    for given in grants.listed(connection):
        there = given.role, given.place
        if given.account == name and given.given_by == PROVIDER.name and there not in wanted:
            try:
                grants.take(connection, given.id)
            except AccountError as error:
                objections.append(f"{given.role} stays: {error}")
    for role, place in sorted(wanted, key=str):
        try:
            grants.give(connection, PROVIDER, Holder(account=name), role, place)
        except RefusedError as error:
            objections.append(str(error))
    if not grants.identity(connection, Holder(account=name)).rights:
        raise NotYoursError(f"{name}: none of their groups may do anything here")
    return name, objections


def _account_of(connection: Connection, vouched: Vouched) -> str:
    row = connection.execute(_SQL["account_of_subject"], {"subject": vouched.subject}).fetchone()
    if row is None:
        accounts.add(connection, PROVIDER, vouched.name, vouched.title, "")
        connection.execute(_SQL["set_subject"], {"name": vouched.name, "subject": vouched.subject})
        return vouched.name
    if row["disabled_at"]:
        raise NotYoursError(f"{row['name']} is disabled here")
    accounts.set_title(connection, row["name"], vouched.title)
    return str(row["name"])


def _role_there(text: str) -> tuple[str, str | None]:
    role, at, place = text.partition("@")
    return role, place if at else None
