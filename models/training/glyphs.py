"""Pictures of characters: templates from the data folder, or a font where those are absent."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.plates import Layout
from shared.real_data import data_root

Glyph = NDArray[np.uint8]
"""255 where the character is."""

DATA = data_root()
_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)


@cache
def glyph(character: str, layout: Layout, row: int, green: bool) -> Glyph:
    """One character, cut to its outline.

    Args:
        character: one of the alphabet.
        layout: of the plate; those in two rows have wider characters.
        row: 0 is the upper or only one.
        green: new energy plates have their own type.

    Raises:
        FileNotFoundError: there is neither a template nor a font for it.
        ValueError: its template is damaged.
    """
    if character == "O":  # agencies' O has no template; only its place tells it from a nought
        character = "0"
    names = [f"green_{character}"] if green else []
    if layout == "double":
        names += [f"220_{'down' if row else 'up'}_{character}", f"220_{character}"]
    names.append(f"140_{character}")
    for name in names:
        path = DATA / "plates" / "glyphs" / "font_model" / f"{name}.jpg"
        if path.is_file():
            picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
            if picture is None:
                raise ValueError(f"{path} is no picture that can be read")
            return _cut(np.asarray(255 - picture, np.uint8))
    return _from_font(character)


def _cut(picture: Glyph) -> Glyph:
    rows, columns = np.flatnonzero((picture > 128).any(1)), np.flatnonzero((picture > 128).any(0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _from_font(character: str) -> Glyph:
    from PIL import Image, ImageDraw, ImageFont

    for path in _FONTS:
        if Path(path).is_file():
            image = Image.new("L", (240, 240))
            ImageDraw.Draw(image).text((30, 10), character, 255, ImageFont.truetype(path, 160))
            return _cut(np.asarray(image, np.uint8))
    raise FileNotFoundError(
        f"no template for {character!r} under {DATA}/plates/glyphs and no font among {', '.join(_FONTS)}: "
        "set HAWKLINE_DATA, or install a font with Chinese characters"
    )
