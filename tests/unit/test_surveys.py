"""A box answers who draws lines at the centre once, and never hangs on a camera that does not."""

import msgspec
import pytest

from edge_agent.orders.surveys import Surveys
from edge_agent.uplink.own_door import GoneError, RefusedError
from shared import desired
from shared.clock import ManualClock
from shared.desired import WantedSurvey
from shared.envelope import encode_message
from shared.errors import UnavailableError, WireError
from shared.scene import Scene, Tripwire
from shared.surveys import MOST_PICTURE_BYTES, Outcome, SurveyAnswer

SCENE = Scene([Tripwire("line", [(0.0, 0.5), (1.0, 0.5)])])
JPEG = b"\xff\xd8picture"


class Centre:
    """The door: what was brought, or an error instead."""

    def __init__(self) -> None:
        self.brought: list[tuple[int, SurveyAnswer]] = []
        self.failed: list[tuple[int, str]] = []
        self.error: Exception | None = None

    def bring(self, number: int, answer: SurveyAnswer) -> None:
        if self.error:
            raise self.error
        self.brought.append((number, answer))

    def tell_failed(self, number: int, why: str) -> None:
        if isinstance(self.error, UnavailableError):
            raise self.error
        self.failed.append((number, why))


class Box:
    """Surveys of a box with one camera, which answers when it is told to."""

    def __init__(self) -> None:
        self.centre, self.clock = Centre(), ManualClock()
        self.asked: list[tuple[int, int, Scene | None]] = []
        self.why = ""
        self.surveys = Surveys(["gate"], self.ask, self.centre, self.clock)

    def ask(self, camera: int, number: int, scene: Scene | None) -> str:
        self.asked.append((camera, number, scene))
        return self.why

    def want(self, *wanted: WantedSurvey) -> None:
        self.surveys.obey(encode_message(desired.Surveys(wanted)))


@pytest.fixture
def box() -> Box:
    return Box()


def test_a_picture_and_what_became_of_the_scene_are_brought_once(box: Box) -> None:
    box.want(WantedSurvey(5, "gate", msgspec.json.encode(SCENE)))
    box.want(WantedSurvey(5, "gate", msgspec.json.encode(SCENE)))
    assert box.asked == [(0, 5, SCENE)]
    outcome = Outcome(42.0, 3)
    assert not box.surveys.pictured((0, 1, 9), JPEG, 1000), "an alarm's"
    box.surveys.tried(5, (0, 1, 9), outcome)
    assert box.surveys.pictured((0, 1, 9), JPEG, 1000)
    assert box.surveys.look() > 60
    assert box.centre.brought == [(5, SurveyAnswer(1000, JPEG, outcome))]
    box.surveys.look()
    assert len(box.centre.brought) == 1
    assert not box.surveys.pictured((0, 1, 9), JPEG, 1000)


def test_without_a_scene_it_is_a_picture_alone(box: Box) -> None:
    box.want(WantedSurvey(5, "gate"))
    assert box.asked == [(0, 5, None)]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (WantedSurvey(1, "yard"), "there is no camera 'yard' on this box"),
        (WantedSurvey(1, "gate", b'{"tripwires":[{"name":"a","points":[]}]}'), "the scene cannot be read"),
    ],
)
def test_what_cannot_be_is_told(box: Box, wanted: WantedSurvey, why: str) -> None:
    box.want(wanted)
    box.surveys.look()
    assert [number for number, _ in box.centre.failed] == [1]
    assert why in box.centre.failed[0][1]
    assert not box.asked


def test_a_camera_without_pictures_says_so_and_one_that_hangs_is_not_waited_for(box: Box) -> None:
    box.why = "the camera gives no pictures: unreachable"
    box.want(WantedSurvey(1, "gate"))
    box.surveys.look()
    assert box.centre.failed == [(1, "the camera gives no pictures: unreachable")]
    box.why = ""
    box.want(WantedSurvey(2, "gate"))
    assert box.surveys.look() < 5
    box.clock.advance(21)
    box.surveys.look()
    assert box.centre.failed[1] == (2, "the camera has given no picture for 20 s")
    box.surveys.tried(2, (0, 1, 3), None)
    assert not box.surveys.pictured((0, 1, 3), JPEG, 0), "it comes too late"


@pytest.mark.parametrize("jpeg", [b"", bytes(MOST_PICTURE_BYTES + 1)])
def test_a_picture_that_may_not_leave_is_told(box: Box, jpeg: bytes) -> None:
    box.want(WantedSurvey(1, "gate"))
    box.surveys.tried(1, "ticket", None)
    assert box.surveys.pictured("ticket", jpeg, 0)
    box.surveys.look()
    assert "no picture of it may leave the box" in box.centre.failed[0][1]


def test_a_centre_that_does_not_answer_is_asked_again_for_two_minutes(box: Box) -> None:
    box.want(WantedSurvey(1, "gate"))
    box.surveys.tried(1, "ticket", None)
    box.surveys.pictured("ticket", JPEG, 0)
    box.centre.error = UnavailableError("no line")
    with pytest.raises(UnavailableError):
        box.surveys.look()
    box.centre.error = None
    box.surveys.look()
    assert len(box.centre.brought) == 1
    box.want(WantedSurvey(2, "gate"))
    box.surveys.tried(2, "other", None)
    box.surveys.pictured("other", JPEG, 0)
    box.clock.advance(121)
    assert box.surveys.look() > 60
    assert len(box.centre.brought) == 1


@pytest.mark.parametrize(("error", "failed"), [(GoneError("gone"), 0), (RefusedError("422 no JPEG"), 1)])
def test_what_nobody_wants_any_more_is_let_go(box: Box, error: Exception, failed: int) -> None:
    box.want(WantedSurvey(1, "gate"))
    box.surveys.tried(1, "ticket", None)
    box.surveys.pictured("ticket", JPEG, 0)
    box.centre.error = error
    box.surveys.look()
    box.surveys.look()
    assert len(box.centre.failed) == failed


def test_a_body_that_is_none_is_refused(box: Box) -> None:
    with pytest.raises(WireError):
        box.surveys.obey(b"\x93\x01\x02\x03")
