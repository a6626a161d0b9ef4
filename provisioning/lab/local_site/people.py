"""People of a centre of our own, as an administrator would have made them, and signed in."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from aggregator.api.session import COOKIE
from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.people import accounts, grants, sessions
from aggregator.people.grants import Holder
from aggregator.people.principal import Principal
from aggregator.store import Database
from aggregator.store.scope import EVERYWHERE
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.trust import client_context, read_root

_FOUNDER = Principal("founder", EVERYWHERE)
_PASSWORD = "correct horse battery"  # noqa: S105 - of accounts that live for one run


@contextmanager
def signed_in(centre: TrustedAggregator, name: str, role: str) -> Iterator[httpx.Client]:
    """Somebody with a new account and a role everywhere, whose grants wait for nobody."""
    with Database(EmbeddedPostgres(centre.folder / "data").dsn).connect("laboratory") as connection:
        accounts.add(connection, _FOUNDER, name, "", _PASSWORD)
        holder = Holder(account=name)
        grants.give(connection, _FOUNDER, holder, role, None)
        connection.execute("UPDATE grants SET waits = false")
        kept, _ = sessions.begin(connection, grants.identity(connection, holder), "127.0.0.1", "the laboratory")
    headers = {"cookie": f"{COOKIE}={kept}", "origin": centre.url}
    context = client_context(read_root(centre.root_path))
    with httpx.Client(base_url=centre.url, headers=headers, verify=context, timeout=60, trust_env=False) as client:
        yield client
