"""Which picture of the large stream is chosen."""

from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest

from edge_agent.camera.sources.picture_stream import _decoder, _Kept, _nearest


def reordered(count: int = 30) -> list[_Kept]:
    """A second of pictures at ten a second, each brighter than the one before, in the order of their decoding."""
    encoder = cast("av.VideoCodecContext", av.CodecContext.create("libx264", "w"))
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(10), Fraction(1, 10)
    encoder.options = {"x264-params": "bframes=3:b-adapt=0:keyint=30:scenecut=0"}
    kept = []
    for number in [*range(count), None]:
        frame = None
        if number is not None:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts = number
        kept += [_Kept((packet.pts or 0) / 10, bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    assert [each.taken_s for each in kept] != sorted(each.taken_s for each in kept), "none is reordered"
    return kept


@pytest.mark.parametrize("at", [0, 1, 7, 13, 14, 15, 16, 22, 29])
def test_with_pictures_that_build_on_later_ones_the_nearest_is_chosen(at: int) -> None:
    best = _nearest(_decoder("h264", None), reordered(), at / 10)
    assert best is not None
    taken_s, picture = best
    assert taken_s == at / 10
    assert picture.to_ndarray(format="rgb24").mean() == pytest.approx(8 * at, abs=4)


def test_what_is_further_than_a_second_shows_something_else() -> None:
    assert _nearest(_decoder("h264", None), reordered(), 4.5) is None
