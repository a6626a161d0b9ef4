"""A box's way of bringing pictures that shall leave the centre: asked for by number, and brought under it."""

import msgspec

from edge_agent.uplink.own_door import OwnDoor


class ExportDoor:
    """Where exports are brought.

    Args:
        door: of this box.
    """

    def __init__(self, door: OwnDoor) -> None:
        self._door = door

    def original(self, number: int) -> bytes:
        """The picture of an export as it was brought to the centre.

        Raises:
            GoneError: it is not wanted any more.
            RefusedError: the centre does not give it.
            UnavailableError: the centre does not answer.
        """
        return self._door.ask("GET", _path(number, "/original"))

    def bring(self, number: int, jpeg: bytes) -> None:
        """Bring the picture that may leave.

        Raises:
            GoneError: it is not wanted any more, or is there.
            RefusedError: such a one will never be taken.
            UnavailableError: the centre does not answer, or cannot keep it now.
        """
        self._door.ask("PUT", _path(number), jpeg, "image/jpeg")

    def tell_failed(self, number: int, why: str) -> None:
        """Say that there will be none.

        Raises:
            GoneError: it is not wanted any more.
            RefusedError: that is not understood.
            UnavailableError: the centre does not answer.
        """
        self._door.ask("POST", _path(number, "/failure"), msgspec.json.encode({"why": why[:200]}), "application/json")


def _path(number: int, what: str = "") -> str:
    return f"/api/v1/renderings/{number}{what}"
