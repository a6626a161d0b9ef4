"""The section of partitions: what the centre orders of them, and which sensors it leaves out."""

import logging

from edge_agent.inputs.station import Station
from edge_agent.orders.desired import SectionError
from shared import desired
from shared.envelope import decode_message

log = logging.getLogger(__name__)


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

        A name that is none of ours keeps nothing else from being done, nor from being kept.

        Raises:
            SectionError: the box has no sensors.
            WireError: the body is no such section.
        """
        wanted = decode_message(body, desired.Partitions)
        if self._station is None:
            if wanted.orders or wanted.bypasses:
                raise SectionError("this box has no sensors of its own")
            return
        for said in self._station.obey(wanted):
            log.warning("an order of the centre is not obeyed: %s", said)
