"""What the background learns from damaged pictures is forgotten when they are over, and kept where it was right."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Doubt, Frame
from edge_agent.vision.motion import Blob, MotionDetector

_FPS = 10
_GROUND = np.random.default_rng(7).integers(80, 120, (270, 480), dtype=np.uint8)
_LEFT_BEHIND = np.s_[100:180, 200:260]


def _with_a_patch() -> NDArray[np.uint8]:
    picture = _GROUND.copy()
    picture[_LEFT_BEHIND] = 220
    return picture


def _moving(*parts: tuple[NDArray[np.uint8], Doubt, float]) -> list[list[Blob]]:
    """What moves in each picture, of pictures of each kind for so many seconds."""
    detector, number, blobs = MotionDetector(), 0, list[list[Blob]]()
    for picture, doubt, seconds in parts:
        for _ in range(round(seconds * _FPS)):
            number += 1
            time_s = number / _FPS
            frame = Frame(number, time_s, time_s, picture, lambda: np.zeros((2, 2, 3), np.uint8), doubt=doubt)
            for moment in detector.viewed(frame):
                blobs.append(detector.step(moment).blobs)
    return blobs


def _after(*parts: tuple[NDArray[np.uint8], Doubt, float]) -> list[Blob]:
    return _moving(*parts)[-1]


def test_a_piece_that_damage_left_is_forgotten_with_the_first_sound_picture() -> None:
    assert not _after((_GROUND, Doubt.NONE, 3), (_with_a_patch(), Doubt.GAP, 3), (_GROUND, Doubt.NONE, 0.1))


def test_while_pictures_are_damaged_a_piece_is_soon_no_motion() -> None:
    assert not _after((_GROUND, Doubt.NONE, 3), (_with_a_patch(), Doubt.GAP, 6))


def test_a_scene_that_changed_meanwhile_is_not_forgotten() -> None:
    """A lorry parked while pictures were damaged: it is there, and no motion."""
    assert not _after((_GROUND, Doubt.NONE, 3), (_with_a_patch(), Doubt.GAP, 4), (_with_a_patch(), Doubt.NONE, 0.1))


def test_the_first_background_is_made_of_sound_pictures() -> None:
    """A vehicle passes in the first moments, and damage draws it there once more: sound pictures show the ground."""
    vehicle, ground = (_with_a_patch(), Doubt.NONE, 0.4), (_GROUND, Doubt.NONE, 0.6)
    moving = _moving(vehicle, ground, (_with_a_patch(), Doubt.GAP, 0.8))
    assert all(moving[:4])
    assert not any(moving[4:10])
