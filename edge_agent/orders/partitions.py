"""The section of partitions: what the centre orders of them, and which sensors it leaves out."""

from edge_agent.inputs.station import Station
from edge_agent.orders.desired import SectionError
from shared import desired
from shared.envelope import decode_message


class Partitions:
    """Orders to the box's own alarm panel.

    Args:
        station: that panel; None where the box has none.
    """

    name = desired.PARTITIONS

    def __init__(self, station: Station | None) -> None:
        self._station = station

    def obey(self, body: bytes) -> None:
        """Do what is new; what a person did here since it was ordered stands, and is told.

        Raises:
            SectionError: a name is none of ours. The rest is done.
            WireError: the body is no such section.
        """
        wanted = decode_message(body, desired.Partitions)
        if self._station is None:
            if wanted.orders or wanted.bypasses:
                raise SectionError("this box has no sensors of its own")
            return
        wrong = self._station.obey(wanted)
        if wrong:
            raise SectionError("; ".join(wrong))
