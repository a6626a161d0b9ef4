"""From what the network saw to a text: spelling, evidence of the grammar, votes of a track."""

import numpy as np
import pytest

from edge_agent.vision.plate import PlateVotes
from models.plate import Calibration, CharacterScores, decode_plate
from shared.plates import ALPHABET, COLOURS, Colour, Layout

NOTHING = len(ALPHABET)


def seen_as(
    text: str,
    sure: float = 0.95,
    doubts: dict[int, tuple[str, float]] | None = None,
    colour: Colour = "blue",
    layout: Layout = "single",
) -> CharacterScores:
    """What a network that sees `text` says; `doubts` gives other characters at a place their share."""
    characters = np.full((8, NOTHING + 1), (1 - sure) / NOTHING)
    for place in range(8):
        characters[place, ALPHABET.index(text[place]) if place < len(text) else NOTHING] = sure
        if doubts and place in doubts:
            character, share = doubts[place]
            characters[place, ALPHABET.index(character)] += share
    characters /= characters.sum(1, keepdims=True)
    colours = np.full(6, 0.01)
    colours[COLOURS.index(colour)] = 0.95
    layouts = np.array([0.99, 0.01] if layout == "single" else [0.01, 0.99])
    return CharacterScores(*(np.log(part).astype(np.float32) for part in (characters, colours, layouts)))


def test_a_clear_plate() -> None:
    reading = decode_plate(seen_as("皖A12345", 0.999), Calibration())
    assert (reading.text, reading.colour, reading.layout, reading.valid) == ("皖A12345", "blue", "single", True)
    assert reading.score > 0.98


def test_alternatives_are_ranked_and_the_scores_are_no_more_than_one_together() -> None:
    reading = decode_plate(seen_as("皖A12345", 0.9, {3: ("Z", 0.4)}), Calibration())
    assert reading.text == "皖A12345"
    assert reading.alternatives[0][0] == "皖A1Z345"
    scores = [reading.score, *(score for _, score in reading.alternatives)]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) <= 1.0001


def test_the_eighth_character_of_a_new_energy_plate_is_read_and_a_seventh_is_not_made_up() -> None:
    assert decode_plate(seen_as("皖AD12345", colour="green"), Calibration()).text == "皖AD12345"
    assert decode_plate(seen_as("皖A12345"), Calibration()).text == "皖A12345"


def test_colour_decides_between_seven_and_eight() -> None:
    # The last place is in doubt; a green ground says that something stands there.
    seen = seen_as("皖AD1234", 0.9, {7: ("5", 0.8)}, colour="green")
    assert decode_plate(seen, Calibration()).text == "皖AD12345"
    seen = seen_as("皖AD1234", 0.9, {7: ("5", 0.8)}, colour="blue")
    assert decode_plate(seen, Calibration()).text == "皖AD1234"


def test_grammar_is_evidence_and_no_filter() -> None:
    # A letter that no serial has four of: believed where it is clear, not where a digit is nearly as likely.
    clear = decode_plate(seen_as("皖ABCDE1", 0.999), Calibration())
    assert clear.text == "皖ABCDE1"
    assert not clear.valid
    assert decode_plate(seen_as("皖A1B3S5", 0.6, {3: ("8", 0.5), 5: ("4", 0.1)}), Calibration()).valid


def test_the_agencys_o_is_written_as_it_is_stamped() -> None:
    reading = decode_plate(seen_as("粤0A2160"), Calibration())
    assert reading.text == "粤0A2160"
    assert reading.valid


def test_calibration_bends_scores_and_keeps_their_order() -> None:
    sure, unsure = seen_as("皖A12345", 0.99), seen_as("皖A12345", 0.8)
    modest = Calibration(temperature=1.5, slope=0.7, offset=-0.5)
    assert decode_plate(sure, modest).score < decode_plate(sure, Calibration()).score
    assert decode_plate(sure, modest).score > decode_plate(unsure, modest).score


