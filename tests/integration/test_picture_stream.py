"""The large stream of a camera, over real RTSP: the picture of a moment is the one that was taken then."""

import threading
import time

import cv2
import numpy as np
import pytest

from edge_agent.camera.sources.picture_stream import PictureStream
from edge_agent.frames import Colour
from provisioning.lab.edge.faulty_camera import Behaviour, FaultyCamera, always

_PX_PER_S = 30
_WIDTH_PX = 640


def draw(time_s: float) -> Colour:
    """A bar that walks to the right."""
    picture = np.full((360, _WIDTH_PX, 3), 40, np.uint8)
    x = round(time_s * _PX_PER_S) % _WIDTH_PX
    cv2.rectangle(picture, (x - 8, 0), (x + 8, 360), (220, 220, 220), -1)
    return picture


def drawn_s(picture: Colour) -> float:
    """The time at which a picture was drawn, within the first round of the bar."""
    return float(np.flatnonzero(picture.mean(axis=(0, 2)) > 130).mean()) / _PX_PER_S


@pytest.mark.parametrize("burst", [1, 25])
def test_the_picture_of_a_moment_is_of_that_moment_though_it_came_in_a_burst(burst: int) -> None:
    camera = FaultyCamera(draw, always(Behaviour(burst=burst)))
    closed = threading.Event()
    pictures = PictureStream(camera.url, "tcp", closed)
    asked_s = [8.0 + 0.7 * n for n in range(8)]
    away_s, told_s = [], []
    for at_s in asked_s:
        # As an event: it is known a moment later, of a bursting camera with its burst.
        time.sleep(max(0.0, at_s + 0.3 + burst / 10 - camera.now_s()))
        still = pictures.picture_at(camera.began_at_s + at_s)
        assert still is not None
        away_s.append(abs(drawn_s(still.picture) - at_s))
        told_s.append(abs(still.taken_at_s - camera.began_at_s - drawn_s(still.picture)))
    closed.set()
    camera.close()
    assert max(away_s) < 0.5
    assert max(told_s) < 0.5
