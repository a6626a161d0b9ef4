"""Sections of the desired state on a box: newer ones are taken, obeyed or refused whole, kept, and answered for."""

from pathlib import Path

import msgspec
import pytest

from edge_agent.orders.desired import Desired, SectionError
from shared.desired import ARMING, Armed, Arming, DesiredState, Section, SectionState, section
from shared.envelope import decode_message, encode_message


class Part:
    """Obeys a number; of those above 100 it says that it cannot."""

    name = "lease"

    def __init__(self) -> None:
        self.number = 0

    def obey(self, body: bytes) -> None:
        number = decode_message(body, Number).value
        if number > 100:
            raise SectionError(f"{number} is beyond what this box can")
        self.number = number


class Number(msgspec.Struct):
    value: int


def wanted(version: int, value: int, name: str = "lease") -> DesiredState:
    return over_the_wire(DesiredState(sections=(section(name, version, Number(value)),)))


def over_the_wire(state: DesiredState) -> DesiredState:
    return decode_message(encode_message(state), DesiredState)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desired.bin"


def test_what_is_newer_is_obeyed_and_outlives_the_process(path: Path) -> None:
    part = Part()
    desired = Desired(path, [part])
    assert desired.states() == ()
    assert desired.take(wanted(5, 7))
    assert not desired.take(wanted(5, 8)), "the same version is no news"
    assert not desired.take(wanted(4, 9)), "nor is an older one"
    assert (part.number, desired.states()) == (7, (SectionState("lease", 5),))
    again = Part()
    assert Desired(path, [again]).states() == (SectionState("lease", 5),)
    assert again.number == 7


def test_what_cannot_be_obeyed_changes_nothing_and_says_why(path: Path) -> None:
    part = Part()
    desired = Desired(path, [part])
    desired.take(wanted(1, 7))
    assert desired.take(wanted(2, 101))
    assert (part.number, desired.states()) == (7, (SectionState("lease", 1, 2, "101 is beyond what this box can"),))
    assert not desired.take(wanted(2, 101)), "it was answered for"
    assert desired.take(wanted(3, 8))
    assert (part.number, desired.states()) == (8, (SectionState("lease", 3),))


def test_a_body_of_another_kind_is_refused(path: Path) -> None:
    desired = Desired(path, [Part()])
    raw = Section("lease", 3, msgspec.Raw(msgspec.msgpack.encode(["no", "number"])))
    desired.take(over_the_wire(DesiredState(sections=(raw,))))
    (state,) = desired.states()
    assert (state.version, state.refused) == (0, 3)
    assert "Expected `object`" in state.error


def test_a_section_that_this_version_does_not_know_is_answered_for(path: Path) -> None:
    part = Part()
    desired = Desired(path, [part])
    both = section("lease", 1, Number(7)), section("software", 9, {"hash": "ff"})
    desired.take(over_the_wire(DesiredState(sections=both)))
    assert part.number == 7
    assert desired.states() == (
        SectionState("lease", 1),
        SectionState("software", 0, 9, "this version of the agent knows no such section: update the box"),
    )


def test_a_centre_of_0_1_says_arming_alone(path: Path) -> None:
    state = over_the_wire(DesiredState(4, (Armed("gate", "北门", armed=False),)))
    (only,) = state.all_sections
    assert (only.name, only.version) == (ARMING, 4)
    assert decode_message(bytes(only.body), Arming) == Arming((Armed("gate", "北门", armed=False),))


def test_a_damaged_file_is_told_and_the_box_is_as_configured(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"\xc1 nothing")
    part = Part()
    assert Desired(path, [part]).states() == ()
    assert part.number == 0
    assert "until the centre says again" in caplog.text


def test_what_a_box_of_0_1_was_ordered_holds_after_the_update(path: Path) -> None:
    # As that version wrote it: its version and arming, by name.
    written = {"version": 4, "arming": [["gate", "北门", False]]}
    path.with_name("order.bin").write_bytes(msgspec.msgpack.encode(written))
    bodies = list[bytes]()

    class Arms:
        name = ARMING

        def obey(self, body: bytes) -> None:
            bodies.append(body)

    desired = Desired(path, [Arms()])
    assert desired.states() == (SectionState(ARMING, 4),)
    assert decode_message(bodies[0], Arming).lines == (Armed("gate", "北门", armed=False),)
    desired.take(over_the_wire(DesiredState(sections=(section(ARMING, 5, Arming()),))))
    assert Desired(path, [Arms()]).states() == (SectionState(ARMING, 5),), "and ours counts from then on"
