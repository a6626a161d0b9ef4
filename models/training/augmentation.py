"""What happens to a plate between the press and the picture: dirt, bolts, frames, light, angle, lens, sensor, JPEG."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), blue, green, red."""

SIZE = 128, 48
"""Width and height of what the recogniser reads, whatever the plate's own aspect."""


@dataclass(frozen=True, slots=True)
class Hardship:
    """How hard a picture is made, 0 to 1 and more, each drawn anew."""

    surface: float = 1.0
    angle: float = 1.0
    light: float = 1.0
    sensor: float = 1.0


def noise_field(rng: np.random.Generator, size: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Smooth noise, -1 to 1."""
    width, height = size
    coarse = rng.uniform(-1, 1, (max(2, cells * height // width + 1), cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)


def surface(face: Picture, rng: np.random.Generator, hard: float = 1.0) -> Picture:
    """Dirt, bolts, scratches, a frame, and half a shadow."""
    height, width = face.shape[:2]
    worn = face.astype(np.float32)
    if rng.random() < 0.5 * hard:  # dirt lies in clouds
        dirt = np.clip(noise_field(rng, (width, height), int(rng.integers(3, 14))) - rng.uniform(0.0, 0.6), 0, 1)
        mud = np.array([rng.uniform(40, 110), rng.uniform(60, 130), rng.uniform(70, 150)], np.float32)
        part = (dirt * rng.uniform(0.3, 0.9))[..., None]
        worn = worn * (1 - part) + mud * part
    if rng.random() < 0.6:
        for x in (110 / 440, 330 / 440):
            for y in (12 / 140, 128 / 140):
                if rng.random() < 0.7:
                    place = round(x * width + rng.normal(0, 3)), round(y * height + rng.normal(0, 2))
                    shade = float(rng.uniform(60, 240))
                    cv2.circle(
                        worn, place, round(height * rng.uniform(0.03, 0.07)), (shade, shade, shade), -1, cv2.LINE_AA
                    )
    for _ in range(int(rng.poisson(0.6 * hard))):
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        shade = float(rng.uniform(60, 230))
        cv2.line(worn, ends[0], ends[1], (shade, shade, shade), 1, cv2.LINE_AA)
    if rng.random() < 0.35 * hard:
        thick = max(1, round(height * rng.uniform(0.02, 0.09)))
        paint = [float(v) for v in np.clip(rng.uniform(10, 200) + rng.normal(0, 8, 3), 0, 255)]
        cv2.rectangle(worn, (0, 0), (width - 1, height - 1), paint, thick)
    if rng.random() < 0.25 * hard:
        edge = np.zeros((height, width), np.float32)
        slope = rng.uniform(-1, 1) * width
        corners = [(0, 0), (rng.uniform(0, width), 0), (rng.uniform(0, width) + slope, height), (0, height)]
        cv2.fillPoly(edge, [np.round(corners).astype(np.int32)], 1.0)
        worn *= (1 - rng.uniform(0.3, 0.65) * cv2.GaussianBlur(edge, (0, 0), rng.uniform(0.8, 4)))[..., None]
    return np.clip(worn, 0, 255).astype(np.uint8)


def _turned(face: Picture, out: tuple[int, int], rng: np.random.Generator, hard: float) -> NDArray[np.float32]:
    """The homography that lays a face into a crop as a detector would cut it: nearly right."""
    height, width = face.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    loose = rng.random() < 0.5  # half the crops are cut along the picture's axes, as those of old detectors are
    target = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    if loose:
        turn, shear = np.deg2rad(rng.normal(0, 7 * hard)), rng.normal(0, 0.15 * hard)
        aspect = width / height
        spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        turned = ((target - 0.5) * [aspect, 1]) @ spin.T
        turned[:, 0] += shear * turned[:, 1] * aspect
        turned -= turned.min(0)
        target = (turned / turned.max(0)).astype(np.float32)
    target += rng.normal(0, 0.018 * hard, target.shape).astype(np.float32)
    margin = rng.uniform(-0.015, 0.05, 4) * [1, 1.6, 1, 1.6]
    scale = np.array([1 - margin[0] - margin[2], 1 - margin[1] - margin[3]])
    target = (target * scale + margin[:2]) * out
    return np.asarray(cv2.getPerspectiveTransform(corners, target.astype(np.float32)), np.float32)


def _behind(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Paint, bumper, grille: what stands around a plate."""
    base = rng.uniform(5, 220) + rng.normal(0, 12, 3)
    field = noise_field(rng, size, int(rng.integers(2, 8)))[..., None] * rng.uniform(5, 50)
    return np.clip(base + field, 0, 255).astype(np.uint8)


def lit(picture: NDArray[np.float32], rng: np.random.Generator, hard: float) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    if rng.random() < 0.12 * hard:  # infrared at night
        weights = rng.dirichlet([4, 6, 6])
        picture = np.repeat((picture @ weights.astype(np.float32))[..., None], 3, axis=2)
    gamma = float(np.exp(rng.normal(0, 0.3 * hard)))
    picture = np.asarray(255 * (np.clip(picture, 0, 255) / 255) ** gamma, np.float32)
    kind = rng.random()
    gain = (
        rng.uniform(0.15, 0.5) if kind < 0.3 * hard else rng.uniform(0.5, 1.3) if kind < 0.8 else rng.uniform(1.3, 2.2)
    )
    picture = picture * gain * np.exp(rng.normal(0, 0.08 * hard, 3)).astype(np.float32)
    if rng.random() < 0.35 * hard:  # haze and reflections take contrast
        veil = rng.uniform(0.05, 0.5)
        picture = picture * (1 - veil) + veil * rng.uniform(40, 230)
    if rng.random() < 0.25 * hard:
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        reach = rng.uniform(0.08, 0.5) * width
        picture = picture + rng.uniform(40, 200) * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / reach**2)[..., None]
    return picture


