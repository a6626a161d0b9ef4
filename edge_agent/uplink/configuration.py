"""A box's way to the configuration that it shall have."""

import base64

import msgspec

from edge_agent.uplink.own_door import OwnDoor
from shared.configuration import SentConfiguration, decode_sent


class ConfigurationDoor:
    """Where configurations are fetched, and the box says to which key passwords are sealed.

    Args:
        door: of this box.
    """

    def __init__(self, door: OwnDoor) -> None:
        self._door = door

    def fetch(self, number: int) -> SentConfiguration:
        """A configuration of this box.

        Raises:
            GoneError: it is not wanted any more.
            RefusedError: the centre does not give it.
            UnavailableError: the centre does not answer.
            WireError: what it gives is none.
        """
        return decode_sent(self._door.ask("GET", "/api/v1/configuration", number=number))

    def tell_sealing_key(self, public: bytes) -> None:
        """Say to which key passwords of this box are sealed.

        Raises:
            GoneError: the centre is of a version that knows none.
            RefusedError: it does not take it.
            UnavailableError: it does not answer.
        """
        body = msgspec.json.encode({"key": base64.b64encode(public).decode()})
        self._door.ask("PUT", "/api/v1/sealing-key", body, "application/json")
