"""Exports on the box: from the ring or the centre, rendered apart, brought once, and never with anybody in them."""

import hashlib
import os
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from edge_agent.camera import export_renderer
from edge_agent.camera.export_renderer import render_apart, rendered
from edge_agent.orders.exports import Area, Exports, RenderError
from edge_agent.uplink.own_door import GoneError, RefusedError
from edge_agent.vision.people_veil import PeopleVeil
from models.picture import decode
from shared import desired
from shared.desired import WantedExport
from shared.envelope import encode_message
from shared.errors import UnavailableError, WireError


def jpeg(shade: int = 90) -> bytes:
    picture = np.full((120, 160, 3), shade, np.uint8)
    picture[:, ::4] = 240
    return bytes(cv2.imencode(".jpg", picture)[1])


A, B = jpeg(90), jpeg(30)


def wanted(number: int, picture: bytes, *areas: Area) -> WantedExport:
    return WantedExport(number, hashlib.sha256(picture).digest(), areas)


class Ring:
    def __init__(self, *pictures: bytes) -> None:
        self.kept = {hashlib.sha256(picture).digest(): picture for picture in pictures}

    def content(self, digest: bytes) -> bytes:
        if digest not in self.kept:
            raise FileNotFoundError(digest.hex())
        return self.kept[digest]


