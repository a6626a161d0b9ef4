"""No plate can be read in a picture that leaves the box, but one that is named; what cannot be blurred stays there."""

import cv2
import numpy as np
import pytest

from edge_agent.camera.picture_maker import NoPicture, Picture, PictureMaker, encoded
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.plate.veil import PlateVeil
from models.picture import decode
from models.plate import PlateReader
from models.plate.finder import Found, Quad
from models.plate.recogniser import cut
from models.training import plate_face
from models.training.compose import Composer
from provisioning.lab.edge.sequences import as_frame
from provisioning.lab.edge.traffic import FPS, Traffic
from shared.errors import ConfigError
from shared.plates import KINDS, as_stamped
from tests.unit.test_worker import Street, wait

SIZE = 1280, 720


class Finder:
    """Suspects what the test puts before it."""

    def __init__(self, *quads: list[list[float]]) -> None:
        self.quads: list[Quad] = [np.array(quad, np.float32) for quad in quads]

    def suspect(self, picture: np.ndarray) -> list[Found]:
        return [Found(0.5, quad) for quad in self.quads]


def striped() -> np.ndarray:
    picture = np.full((200, 400, 3), 90, np.uint8)
    picture[:, ::4] = 240
    return picture


PLATE = [[100.0, 80.0], [200.0, 80.0], [200.0, 112.0], [100.0, 112.0]]
BESIDE = [[230.0, 80.0], [330.0, 80.0], [330.0, 112.0], [230.0, 112.0]]


def test_a_plate_is_left_as_one_colour_and_the_rest_as_it_was() -> None:
    picture = striped()
    covered = PlateVeil(Finder(PLATE)).cover(picture)  # type: ignore[arg-type]
    assert (picture == striped()).all(), "the picture itself stays"
    inside = covered[82:110, 102:198].astype(int)
    assert np.abs(np.diff(inside, axis=1)).max() <= 2, "nothing of its strokes"
    assert (covered[:60] == picture[:60]).all()
    assert (covered[:, 260:] == picture[:, 260:]).all()


def test_of_a_plate_that_leans_nothing_is_left_though_its_corners_lean_otherwise() -> None:
    picture, middle = np.ascontiguousarray(np.tile(striped(), (2, 1, 1))), np.array([200.0, 200.0])

    def turned(degrees: float) -> np.ndarray:
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return (np.array(PLATE) - np.array([150.0, 96.0])) @ np.array([[cos, sin], [-sin, cos]]) + middle

    covered = PlateVeil(Finder(turned(60).tolist())).cover(picture)  # type: ignore[arg-type]
    straight = cut(covered, np.asarray(turned(40), np.float32)).astype(int)
    assert np.ptp(straight[2:-2, 2:-2]) <= 2


def test_without_a_plate_the_picture_is_the_same() -> None:
    picture = striped()
    assert PlateVeil(Finder()).cover(picture) is picture  # type: ignore[arg-type]


def test_the_plate_of_a_hit_stays_and_its_neighbour_goes() -> None:
    picture, hit = striped(), np.array(PLATE, np.float32)
    near = [[x + 3, y - 2] for x, y in PLATE]
    covered = PlateVeil(Finder(near, BESIDE)).cover(picture, [hit])  # type: ignore[arg-type]
    assert (covered[82:110, 102:198] == picture[82:110, 102:198]).all()
    assert np.abs(np.diff(covered[82:110, 232:328].astype(int), axis=1)).max() <= 2


def test_who_sits_behind_the_plate_of_a_hit_is_not_seen() -> None:
    picture = np.full((900, 900, 3), 90, np.uint8)
    picture[:, ::4] = 240
    hit = np.array([[400, 700], [500, 700], [500, 732], [400, 732]], np.float32)
    covered = PlateVeil(Finder()).cover(picture, [hit])  # type: ignore[arg-type]
    behind = covered[100:600, 250:650].astype(int)
    assert np.abs(np.diff(behind, axis=1)).max() <= 3, "windscreen and roof"
    assert (covered[640:] == picture[640:]).all(), "the plate and what is round it stay"
    assert (covered[:, :150] == picture[:, :150]).all()


