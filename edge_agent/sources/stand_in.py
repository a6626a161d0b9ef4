"""Pictures in place of those that never came: the next one, decoded once more under each missing number.

Decoders make do badly with a missing picture. FFmpeg's for H.265 shows nothing until the next key frame. That for H.264
shows the one before again, so that what moved leaves pieces of itself behind in all that follows; and where the number
of pictures wraps, often after sixteen, it takes all up to the next wrap for late ones and shows none of them.

The next picture tells how things move. Decoded in place of the missing one it moves them on by one step, as the missing
one would have. Only its number is changed: `frame_num` (ITU-T Rec. H.264, 7.3.3), `slice_pic_order_cnt_lsb` (ITU-T Rec.
H.265, 7.3.6.1). That holds for streams whose pictures are sent in the order of their time, as cameras do.
"""

from edge_agent.sources.units import Bitstream

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
        # H.264 counts every picture that others build on; H.265 may count in steps, the smallest that was seen is one.
        self._counts_by_one = codec == "h264"
        self._step = 1 if self._counts_by_one else 0
        self._latest: int | None = None
        self._is_in_order = True

    def before(self, packet: bytes, *, unseen: bool) -> list[bytes]:
        """Packets that the decoder is to be given before this one; what they show is not to be looked at.

        Args:
            packet: the next one of the stream.
            unseen: the decoder took the one before and showed nothing: it missed a wrap, as after a damaged number.
        """
        told = self._stream.told(packet)
        if told is None or told.begins_anew or self._latest is None or not self._step or not self._is_in_order:
            return []
        wrap = self._stream.wrap
        # The last before the wrap and the first behind it: the decoder fills what is missing on either side.
        about_wrap = [wrap - 1, 0]
        gone = (told.number - self._latest) % wrap
        missing = range(self._step, gone, self._step)
        if self._counts_by_one and (unseen or (len(missing) > _MOST and told.number < self._latest)):
            numbers = about_wrap
        elif len(missing) > _MOST or (not self._counts_by_one and gone >= wrap // 2):
            numbers = []
        else:
            numbers = [(self._latest + step) % wrap for step in missing]
        return [self._stream.renumbered(packet, number) for number in numbers if number != told.number]

    def took(self, packet: bytes, *, sound: bool) -> bool:
        """The decoder was given a packet; tells whether it holds a picture.

        Args:
            packet: the one of `before`.
            sound: it made a picture of it that is no ruin. Of a ruin only the number that had to come is believed.
        """
        told = self._stream.told(packet)
        if told is None:
            return False
        if self._latest is not None and not told.begins_anew:
            gone = (told.number - self._latest) % self._stream.wrap
            if not sound and gone != self._step:
                return True
            if gone and not self._counts_by_one:
                self._step = min(self._step or gone, gone)
                self._is_in_order = self._is_in_order and gone < self._stream.wrap // 2
        if told.begins_anew or told.counts:
            self._latest = told.number
        return True
