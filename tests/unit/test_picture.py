"""A JPEG that was cut short is read as far as it goes, and known as such."""

import cv2
import numpy as np
import pytest

from models.picture import PictureError, decode

SCENE = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8), (9, 9), 3)


def encoded(kind: str = ".jpg", *options: int) -> bytes:
    return bytes(cv2.imencode(kind, SCENE, options)[1])


@pytest.mark.parametrize(
    "options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)], ids="pfr"
)
@pytest.mark.parametrize("missing", [1, 2, 3, 100])
def test_what_is_there_is_read(options: tuple[int, ...], missing: int) -> None:
    whole = decode(encoded(".jpg", *options))
    cut = decode(encoded(".jpg", *options)[:-missing])
    assert not whole.cut and cut.cut
    assert np.mean(cut.pixels == whole.pixels) > 0.95


def test_the_first_half_of_a_file_is_the_upper_half_of_its_picture() -> None:
    content = encoded()
    whole, half = decode(content).pixels, decode(content[: len(content) // 2]).pixels
    assert half.shape == whole.shape and np.array_equal(half[:90], whole[:90])


def test_what_follows_the_end_is_no_cut() -> None:
    assert not decode(encoded() + b"\0" * 100).cut
    assert not decode(encoded(".png")).cut


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"no picture", encoded()[:50], encoded(".png")[:-200]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PictureError, match="expected JPEG"):
        decode(content)


def test_grey() -> None:
    assert decode(encoded(), "grey").pixels.shape == (240, 320)
