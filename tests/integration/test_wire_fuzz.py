"""Every struct of the wire at its bounds and beyond; `hawkline bench wire` sends a hundred thousand of each."""

import pytest

from aggregator.store import Database
from provisioning.lab.centre.wire_fuzz import MOST_STATEMENTS, through_ingest, through_presence
from shared.events import BoxState, ConfigApplied, EventBase, Health, kinds

EACH = 1500


@pytest.mark.parametrize("kind", kinds(), ids=list(kinds().values()))
def test_no_event_costs_more_than_a_bounded_number_of_statements(database: Database, kind: type[EventBase]) -> None:
    each = EACH // 8 if kind is ConfigApplied else EACH  # one of them fills a message
    cost = through_ingest(database, kind, each)
    assert cost.faults == []
    assert cost.sent == each
    assert cost.read > 3, "some are at their bounds, and are read"
    assert cost.read < each
    assert cost.statements <= MOST_STATEMENTS
    with database.connect("test", autocommit=True) as connection:
        rows = connection.execute("SELECT detail FROM dead_letters WHERE reason IN ('value', 'inbox')").fetchall()
    assert rows == [], "what is within its bounds, the database takes and alerting understands"


@pytest.mark.parametrize("kind", [Health, BoxState])
def test_no_heartbeat_does(database: Database, kind: type[Health] | type[BoxState]) -> None:
    cost = through_presence(database, kind, EACH)
    assert cost.faults == []
    assert cost.statements <= MOST_STATEMENTS
