"""A box's way of bringing what planners wait for while they draw lines."""

import msgspec

from edge_agent.uplink.own_door import OwnDoor
from shared.surveys import SurveyAnswer


class SurveyDoor:
    """Where surveys are brought.

    Args:
        door: of this box.
    """

    def __init__(self, door: OwnDoor) -> None:
        self._door = door

    def bring(self, number: int, answer: SurveyAnswer) -> None:
        """Bring a picture, and what became of the scene.

        Raises:
            GoneError: nobody waits for it any more.
            RefusedError: such a one will never be taken.
            UnavailableError: the centre does not answer, or cannot take it now.
        """
        self._door.ask(
            "PUT", f"/api/v1/surveys/{number}/answer", msgspec.msgpack.encode(answer), "application/vnd.msgpack"
        )

    def tell_failed(self, number: int, why: str) -> None:
        """Say that there will be none.

        Raises:
            GoneError: nobody waits for it any more.
            RefusedError: that is not understood.
            UnavailableError: the centre does not answer.
        """
        body = msgspec.json.encode({"why": why[:200]})
        self._door.ask("POST", f"/api/v1/surveys/{number}/failure", body, "application/json")
