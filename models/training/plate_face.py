"""A plate's face, drawn flat to GA 36: ground, frame, characters, dot."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.glyphs import glyph
from shared.plates import Kind

Face = NDArray[np.uint8]
"""Shape (height, width, 3), blue, green, red."""

PX_PER_MM = 0.62
_INK = {
    "blue": (250, 250, 250),
    "yellow": (20, 20, 20),
    "white": (25, 25, 25),
    "black": (245, 245, 245),
    "green": (25, 25, 25),
    "yellow-green": (25, 25, 25),
}
_RED = (30, 20, 200)


def boxes(kind: Kind, count: int) -> list[tuple[float, float, float, float]]:
    """Where characters stand, in millimetres: left, top, width, height."""
    width, height = kind.size_mm
    if kind.layout == "double":
        across, down = width / 440, height / 220
        upper = [(110 * across, 15 * down, 80 * across, 60 * down), (250 * across, 15 * down, 80 * across, 60 * down)]
        lower = [((27.5 + 80 * i) * across, 90 * down, 65 * across, 110 * down) for i in range(count - 2)]
        return upper + lower
    if count == 8:
        lefts = [15.5, 69.5] + [161.5 + 52 * i for i in range(6)]
        return [(left, 25, 45 if i == 0 else 43, 90) for i, left in enumerate(lefts)]
    lefts = [15.5, 72.5] + [151.5 + 57 * i for i in range(5)]
    return [(left, 25, 45, 90) for left in lefts]


def _ground(kind: Kind, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    width, height = size
    face = np.empty((height, width, 3), np.float32)
    bright = rng.uniform(0.8, 1.1)
    if kind.colour == "blue":
        face[:] = np.array([rng.uniform(130, 235), rng.uniform(25, 95), rng.uniform(0, 45)]) * bright
    elif kind.colour == "yellow":
        face[:] = np.array([rng.uniform(0, 45), rng.uniform(150, 205), rng.uniform(215, 255)]) * bright
    elif kind.colour == "white":
        face[:] = rng.uniform(205, 252)
    elif kind.colour == "black":
        face[:] = rng.uniform(5, 45)
    else:
        light = np.array([rng.uniform(190, 230), rng.uniform(225, 250), rng.uniform(190, 225)])
        full = np.array([rng.uniform(70, 130), rng.uniform(170, 215), rng.uniform(20, 100)])
        down = np.linspace(0, 1, height)[:, None, None] ** rng.uniform(0.7, 1.5)
        face[:] = (light * (1 - down) + full * down) * bright
        if kind.colour == "yellow-green":
            yellow = np.array([rng.uniform(0, 45), rng.uniform(150, 205), rng.uniform(215, 255)])
            face[:, : round(140 / 480 * width)] = yellow * bright
            face[:, round(140 / 480 * width) :] = full * bright
    return face


def draw(kind: Kind, text: str, rng: np.random.Generator) -> Face:
    """Draw a plate as new.

    Args:
        kind: which sizes, colours and type.
        text: its characters.
        rng: draws the shades, and how boldly characters were stamped.
    """
    width, height = (round(side * PX_PER_MM * (2 if kind.size_mm[0] < 300 else 1)) for side in kind.size_mm)
    across, down = width / kind.size_mm[0], height / kind.size_mm[1]
    face = _ground(kind, (width, height), rng)
    ink = np.array(_INK[kind.colour], np.float32) * rng.uniform(0.85, 1.0)
    mask = np.zeros((height, width), np.uint8)
    red = np.zeros((height, width), np.uint8)
    green = kind.size_mm[0] == 480
    for index, (character, box) in enumerate(zip(text, boxes(kind, len(text)), strict=True)):
        row = int(kind.layout == "double" and index >= 2)
        shape = glyph(character, kind.layout, row, green)
        left, top, right, bottom = (
            round(box[0] * across),
            round(box[1] * down),
            round((box[0] + box[2]) * across),
            round((box[1] + box[3]) * down),
        )
        wide = right - left
        if shape.shape[1] < 0.45 * shape.shape[0] * (box[2] / box[3]):  # a 1 is as narrow as it is
            wide = max(3, round(shape.shape[1] / shape.shape[0] * (bottom - top)))
        drawn = cv2.resize(shape, (wide, bottom - top), interpolation=cv2.INTER_AREA)
        x = left + (right - left - wide) // 2
        onto = red if character == "警" or (character in "使领" and rng.random() < 0.3) else mask
        onto[top:bottom, x : x + wide] = np.maximum(onto[top:bottom, x : x + wide], drawn)
    dot = (width / 2, 45 * down) if kind.layout == "double" else (134 / 440 * width, height / 2)
    if not green and rng.random() < 0.95:
        cv2.circle(mask, (round(dot[0]), round(dot[1])), round(5 * down), 255, -1, cv2.LINE_AA)
    if green and rng.random() < 0.9:  # the round emblem
        centre = round(136 / 480 * width), round(height / 2)
        cv2.circle(face, centre, round(14 * down), tuple(float(v) for v in rng.uniform(60, 220, 3)), -1, cv2.LINE_AA)
    bold = rng.random()
    if bold < 0.15:
        mask = np.asarray(cv2.erode(mask, np.ones((2, 2), np.uint8)), np.uint8)
    elif bold > 0.85:
        mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)), np.uint8)
    if rng.random() < 0.85:
        edge, thick = round(rng.uniform(2, 6) * down), max(1, round(rng.uniform(1.5, 3) * down))
        cv2.rectangle(mask, (edge, edge), (width - 1 - edge, height - 1 - edge), 255, thick)
    for layer, colour in ((mask, ink), (red, np.array(_RED, np.float32))):
        part = (layer.astype(np.float32) / 255)[..., None]
        face = np.asarray(face * (1 - part) + colour * part, np.float32)
    return np.clip(face, 0, 255).astype(np.uint8)