def sensed(picture: NDArray[np.float32], rng: np.random.Generator, hard: float) -> Picture:
    width = picture.shape[1]
    if rng.random() < 0.5 * hard:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0 + 0.012 * width * hard))  # type: ignore[assignment]
    if rng.random() < 0.2 * hard:
        length = int(rng.integers(3, max(4, round(0.06 * width))))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0, 1)
        picture = cv2.filter2D(picture, -1, kernel / max(1.0, float(kernel.sum())))  # type: ignore[assignment]
    noise = rng.gamma(1.2, 3.0) * hard
    picture = picture + rng.normal(0, noise, picture.shape).astype(np.float32)
    seen = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 92))]
        seen = np.asarray(cv2.imdecode(cv2.imencode(".jpg", seen, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return seen


def crop(face: Picture, rng: np.random.Generator, hard: Hardship | None = None) -> Picture:
    """A plate as a recogniser gets it, shape (48, 128, 3): worn, turned, lit, seen with few pixels, and resized."""
    hard = hard or Hardship()
    return look(surface(face, rng, hard.surface), rng, hard)


def look(worn: Picture, rng: np.random.Generator, hard: Hardship) -> Picture:
    """One look at a worn plate, shape (48, 128, 3): turned, lit, seen with few pixels, and resized."""
    fewest = 46 + 44 * max(0.0, 1 - hard.sensor)  # pixels across a plate
    wide = round(float(np.exp(rng.uniform(np.log(fewest), np.log(190)))))
    high = max(14, round(wide * worn.shape[0] / worn.shape[1] * rng.uniform(0.85, 1.15)))
    homography = _turned(worn, (wide, high), rng, hard.angle)
    picture = _behind((wide, high), rng)
    face_mask = cv2.warpPerspective(
        np.full(worn.shape[:2], 255, np.uint8), homography, (wide, high), flags=cv2.INTER_AREA
    )
    shrink = wide / worn.shape[1]
    if shrink < 0.7:
        worn = np.asarray(cv2.blur(worn, (max(1, round(0.8 / shrink)),) * 2), np.uint8)
    turned = cv2.warpPerspective(worn, homography, (wide, high), flags=cv2.INTER_LINEAR)
    part = (face_mask.astype(np.float32) / 255)[..., None]
    blended = picture.astype(np.float32) * (1 - part) + turned.astype(np.float32) * part
    under_light = lit(np.asarray(blended, np.float32), rng, hard.light)
    seen = sensed(under_light, rng, hard.sensor)
    return np.asarray(cv2.resize(seen, SIZE, interpolation=cv2.INTER_LINEAR), np.uint8)