def test_a_plate_at_the_edge_of_the_picture_is_covered_as_far_as_it_is_there() -> None:
    edge = [[-30.0, 180.0], [40.0, 180.0], [40.0, 215.0], [-30.0, 215.0]]
    covered = PlateVeil(Finder(edge)).cover(striped())  # type: ignore[arg-type]
    assert np.abs(np.diff(covered[182:198, 0:38].astype(int), axis=1)).max() <= 2
    outside = [[600.0, 300.0], [700.0, 300.0], [700.0, 330.0], [600.0, 330.0]]
    assert (PlateVeil(Finder(outside)).cover(striped()) == striped()).all()  # type: ignore[arg-type]


def test_where_plates_cannot_be_blurred_no_picture_leaves() -> None:
    sent = list[Picture | NoPicture]()

    def missing() -> PlateVeil:
        raise ConfigError("models/plate_detector.onnx: no such file")

    maker = PictureMaker(Street(), Masks([]), sent.append, missing)
    maker.add(7, 1, 5.0, next(Street().frames()))
    maker.stop()
    assert sent == [NoPicture(7)]


@pytest.mark.usefixtures("glyph_templates")
def test_the_evidence_of_a_road_shows_no_plate_that_can_be_read() -> None:
    """The whole way: the picture as a camera's thread makes it, opened again, and read where its plates were."""
    traffic = Traffic(31, "day", 3, (40.0, 60.0))
    times = [round(one.time_s * FPS) - 4 for one in traffic.truth]
    frames = [as_frame(picture, n, n / FPS) for n, picture in enumerate(traffic.pictures()) if n in times]
    reader, sent = PlateReader.shipped(), list[Picture | NoPicture]()
    plates = [[plate for plate in reader.read(frame.colour()) if plate.reading.score > 0.9] for frame in frames]
    assert sum(map(len, plates)) >= 2, "they show plates that can be read"
    maker = PictureMaker(Street(), Masks([]), sent.append)
    for ticket, frame in enumerate(frames):
        maker.add(ticket, 1, frame.captured_at_s, frame)
    wait(lambda: len(sent) == len(frames))
    maker.stop()
    pictures = [decode(each.jpeg).pixels for each in sent if isinstance(each, Picture)]
    assert len(pictures) == len(frames)
    for picture, there in zip(pictures, plates, strict=True):
        for plate in there:
            assert _alike(reader, picture, plate.found.corners, plate.reading.text) <= BY_CHANCE


@pytest.mark.usefixtures("glyph_templates")
def test_plates_of_every_kind_are_covered_wherever_they_lie() -> None:
    """Judged where they lie, whatever finds them: what the veil has not found could not be found by its detector."""
    rng = np.random.default_rng(5)
    veil, reader = PlateVeil.shipped(), PlateReader.shipped()
    readable = covered = 0
    for scene, kind in zip(Composer(77, [], [], 0.0).scenes(SIZE), KINDS * 2, strict=False):
        face = plate_face.draw(kind, kind.example, rng)
        size = 150, round(150 * face.shape[0] / face.shape[1])
        left, top = int(rng.integers(100, 900)), int(rng.integers(100, 500))
        picture = scene.picture
        picture[top - 30 : top + size[1] + 30, left - 60 : left + size[0] + 60] = 60
        picture[top : top + size[1], left : left + size[0]] = cv2.resize(face, size, interpolation=cv2.INTER_AREA)
        right, bottom = left + size[0], top + size[1]
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        if _alike(reader, picture, corners, as_stamped(kind.example)) < len(kind.example) - 1:
            continue
        readable += 1
        after = decode(encoded(veil.cover(picture))).pixels
        covered += _alike(reader, after, corners, as_stamped(kind.example)) <= BY_CHANCE
    assert readable >= 15
    assert covered == readable


BY_CHANCE = 3
"""So many characters are right though nothing can be seen: a province, a 1."""


def _alike(reader: PlateReader, picture: np.ndarray, corners: Quad, text: str) -> int:
    """How many characters of a plate are read at a place of a picture."""
    told = reader.read_crop(cut(picture, corners)).text
    return sum(one == other for one, other in zip(told, text, strict=False))
