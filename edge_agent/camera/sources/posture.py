"""How a picture is to be held: what the container says of turning, mirroring and the shape of its pixels.

Phones and dash cameras store what the sensor gives and say beside it how to turn it; analogue encoders store half of
the columns or lines. Every player obeys; so does everything here that looks at a picture.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData

from edge_agent.camera.sources.bounds import MOST_PIXELS
from edge_agent.frames import Grey

if TYPE_CHECKING:
    from av.buffer import Buffer

_NEARLY_SQUARE = 1.25
"""Pixels that are less oblong than this stay as they are: PAL's 12:11 is not worth a resampling of every picture."""
_MOST_OBLONG = 8.0
"""What says more than this is nonsense."""
_TURNS = (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)


@dataclass(frozen=True, slots=True)
class Posture:
    """What is done to a stored picture to hold it upright.

    Attributes:
        mirrored: left and right are swapped first.
        turns: quarter turns clockwise, 0 to 3, behind the mirroring.
        stretch: by how much a pixel is wider than high, as stored; 1 where it is square.
    """

    mirrored: bool = False
    turns: int = 0
    stretch: float = 1.0

    def upright(self, plane: Grey) -> Grey:
        """A plane or picture, shape (height, width[, 3]), as it is to be looked at; the same memory where it fits."""
        if self.stretch != 1.0:
            height, width = plane.shape[:2]
            # The smaller side grows, so that nothing that was seen is lost.
            size = round(width * max(1.0, self.stretch)), round(height * max(1.0, 1 / self.stretch))
            plane = np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_LINEAR))
        if self.mirrored:
            plane = np.asarray(cv2.flip(np.ascontiguousarray(plane), 1))
        turn = _TURNS[self.turns]
        return plane if turn is None else np.asarray(cv2.rotate(np.ascontiguousarray(plane), turn))


AS_STORED = Posture()


def posture_of(picture: av.VideoFrame, pixel_shape: float | None) -> Posture:
    """What a decoded picture says of itself.

    Args:
        picture: with the display matrix that the container or the stream's own messages gave it.
        pixel_shape: width of a pixel divided by its height, None where the stream does not say.
    """
    matrix = picture.side_data.get(SideData.DISPLAYMATRIX.name)
    mirrored, turns = _read_matrix(bytes(cast("Buffer", matrix))) if matrix is not None else (False, 0)
    stretch = pixel_shape or 1.0
    larger = picture.width * picture.height * max(stretch, 1 / stretch) > MOST_PIXELS
    nonsense = not 1 / _MOST_OBLONG <= stretch <= _MOST_OBLONG
    if nonsense or larger or 1 / _NEARLY_SQUARE < stretch < _NEARLY_SQUARE:
        stretch = 1.0
    return AS_STORED if (mirrored, turns, stretch) == (False, 0, 1.0) else Posture(mirrored, turns, stretch)


def _read_matrix(matrix: bytes) -> tuple[bool, int]:
    """Mirroring and quarter turns of a display matrix: nine int32, the upper left four of them fixed point 16.16.

    Row vectors times this matrix give the place on the screen (ISO/IEC 14496-12, 8.3.2); what is no quarter turn is
    taken for the nearest one.
    """
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(float)
    if a * d - b * c == 0:
        return False, 0
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return mirrored, round(float(np.degrees(np.arctan2(b, a))) / 90) % 4
