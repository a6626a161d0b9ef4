"""What is wanted of a box is sent until the box answers for it; what it cannot obey is shown, and rings."""

from psycopg.types.json import Jsonb

from aggregator.domains.boxes import desired
from aggregator.domains.boxes.domain import look
from aggregator.signals.signal import Signal
from aggregator.store.database import Connection
from shared.desired import ARMING, Armed, Arming, SectionState
from shared.envelope import decode_message
from shared.topics import Address

BOX = Address("north", "gate")


def tell(connection: Connection, *states: SectionState, **more: object) -> None:
    """The box's newest heartbeat."""
    sections = [
        {"name": each.name, "version": each.version, "refused": each.refused, "error": each.error} for each in states
    ]
    health = Jsonb({"sections": sections, **more} if states else more)
    connection.execute(
        "INSERT INTO agents (site, agent, state, health) VALUES ('north', 'gate', 'online', %s)"
        " ON CONFLICT (site, agent) DO UPDATE SET health = excluded.health",
        (health,),
    )


def due(connection: Connection) -> list[tuple[str, int]]:
    return [(row["section"], row["version"]) for row in connection.execute(desired.SQL["due"])]


def refusals(connection: Connection) -> list[Signal]:
    return [each for each in look(connection, lost_too=False) if each.condition == "section_refused"]


def arm(connection: Connection, armed: bool) -> int:
    """Order something, and return the version that it has."""
    connection.execute(
        "INSERT INTO arming (site, agent, camera, name, armed, changed_by)"
        " VALUES ('north', 'gate', 'road', '北门', %s, 'li') ON CONFLICT (site, agent, camera, name)"
        " DO UPDATE SET armed = excluded.armed",
        (armed,),
    )
    desired.want(connection, BOX, ARMING)
    return desired.sections(connection, BOX)[0].version


def test_a_section_is_due_until_the_box_obeys_it(connection: Connection) -> None:
    tell(connection)
    version = arm(connection, armed=False)
    assert due(connection) == [(ARMING, version)]
    connection.execute(desired.SQL["sent"], {"site": "north", "agent": "gate", "section": ARMING, "version": version})
    assert due(connection) == [], "not at once again"
    connection.execute("UPDATE desired_sections SET sent_at = now() - interval '11 s'")
    assert due(connection) == [(ARMING, version)]
    tell(connection, SectionState(ARMING, version))
    assert due(connection) == []
    assert [(each.state, each.error) for each in desired.sections(connection, BOX)] == [("obeyed", "")]
    newer = arm(connection, armed=True)
    assert newer > version
    assert due(connection) == [(ARMING, newer)], "at once, whatever was sent before"


def test_what_is_refused_is_sent_no_more_and_rings_until_it_is_over(connection: Connection) -> None:
    version = arm(connection, armed=False)
    tell(connection, SectionState(ARMING, 0, version, "no such camera"))
    assert due(connection) == []
    assert [(each.state, each.error) for each in desired.sections(connection, BOX)] == [("refused", "no such camera")]
    (signal,) = refusals(connection)
    assert (signal.condition, signal.active, signal.detail) == (
        "section_refused",
        True,
        {"section": ARMING, "why": "no such camera"},
    )
    newer = arm(connection, armed=True)
    assert refusals(connection) == [], "what it refused is wanted no more"
    tell(connection, SectionState(ARMING, newer))
    assert due(connection) == []


def test_a_box_of_0_1_is_told_arming_in_its_own_words_and_answers_in_them(connection: Connection) -> None:
    version = arm(connection, armed=False)
    state = desired.compose(connection, BOX, {ARMING: version})
    assert (state.version, state.arming) == (version, (Armed("road", "北门", False),))
    (section,) = state.sections
    assert decode_message(bytes(section.body), Arming).lines == state.arming
    tell(connection, order=version - 1)
    assert due(connection) == [(ARMING, version)]
    tell(connection, order=version)
    assert due(connection) == []
    assert [each.state for each in desired.sections(connection, BOX)] == ["obeyed"]


def test_a_section_that_no_domain_declares_any_more_is_left_out(connection: Connection) -> None:
    assert desired.compose(connection, BOX, {"gone": 7}).sections == ()