class Centre:
    """Has the pictures of some exports, and takes what is brought for those."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures = {int(name[1:]): picture for name, picture in pictures.items()}
        self.asked, self.brought, self.failed = list[int](), dict[int, bytes](), dict[int, str]()
        self.answers, self.refuses = True, set[int]()

    def _expect(self, number: int) -> None:
        if not self.answers:
            raise UnavailableError("the centre is away")
        if number not in self.pictures:
            raise GoneError(f"export {number} is not wanted any more")

    def original(self, number: int) -> bytes:
        self._expect(number)
        self.asked.append(number)
        return self.pictures[number]

    def bring(self, number: int, jpeg: bytes) -> None:
        self._expect(number)
        if number in self.refuses:
            raise RefusedError("413 too large")
        self.brought[number] = jpeg

    def tell_failed(self, number: int, why: str) -> None:
        self._expect(number)
        self.failed[number] = why


def marked(picture: bytes, areas: Sequence[Area]) -> bytes:
    return f"{len(areas)} areas of ".encode() + picture


def body(*exports: WantedExport) -> bytes:
    return encode_message(desired.Exports(exports))


def test_a_picture_is_taken_from_the_ring_or_from_the_centre_and_brought_once() -> None:
    centre = Centre(_1=A, _2=B)
    exports = Exports(Ring(A), centre, marked)
    exports.obey(body(wanted(1, A), wanted(2, B, (0.1, 0.1, 0.2, 0.2))))
    exports.look()
    assert centre.brought == {1: b"0 areas of " + A, 2: b"1 areas of " + B}
    assert centre.asked == [2], "what the ring has is not fetched"
    centre.brought.clear()
    exports.obey(body(wanted(2, B, (0.1, 0.1, 0.2, 0.2))))
    exports.look()
    assert not centre.brought, "what was brought is not rendered again"
    with pytest.raises(WireError):
        exports.obey(b"\xc1")


def test_what_the_centre_does_not_take_waits_and_what_it_does_not_want_is_forgotten() -> None:
    centre = Centre(_1=A)
    exports = Exports(Ring(A, B), centre, marked)
    exports.obey(body(wanted(7, B), wanted(1, A)))
    centre.answers = False
    with pytest.raises(UnavailableError):
        exports.look()
    centre.answers = True
    exports.look()
    assert list(centre.brought) == [1]
    assert not centre.failed


def test_what_fails_steps_behind_the_others_and_is_not_rendered_again() -> None:
    rendered_ones = list[bytes]()

    def render(picture: bytes, areas: Sequence[Area]) -> bytes:
        rendered_ones.append(picture)
        return marked(picture, areas)

    centre = Centre(_1=A, _2=B)
    exports = Exports(Ring(A, B), centre, render)
    exports.obey(body(wanted(1, A), wanted(2, B)))
    centre.answers = False
    for _ in range(3):
        with pytest.raises(UnavailableError):
            exports.look()
    assert rendered_ones == [A, B, A], "each in its turn"
    with pytest.raises(UnavailableError):
        exports.look()
    exports.obey(body(wanted(1, A)))
    centre.answers = True
    exports.look()
    assert list(centre.brought) == [1]


def test_what_the_centre_will_never_take_is_told_and_done_with() -> None:
    centre = Centre(_1=A, _2=B)
    centre.refuses = {1}
    exports = Exports(Ring(A, B), centre, marked)
    exports.obey(body(wanted(1, A), wanted(2, B)))
    exports.look()
    assert list(centre.brought) == [2]
    assert "413" in centre.failed[1]


def test_what_cannot_be_rendered_is_told_with_its_reason_and_keeps_no_other_waiting() -> None:
    def render(picture: bytes, areas: Sequence[Area]) -> bytes:
        if picture == A:
            raise RenderError("the model was not built")
        return marked(picture, areas)

    centre = Centre(_1=A, _2=B)
    exports = Exports(Ring(A, B), centre, render)
    exports.obey(body(wanted(1, A), wanted(2, B)))
    exports.look()
    assert centre.failed == {1: "the model was not built"}
    assert list(centre.brought) == [2]


def test_a_picture_that_is_not_the_one_that_was_asked_for_is_not_rendered() -> None:
    centre, ring = Centre(_1=B), Ring()
    ring.kept[hashlib.sha256(A).digest()] = A[:-9]  # the card has eaten some of it
    exports = Exports(ring, centre, marked)
    exports.obey(body(wanted(1, A)))
    exports.look()
    assert not centre.brought
    assert "another picture" in centre.failed[1]


class Model:
    """Finds a person in the middle, in each size."""

    def find_only(
        self, wanted: Sequence[int], picture: np.ndarray, min_score: float, side_px: int | None = None
    ) -> np.ndarray:
        assert 0 in wanted
        assert 16 not in wanted, "a dog is nobody"
        assert min_score < 0.3
        assert side_px
        assert picture.ndim == 3
        return np.array([[0.4, 0.2, 0.6, 0.8, 0.12, 0]], np.float32)


def test_people_are_left_in_coarse_squares_and_the_rest_as_it_was() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    before = picture.copy()
    covered = PeopleVeil(Model()).cover(picture, [(0.9, 0.9, 1.5, 2.0)])  # type: ignore[arg-type]
    assert (picture == before).all(), "the picture itself stays"
    person = covered[80:320, 160:240]
    assert len(np.unique(person.reshape(-1, 3), axis=0)) < 80, "of 19,200 pixels a few colours stay"
    assert (covered[:80, :80] == before[:80, :80]).all()
    assert len(np.unique(covered[362:, 362:].reshape(-1, 3), axis=0)) <= 16, "an area that was named, cut at the edge"


def test_a_picture_is_rendered_in_a_process_of_its_own(object_model: None) -> None:
    done = decode(render_apart(A, [(0.0, 0.0, 1.0, 1.0)])).pixels
    assert done.shape == (120, 160, 3)
    assert len(np.unique(done.reshape(-1, 3) // 16, axis=0)) < 20, "all of it was named"


def test_a_process_that_renders_may_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RenderError, match="people in it cannot be blurred: no picture"):
        render_apart(b"no JPEG", [])
    monkeypatch.setattr(export_renderer, "_render", crash)
    with pytest.raises(RenderError, match="ended with exit code 3"):
        render_apart(A, [])


def crash(*_arguments: object) -> None:
    os._exit(3)


def test_where_no_model_is_nothing_is_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PeopleVeil, "shipped", lambda: (_ for _ in ()).throw(MemoryError("no room")))
    with pytest.raises(RenderError, match="no room"):
        rendered(A, [])
