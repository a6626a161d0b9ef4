"""The grammar of plates, and plates drawn from it."""

import numpy as np
import pytest

from models.training import augmentation, drawn, plate_face, texts
from shared.plates import ALPHABET, KINDS, Kind, kinds_of, valid


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("皖A12345", "small car"),
        ("皖AD12345", "small new energy"),
        ("皖A12345D", "large new energy"),
        ("京A1234警", "police"),
        ("京A1B34学", "driving school"),
        ("冀B1234挂", "trailer"),
        ("粤Z1234港", "Hong Kong and Macao"),
        ("224578使", "embassy"),
        ("沪12345领", "consulate"),
        ("沪A1234领", "consulate"),
    ],
)
def test_each_kind_is_known(text: str, kind: str) -> None:
    assert kind in [found.name for found in kinds_of(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "皖",
        "皖AI2345",
        "皖A1O345",
        "皖AABC12",
        "皖1A2345",
        "A12345皖",
        "皖A1234",
        "皖A123456",
        "京Z1234港",
        "皖A١2345",
    ],
)
def test_what_is_no_plate_is_not_valid(text: str) -> None:
    assert not valid(text)


def test_the_alphabet_has_every_character_once() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 73


def test_texts_are_of_their_kind_and_use_all_characters() -> None:
    rng = np.random.default_rng(1)
    used = set()
    for kind in KINDS:
        for _ in range(400):
            text = texts.draw(kind, rng)
            assert kind.pattern.fullmatch(text), (kind.name, text)
            used |= set(text)
    assert used == set(ALPHABET)


def test_every_kind_has_a_share_and_a_place_for_each_character() -> None:
    assert set(drawn.SHARES) == {kind.name for kind in KINDS}
    rng = np.random.default_rng(2)
    for kind in KINDS:
        width, height = kind.size_mm
        boxes = plate_face.boxes(kind, len(texts.draw(kind, rng)))
        assert all(left >= 0 and top >= 0 and left + w <= width and top + h <= height for left, top, w, h in boxes)


@pytest.mark.usefixtures("glyph_templates")
def test_the_same_seed_draws_the_same_crops() -> None:
    first, second = drawn.crops(5), drawn.crops(5)
    for _ in range(12):
        (one, text, kind), (other, same, _) = next(first), next(second)
        assert one.shape == (augmentation.SIZE[1], augmentation.SIZE[0], 3)
        assert np.array_equal(one, other)
        assert text == same
        assert kind.pattern.fullmatch(text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_example_of_a_kind_is_one(kind: Kind) -> None:
    assert kind in kinds_of(kind.example)
