"""What came soundly since the key frame, so that it can be decoded anew without what was broken.

A picture that is decoded in part stays in the decoder: all that build on it, up to the next key frame, show its ruins.
Decoded anew from the key frame, as if the broken packet had never come, they show none.
"""

from edge_agent.camera.sources.nal_units import Bitstream

_LONGEST = 250
_MOST_BYTES = 16 * 2**20
"""Of packets that are kept; behind a key frame that is longer ago nothing is mended."""
_AGAIN = 4.0
"""Packets that may be decoded anew for each that comes, on the average: a box has no time for more."""


class Past:
    """Keeps the packets of one stream from its last key frame on.

    Args:
        stream: takes them apart.
    """

    def __init__(self, stream: Bitstream) -> None:
        self._stream = stream
        self._packets: list[bytes] = []
        self._bytes = 0
        self._spoilt = False
        self._allowed = 0.0

    def may_be_mended(self, coming: bytes) -> bool:
        """Whether to decode anew before the packet that comes now. Called once for each."""
        self._allowed = min(float(_LONGEST), self._allowed + _AGAIN)
        return self._spoilt and 0 < len(self._packets) <= self._allowed and not self._stream.begins_anew(coming)

    def again(self) -> list[bytes]:
        """The packets to decode anew; each is then told to `went` once more."""
        packets, self._packets, self._bytes = self._packets, [], 0
        self._allowed -= len(packets)
        self._spoilt = False
        return packets

    def went(self, packet: bytes, *, sound: bool, spoils: bool) -> None:
        """The decoder has taken a packet.

        Args:
            packet: of the stream.
            sound: it made a picture of it that is no ruin.
            spoils: if not, the ruin stays in the decoder.
        """
        if not sound:
            self._spoilt = self._spoilt or spoils
        elif self._stream.begins_anew(packet):
            self._packets, self._bytes, self._spoilt = [packet], len(packet), False
        elif self._packets:
            self._packets.append(packet)
            self._bytes += len(packet)
            if len(self._packets) > _LONGEST or self._bytes > _MOST_BYTES:
                self._packets, self._bytes = [], 0
