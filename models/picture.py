"""Pictures from bytes: cameras cut JPEG files short, and what is there of them is read.

OpenCV 5.0 refuses a JPEG that does not end with its marker (FF D9), where every viewer shows it.
"""

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 120_000_000
_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture.

    Attributes:
        pixels: shape (height, width, 3), BGR; or (height, width), grey.
        cut: whether it ended before its end: what is missing is grey, or coarse.
    """

    pixels: NDArray[np.uint8]
    cut: bool


class PictureError(ValueError):
    """The bytes are no picture that can be read."""


def decode(content: bytes, form: Literal["colour", "grey"] = "colour") -> Decoded:
    """Read a picture, a JPEG that was cut short as far as it goes.

    Raises:
        PictureError: there is none in the bytes, or it is larger than `MOST_PIXELS`.
    """
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))
    import cv2

    flag = cv2.IMREAD_COLOR if form == "colour" else cv2.IMREAD_GRAYSCALE
    for ending in (b"", _END) if content.startswith(_BEGIN) else (b"",):
        try:
            found = cv2.imdecode(np.frombuffer(content + ending, np.uint8), flag) if content else None
        except cv2.error:
            raise PictureError(f"more than {MOST_PIXELS / 1e6:g} million pixels; scale it down") from None
        if found is not None:
            return Decoded(np.asarray(found, np.uint8), bool(ending))
    raise PictureError("no picture that can be read; expected JPEG, PNG or another common format")
