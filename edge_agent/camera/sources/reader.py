"""The one reader of packets, for files and streams: pictures with their time, and whether they can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass

import av

from edge_agent.camera.sources.decoder import DecodedPicture, PictureDecoder
from edge_agent.camera.sources.media_clock import Moment, Pace
from edge_agent.camera.sources.planes import bgr, chroma, luma
from edge_agent.frames import Doubt, Frame

_LONGEST_DOUBT_S = 10.0
"""A stream without key frames heals bit by bit; after so long it is taken as it comes."""
_LEAST_FPS, _MOST_FPS = 0.5, 240
"""What a stream states beyond that is a time base and no rate."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture, when it was taken, and whether something that it builds on is missing.

    Attributes:
        missing: pictures between the one before and this one that were damaged or lost.
    """

    decoded: DecodedPicture
    moment: Moment
    missing: int
    doubt: Doubt

    def frame(self, number: int, captured_at_s: float) -> Frame:
        """As a frame for analysis; its planes stay the decoder's memory where they need no turning."""
        picture, posture = self.decoded.picture, self.decoded.posture
        return Frame(
            number,
            self.moment.time_s,
            captured_at_s,
            luma(picture, posture),
            lambda: bgr(picture, posture),
            chroma(picture, posture),
            self.doubt,
        )


class PacketReader:
    """Reads one camera's packets, through all its connections.

    Args:
        live: arrivals tell the time too, see `Pace`.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._pace = Pace(live=live)
        self._decoder: PictureDecoder | None = None
        self._damaged_before = 0
        self._doubt, self._doubted_s = Doubt.NONE, 0.0
        self._was_key = False
        self.lost = 0
        """Pictures that never came, by the stream's own stamps."""

    @property
    def damaged(self) -> int:
        """Pictures that could not be decoded, or only in part."""
        return self._damaged_before + (self._decoder.damaged if self._decoder else 0)

    def begin(self, stream: av.VideoStream) -> None:
        """Go on with the stream of a new connection."""
        self._damaged_before = self.damaged
        self._decoder = PictureDecoder(stream, threads=self._live)
        self._doubt, self._was_key = Doubt.NONE, False
        rate = stream.average_rate or stream.guessed_rate
        self._pace.cut(1 / float(rate) if rate and _LEAST_FPS <= rate <= _MOST_FPS else None)

    def read(self, packet: "av.Packet[av.VideoStream]", now_s: float) -> Iterator[Reading]:
        """The pictures that a packet completes.

        Args:
            packet: of the stream that was begun.
            now_s: when it reached us, by a clock that only grows; of a file, the time that it has been played.
        """
        for decoded in self._decoder.decode(packet, now_s) if self._decoder else ():
            moment = self._pace.step(decoded.stamp_s, now_s, decoded.damaged_before)
            missing = moment.missing + decoded.damaged_before
            self.lost += moment.missing
            yield Reading(decoded, moment, missing, self._doubted(decoded, moment))

    def _doubted(self, decoded: DecodedPicture, moment: Moment) -> Doubt:
        """From a picture that is missing or broken to the next key frame."""
        # Stamps tell of a gap one picture late, numbers at once. What a key frame came behind is made good.
        was_gap = moment.missing and not self._was_key
        is_harmed = decoded.builds_on_missing or decoded.damaged_before > 0 or was_gap
        self._was_key = decoded.is_key
        if decoded.smeared:
            self._doubt = Doubt.SMEAR
        elif decoded.is_key:
            self._doubt = Doubt.NONE
        elif is_harmed and self._doubt is Doubt.NONE:
            self._doubt = Doubt.GAP
        if is_harmed or decoded.smeared:
            self._doubted_s = moment.time_s
        return self._doubt if moment.time_s - self._doubted_s < _LONGEST_DOUBT_S else Doubt.NONE
