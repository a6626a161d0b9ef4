"""Which place lies within which is kept as the tree changes, and is at any time what the tree says."""

import random

import pytest

from aggregator.store.database import Connection
from aggregator.store.errors import RefusedError
from aggregator.store.places import put_place, remove_place, sites_of, sites_within
from aggregator.store.scope import EVERYWHERE, Scope

FROM_THE_TREE = """WITH RECURSIVE tree (place, site) AS (
    SELECT name, name FROM places UNION SELECT t.place, p.name FROM places p JOIN tree t ON p.above = t.site
) SELECT place, site FROM tree"""


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_within_is_what_the_tree_says(connection: Connection, seed: int) -> None:
    rng = random.Random(seed)
    names = [f"place-{number}" for number in range(14)]
    for _ in range(150):
        name, above = rng.choice(names), rng.choice([None, *names])
        try:
            with connection.transaction():
                if rng.random() < 0.2:
                    remove_place(connection, EVERYWHERE, name)
                else:
                    put_place(connection, EVERYWHERE, name, above=above)
        except RefusedError:
            pass
        kept = {(row["place"], row["site"]) for row in connection.execute("SELECT place, site FROM within")}
        assert kept == {(row["place"], row["site"]) for row in connection.execute(FROM_THE_TREE)}


def test_a_planner_changes_places_within_his_own_only(connection: Connection) -> None:
    mine = Scope(frozenset({"east"}))
    with connection.transaction():
        for name, above in (("city", None), ("east", "city"), ("west", "city"), ("e1", "east"), ("w1", "west")):
            put_place(connection, EVERYWHERE, name, above=above)
        put_place(connection, mine, "e2", above="east")
        put_place(connection, mine, "e1", above="e2")
        put_place(connection, mine, "east", title="East")
    for name, change in (
        ("e3", {"above": "west"}),
        ("e3", {"above": None}),
        ("w1", {"above": "east"}),
        ("w1", {"title": "mine"}),
        ("e1", {"above": "west"}),
        ("e1", {"above": None}),
        ("east", {"above": "west"}),
        ("east", {"above": "e1"}),
    ):
        with pytest.raises(RefusedError), connection.transaction():
            put_place(connection, mine, name, **change)
    with pytest.raises(RefusedError, match="not in the tree"), connection.transaction():
        remove_place(connection, mine, "w1")
    assert sites_of(connection, mine) == {"e1", "e2", "east"}
    assert sites_within(connection, mine, "e2") == ["e1", "e2"]
    for place in ("west", "city", "nowhere"):
        with pytest.raises(RefusedError, match="does not exist"):
            sites_within(connection, mine, place)


def test_a_backup_may_bring_places_in_any_order(connection: Connection) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY places (name, above, title) FROM STDIN") as copy:
        for name, above in (("e1", "east"), ("west", "city"), ("east", "city"), ("e2", "e1"), ("city", None)):
            copy.write_row((name, above, ""))
    kept = {(row["place"], row["site"]) for row in connection.execute("SELECT place, site FROM within")}
    assert kept == {(row["place"], row["site"]) for row in connection.execute(FROM_THE_TREE)}
    assert ("city", "e2") in kept
