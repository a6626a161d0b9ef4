"""What a video may cost: a camera may be broken, or its place may be taken by what wants to fill the box's memory."""

from typing import Final

MOST_PIXELS: Final = 8192 * 4608
"""Of one picture, 8K and a little more: no camera of the field sends more. Twelve megabytes decoded for each eight
million; a decoder holds up to seventeen of them."""
MOST_ANALYSED_BYTES: Final = 1536 * 1024 * 1024
"""Of the process of a camera. A stream whose decoder asks for more loses pictures; other cameras lose nothing."""
LIVE_CODECS: Final = frozenset({"h264", "hevc", "mjpeg", "mpeg4", "av1"})
"""What network cameras send. FFmpeg decodes three hundred others, some of which nobody looks after."""
DECODER: Final = {"max_pixels": str(MOST_PIXELS)}
"""For a decoder: what has more pixels is refused before any memory is taken, also in the middle of a stream."""
