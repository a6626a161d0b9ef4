"""Scenes with plates whose corners are known: drawn plates laid into backgrounds, and real scenes seen otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import cv2
import numpy as np

from models.training import augmentation, plate_face, real, texts
from models.training.augmentation import Picture
from models.training.drawn import SHARES
from models.training.glyphs import DATA
from models.training.real import Quad
from shared.plates import KINDS

_KEPT_PX = 900
"""Backgrounds are kept with their longer side this long."""
_FACES = 96
"""As many worn plates wait to be used; each scene replaces one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A background, and the plates that are in it."""

    picture: Picture
    quads: list[Quad]


@dataclass(frozen=True, slots=True)
class Composed:
    """A scene: picture (height, width, 3), and corners of each plate in it."""

    picture: Picture
    quads: list[Quad]


def _kept(picture: Picture, quads: list[Quad]) -> Ground:
    scale = min(1.0, _KEPT_PX / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Ground(np.asarray(small, np.uint8), [quad * np.float32(scale) for quad in quads])


def grounds_without_plates() -> list[Ground]:
    """Frames of the two clips that may be learnt from; no plate can be read in them."""
    found = []
    for name, every in (("car-detection.mp4", 12), ("one-by-one-person-detection.mp4", 70)):
        with av.open(f"file:{DATA / 'video' / name}") as clip:
            for index, frame in enumerate(clip.decode(video=0)):
                if index % every == 0:
                    found.append(_kept(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), []))
    return found


def grounds_with_plates(fold: int) -> list[Ground]:
    """Real scenes and photographs.

    Args:
        fold: whose plates to leave out, with every scene that shows one of them; -1 leaves none out.
    """
    scenes = [scene for scene in real.scenes() if fold not in {scene.fold, *map(real.fold_of, scene.texts)}]
    found = [_kept(scene.picture, scene.quads) for scene in scenes]
    return found + [_kept(picture, [quad]) for picture, quad in real.photographs()]


class Composer:
    """An endless stream of scenes; the same for the same seed and backgrounds."""

    def __init__(self, seed: int, plain: list[Ground], with_plates: list[Ground], share: float) -> None:
        self._rng = np.random.default_rng(seed)
        self._plain, self._with_plates, self._share = plain, with_plates, share if with_plates else 0.0
        self._kinds = np.array([SHARES[kind.name] for kind in KINDS])
        self._faces: list[Picture] = []

    def scenes(self, size: tuple[int, int]) -> Iterator[Composed]:
        """Scenes of one size, width and height."""
        while True:
            yield self._scene(size)

    def _face(self) -> Picture:
        rng = self._rng
        kind = KINDS[int(rng.choice(len(KINDS), p=self._kinds / self._kinds.sum()))]
        fresh = augmentation.surface(plate_face.draw(kind, texts.draw(kind, rng), rng), rng, float(rng.uniform(0.2, 1)))
        if len(self._faces) < _FACES:
            self._faces.append(fresh)
            return fresh
        self._faces[int(rng.integers(_FACES))] = fresh
        return self._faces[int(rng.integers(_FACES))]

    def _scene(self, size: tuple[int, int]) -> Composed:
        rng = self._rng
        quads: list[Quad] = []
        if rng.random() < self._share:
            picture, there = _seen_otherwise(self._with_plates[int(rng.integers(len(self._with_plates)))], size, rng)
            for before in there:
                if not _mostly_inside(before, size):
                    continue
                quad = before
                if rng.random() < 0.5:
                    quad = _grown(before, float(rng.uniform(1.04, 1.2)))
                    picture = self._lay(picture, quad, like_before=True)
                quads.append(quad)
        elif self._plain and rng.random() < 0.6:
            picture, _ = _seen_otherwise(self._plain[int(rng.integers(len(self._plain)))], size, rng)
        else:
            picture = _clutter(size, rng)
        for _ in range(int(rng.poisson(0.7))):
            picture = _lay_distractor(picture, quads, size, rng)
        wanted = int(rng.choice([0, 1, 2, 3], p=[0.12, 0.5, 0.26, 0.12])) if not quads else int(rng.random() < 0.3)
        for _ in range(wanted):
            fresh = self._face()
            quad = _somewhere(fresh.shape[1] / fresh.shape[0], size, rng)
            if any(_overlap(_grown(quad, 1.5), other) for other in quads):
                continue
            if rng.random() < 0.7:
                picture = _lay_bumper(picture, quad, quads, rng)
            picture = self._lay(picture, quad, fresh)
            quads.append(quad)
        hard = float(rng.uniform(0.2, 0.9))
        lit = augmentation.lit(picture.astype(np.float32), rng, hard)
        return Composed(augmentation.sensed(np.asarray(lit, np.float32), rng, 0.35 * hard), quads)

    def _lay(self, picture: Picture, quad: Quad, plate: Picture | None = None, like_before: bool = False) -> Picture:
        """Lay a plate onto a picture, in the light that was there, its edges as soft as the picture."""
        rng = self._rng
        plate = self._face() if plate is None else plate
        high, wide = plate.shape[:2]
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        shrink = float(np.linalg.norm(quad[1] - quad[0])) / wide
        if shrink < 0.7:
            plate = np.asarray(cv2.blur(plate, (max(1, round(0.8 / shrink)),) * 2), np.uint8)
        homography = cv2.getPerspectiveTransform(corners, quad)
        left, top, right, bottom = _box(quad, picture.shape[1::-1], 3)
        if right <= left or bottom <= top:
            return picture
        homography = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ homography
        part = right - left, bottom - top
        laid = cv2.warpPerspective(plate, homography, part).astype(np.float32)
        mask = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), homography, part).astype(np.float32) / 255
        below = picture[top:bottom, left:right].astype(np.float32)
        if like_before:
            light = float((below.mean(2) * mask).sum() / max(1e-3, (laid.mean(2) * mask).sum()))
            laid *= light * rng.uniform(0.75, 1.3)
        else:
            laid *= rng.uniform(0.25, 1.1)
        both = below * (1 - mask[..., None]) + laid * mask[..., None]
        if rng.random() < 0.5:
            both = np.asarray(cv2.GaussianBlur(both, (0, 0), rng.uniform(0.3, 0.9)), np.float32)
        picture[top:bottom, left:right] = np.clip(both, 0, 255).astype(np.uint8)
        return picture


def _seen_otherwise(ground: Ground, size: tuple[int, int], rng: np.random.Generator) -> tuple[Picture, list[Quad]]:
    """A background turned, mirrored, nearer or farther; its plates go along."""
    high, wide = ground.picture.shape[:2]
    if ground.quads:
        chosen = ground.quads[int(rng.integers(len(ground.quads)))]
        scale = float(np.exp(rng.uniform(np.log(24), np.log(170)))) / max(1.0, float(np.ptp(chosen[:, 0])))
        focus = chosen.mean(0)
        onto = np.array(size) * rng.uniform(0.08, 0.92, 2)
    else:
        scale = max(size[0] / wide, size[1] / high) * float(np.exp(rng.uniform(-0.1, 0.9)))
        focus = np.array([wide, high]) * rng.uniform(0.3, 0.7, 2)
        onto = np.array(size) / 2
    turn = np.deg2rad(rng.normal(0, 4))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag(
        [mirror * scale * rng.uniform(0.88, 1.14), scale]
    )
    linear[0, 1] += rng.normal(0, 0.06) * scale
    matrix = np.column_stack([linear, onto - linear @ focus])
    picture = ground.picture
    if scale < 0.7:
        picture = np.asarray(cv2.blur(picture, (max(1, round(0.8 / scale)),) * 2), np.uint8)
    seen = np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    quads = [np.asarray(quad @ linear.T + matrix[:, 2], np.float32) for quad in ground.quads]
    if mirror < 0:
        quads = [quad[[1, 0, 3, 2]] for quad in quads]
    return seen, quads


def _clutter(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Surfaces, edges, bars and spots of no place."""
    base = rng.uniform(10, 220) + rng.normal(0, 15, 3)
    field = augmentation.noise_field(rng, size, int(rng.integers(2, 12)))[..., None] * rng.uniform(10, 70)
    picture = np.clip(base + field, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(3, 30))):
        colour = tuple(float(v) for v in np.clip(rng.uniform(0, 255) + rng.normal(0, 25, 3), 0, 255))
        x, y = int(rng.integers(size[0])), int(rng.integers(size[1]))
        wide, high = (int(v) for v in np.exp(rng.uniform(1.0, 5.0, 2)))
        match int(rng.integers(4)):
            case 0:
                cv2.rectangle(picture, (x, y), (x + wide, y + high), colour, -1)
            case 1:
                cv2.line(picture, (x, y), (x + wide, y + high - 30), colour, int(rng.integers(1, 6)), cv2.LINE_AA)
            case 2:
                cv2.ellipse(picture, (x, y), (wide, high), float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
            case _:
                for row in range(y, y + high, 6):  # a grille
                    cv2.line(picture, (x, row), (x + wide, row), colour, 2)
    return picture


def _lay_distractor(picture: Picture, quads: list[Quad], size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Something plain or written on that is no plate: a sign, a lamp, a sticker."""
    quad = _somewhere(float(np.exp(rng.uniform(-0.5, 1.8))), size, rng)
    if any(_overlap(quad, other) for other in quads):
        return picture
    points = [np.round(quad * 8).astype(np.int32)]
    ground = [(200, 60, 20), (30, 180, 235), (230, 230, 230), (20, 20, 20), (120, 200, 60), (40, 40, 200)]
    colour = np.clip(np.array(ground[int(rng.integers(6))]) * rng.uniform(0.4, 1.1) + rng.normal(0, 15, 3), 0, 255)
    cv2.fillPoly(picture, points, tuple(float(v) for v in colour), cv2.LINE_AA, 3)
    if rng.random() < 0.6:
        ink = tuple(float(v) for v in rng.uniform(0, 255, 3))
        low = quad.mean(0) + np.ptp(quad, axis=0) * np.array([-0.4, 0.15])
        words = "".join(chr(int(c)) for c in rng.integers(33, 91, int(rng.integers(1, 12))))
        scale = float(rng.uniform(0.2, 0.9)) * float(np.ptp(quad[:, 1])) / 25
        cv2.putText(picture, words, (int(low[0]), int(low[1])), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
    return picture


def _lay_bumper(picture: Picture, quad: Quad, quads: list[Quad], rng: np.random.Generator) -> Picture:
    """What a plate is screwed to, where that hides no other plate."""
    around = _grown(quad, float(rng.uniform(1.2, 3.5)))
    if any(_overlap(around, other) for other in quads):
        around = _grown(quad, 1.15)
    paint = np.clip(rng.uniform(5, 230) + rng.normal(0, 20, 3), 0, 255)
    cv2.fillPoly(picture, [np.round(around * 8).astype(np.int32)], tuple(float(v) for v in paint), cv2.LINE_AA, 3)
    if rng.random() < 0.4:
        frame = _grown(quad, float(rng.uniform(1.03, 1.15)))
        shade = float(rng.uniform(0, 220))
        cv2.fillPoly(picture, [np.round(frame * 8).astype(np.int32)], (shade, shade, shade), cv2.LINE_AA, 3)
    return picture


def _somewhere(aspect: float, size: tuple[int, int], rng: np.random.Generator) -> Quad:
    """Corners of something flat with this aspect, turned in space."""
    yaw, pitch, roll = (np.deg2rad(np.clip(rng.normal(0, s), -3 * s, 3 * s)) for s in (20, 11, 6))
    if rng.random() < 0.1:
        roll *= 4
    flat = np.array([[-0.5, -0.5 / aspect], [0.5, -0.5 / aspect], [0.5, 0.5 / aspect], [-0.5, 0.5 / aspect]])
    flat = flat @ np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    x, y = flat[:, 0] * np.cos(yaw), flat[:, 1] * np.cos(pitch)
    far = 1 + (flat[:, 0] * np.sin(yaw) + flat[:, 1] * np.sin(pitch)) / rng.uniform(3, 9)
    wide = float(np.exp(rng.uniform(np.log(24), np.log(190))))
    points = np.column_stack([x / far, y / far]) * wide
    return np.asarray(points + np.array(size) * rng.uniform(0.06, 0.94, 2), np.float32)


def _grown(quad: Quad, factor: float) -> Quad:
    centre = quad.mean(0)
    return np.asarray(centre + (quad - centre) * factor, np.float32)


def _box(quad: Quad, size: tuple[int, ...], margin: int = 0) -> tuple[int, int, int, int]:
    left, top = (int(v) for v in np.floor(quad.min(0)) - margin)
    right, bottom = (int(v) for v in np.ceil(quad.max(0)) + margin)
    return max(0, left), max(0, top), min(size[0], right), min(size[1], bottom)


def _overlap(one: Quad, other: Quad) -> bool:
    return bool((one.min(0) < other.max(0)).all() and (other.min(0) < one.max(0)).all())


def _mostly_inside(quad: Quad, size: tuple[int, int]) -> bool:
    left, top, right, bottom = _box(quad, size)
    wide, high = np.ptp(quad, axis=0)
    return bool(max(0, right - left) * max(0, bottom - top) > 0.7 * wide * high)
