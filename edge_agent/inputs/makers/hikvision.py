"""Hikvision: `GET /ISAPI/Event/notification/alertStream`, parts of XML.

`videoloss` with `inactive` is the heartbeat; an input's alarm is told again and again while it lasts, and its end by
some cameras only.
"""

from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

PATH = "/ISAPI/Event/notification/alertStream"
_BEGIN, _END = b"<EventNotificationAlert", b"</EventNotificationAlert>"
_MOST_BYTES = 256 * 1024
_INPUTS = frozenset({"io", "alarmin", "iosensor", "externaltrigger"})
_NUMBERS = ("inputIOPortID", "dynInputIOPortID", "ioPortNo", "dynChannelID", "channelID")


class Stream:
    """Cuts alerts out of a stream that is read in pieces."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> list[tuple[str, bool]]:
        """Inputs that have been told of, by number, each with its state."""
        self._left += piece
        found = list[tuple[str, bool]]()
        while (end := self._left.find(_END)) >= 0:
            whole, self._left = self._left[: end + len(_END)], self._left[end + len(_END) :]
            begin = whole.rfind(_BEGIN)
            if begin >= 0:
                found += _told(whole[begin:])
        if len(self._left) > _MOST_BYTES:  # a picture, perhaps: an alert is never so long
            self._left = self._left[-len(_END) :]
        return found


def _told(xml: bytes) -> list[tuple[str, bool]]:
    try:
        said = {each.tag.rpartition("}")[2]: (each.text or "").strip() for each in fromstring(xml).iter()}
    except (ParseError, DefusedXmlException, ValueError):
        return []
    if said.get("eventType", "").lower() not in _INPUTS or said.get("eventState", "").lower() not in (
        "active",
        "inactive",
    ):
        return []
    number = next((said[name] for name in _NUMBERS if said.get(name)), "1")
    return [(number, said["eventState"].lower() == "active")]