def test_votes_correct_a_glimpse_that_is_wrong() -> None:
    votes = PlateVotes(Calibration(threshold=0.5))
    votes.add(7, seen_as("皖A12345", 0.9))
    votes.add(7, seen_as("皖A12845", 0.8))
    votes.add(7, seen_as("皖A12345", 0.9))
    reading = votes.take(7)
    assert reading is not None
    assert reading.text == "皖A12345"
    assert "皖A12845" in [text for text, _ in reading.alternatives]
    assert votes.take(7) is None, "what was taken is forgotten"
    assert len(votes) == 0


def test_votes_go_place_by_place() -> None:
    """No scores has all of it right; together they do."""
    votes = PlateVotes(Calibration(threshold=0.0))
    for text in ["皖A1234Z", "皖A7234S", "皖A12B45", "皖AZ2345", "皖A12345"]:
        votes.add(1, seen_as(text, 0.8))
    reading = votes.take(1)
    assert reading is not None
    assert reading.text == "皖A12345"


def test_below_the_threshold_a_vehicle_is_unread() -> None:
    votes = PlateVotes(Calibration(threshold=0.95))
    votes.add(1, seen_as("皖A12345", 0.5))
    reading = votes.reading(1)
    assert reading is not None
    assert reading.score < 0.95
    assert votes.take(1) is None
    assert votes.take(2) is None, "a track without a look"


@pytest.mark.parametrize("looks", [2, 8, 100])
def test_the_same_misread_many_times_is_not_certainty(looks: int) -> None:
    """A bolt on a character is there in every frame: a hundred looks are hardly more than one."""
    once, often = PlateVotes(Calibration()), PlateVotes(Calibration())
    wrong = seen_as("皖A12345", 0.99, {3: ("Z", 0.05)})
    once.add(1, wrong)
    for _ in range(looks):
        often.add(1, wrong)
    first, last = once.reading(1), often.reading(1)
    assert first is not None
    assert last is not None
    assert first.score <= last.score
    assert (1 - last.score) > (1 - first.score) / 12


@pytest.mark.parametrize("looks", [1, 3, 20])
def test_useless_looks_add_nothing(looks: int) -> None:
    votes = PlateVotes(Calibration(threshold=0.0))
    votes.add(1, seen_as("皖A12345", 0.95))
    alone = votes.reading(1)
    shapes = (8, NOTHING + 1), (6,), (2,)
    blind = CharacterScores(*(np.log(np.full(shape, 1 / shape[-1], np.float32)) for shape in shapes))
    for _ in range(looks):
        votes.add(1, blind)
    reading = votes.take(1)
    assert alone is not None
    assert reading is not None
    assert reading.text == "皖A12345"
    assert reading.score <= alone.score + 0.01


def test_two_plates_in_one_track_are_voted_apart() -> None:
    votes = PlateVotes(Calibration(threshold=0.0))
    for number in range(9):
        votes.add(1, seen_as("皖A12345" if number % 3 else "苏B99999", 0.97))
    reading = votes.reading(1)
    assert reading is not None
    assert reading.text == "皖A12345", "the one that was seen more"
    for number in range(1000):
        votes.add(
            1, seen_as(f"川{'ABCDEFGHJK'[number % 10]}{number % 7}{number % 11 % 10}{number % 3}9{number % 9}", 0.9)
        )
    assert len(votes._votes[1]) <= 4, "and no more plates than a track can show are kept"


def test_a_plate_is_in_no_log() -> None:
    assert "12345" not in repr(decode_plate(seen_as("皖A12345"), Calibration()))


@pytest.mark.parametrize("text", ["", "皖", "皖A1", "12345678"])
def test_any_text_can_come_out(text: str) -> None:
    reading = decode_plate(seen_as(text, 0.999), Calibration())
    assert reading.text == text
    assert not reading.valid
