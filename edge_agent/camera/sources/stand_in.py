"""Pictures in place of those that never came: the next one, decoded once more under each missing number.

Decoders make do badly with a missing picture. FFmpeg's for H.265 shows nothing until the next key frame. That for H.264
shows the one before again, so that what moved leaves pieces of itself behind in all that follows; and where the number
of pictures wraps, often after sixteen, it takes all up to the next wrap for late ones and shows none of them.

The next picture tells how things move. Decoded in place of the missing one it moves them on by one step, as the missing
one would have. Only its number is changed: `frame_num` (ITU-T Rec. H.264, 7.3.3), `slice_pic_order_cnt_lsb` (ITU-T Rec.
H.265, 7.3.6.1). That holds for streams whose pictures are sent in the order of their time, as cameras do.
"""

from edge_agent.camera.sources.nal_units import Bitstream

_MOST = 8
"""More are not made up: the picture would be another one."""


class StandIns:
    """Watches the packets of one stream, and makes up those that never came.

    Args:
        codec: `h264` or `hevc`; others get none.
        stream: takes its packets apart.
    """

    def __init__(self, codec: str, stream: Bitstream) -> None:
        self._stream = stream
        # H.264 counts every picture that others build on; H.265 may count in steps.
        self._counts_by_one = codec == "h264"
        self._latest: int | None = None
        self._since_key = self._key_apart = 0
        """Pictures from the last key frame on, and from one to the next; 0 before the second one."""
        self._is_keyless = False
        """Whether a key frame was to come and did not."""
        self._step = self._least = 1 if self._counts_by_one else 0
        """From one number to the next: the smallest of the group before, and of this one; 0 before one was seen."""
        self._is_in_order = self._is_ordered_so_far = True

    def before(self, packet: bytes, *, unseen: bool) -> list[bytes]:
        """Packets that the decoder is to be given before this one; what they show is not to be looked at.

        Args:
            packet: the next one of the stream.
            unseen: the decoder took the one before and showed nothing: it missed a wrap, as after a damaged number.
        """
        told = self._stream.told(packet)
        if told is None or told.begins_anew or not told.is_first or not told.counts:
            return []
        if self._latest is None or not self._step or not self._is_in_order:
            return []
        if not self._counts_by_one and not self._key_apart:
            return []
        numbers = self._missing(self._latest, told.number, unseen=unseen)
        return [self._stream.renumbered(packet, number) for number in numbers if number != told.number]

    def _missing(self, latest: int, number: int, *, unseen: bool) -> list[int]:
        wrap = self._stream.wrap
        gone = (number - latest) % wrap
        missing = range(self._step, gone, self._step)
        if missing and self._since_key < self._key_apart <= self._since_key + len(missing):
            self._is_keyless = True
        if self._is_keyless:
            return self._behind_lost_key(number) if missing else []
        # The last before the wrap and the first behind it: the decoder fills what is missing on either side.
        about_wrap = [wrap - 1, 0]
        if self._counts_by_one and (unseen or (len(missing) > _MOST and number < latest)):
            return about_wrap
        if len(missing) > _MOST or (not self._counts_by_one and gone >= wrap // 2):
            return []
        return [(latest + step) % wrap for step in missing]

    def _behind_lost_key(self, number: int) -> list[int]:
        """One in place of H.264's; none of H.265, where motion that is built upon another picture goes astray."""
        if not self._counts_by_one:
            return []
        self._is_keyless = False
        return [(number - 1) % self._stream.wrap]

    def is_odd(self, packet: bytes) -> bool:
        """Whether a packet has another number than the one that is to come: pictures are missing, or it is a ruin."""
        told = self._stream.told(packet)
        if told is None or told.begins_anew or self._latest is None or not self._step or not self._is_in_order:
            return False
        gone = (told.number - self._latest) % self._stream.wrap
        return gone > self._step or (not gone and told.counts and told.is_first)

    def lost_key(self) -> None:
        """A key frame has come, and the decoder was not given it."""
        self._is_keyless = True

    def took(self, packet: bytes, *, sound: bool) -> bool:
        """The decoder was given a packet; tells whether it holds a picture.

        Args:
            packet: the one of `before`.
            sound: it made a picture of it that is no ruin. Of a ruin only the number that had to come is believed.
        """
        told = self._stream.told(packet)
        if told is None:
            return False
        if told.begins_anew:
            self._begin()
        elif self._latest is not None:
            gone = (told.number - self._latest) % self._stream.wrap
            if not sound and gone != self._step:
                return True
            self._since_key += max(1, gone // self._step) if self._step else 1
            if gone and not self._counts_by_one:
                self._least = min(self._least or gone, gone)
                self._step = min(self._step or gone, gone)
                self._is_ordered_so_far = self._is_ordered_so_far and gone < self._stream.wrap // 2
                self._is_in_order = self._is_in_order and self._is_ordered_so_far
        if told.begins_anew or told.counts:
            self._latest = told.number
        return True

    def _begin(self) -> None:
        """A group of pictures begins. What the one before was like holds; a camera may have been set anew."""
        if self._since_key:
            self._key_apart = self._since_key + 1
            self._is_in_order = self._is_ordered_so_far
        if not self._counts_by_one:
            self._step, self._least = self._least or self._step, 0
        self._since_key, self._is_ordered_so_far, self._is_keyless = 0, True, False
