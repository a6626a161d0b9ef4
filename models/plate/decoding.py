"""From what was seen to a text: the likeliest spellings, with GA 36 as evidence and never as a filter."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from models.plate.finder import Found
from models.plate.recogniser import CharacterScores
from shared.plates import ALPHABET, COLOURS, LAYOUTS, Colour, Layout, kinds_of, valid

_SPELLINGS = 16
_HOPELESS = 7.0
"""The search ends at texts that are a thousand times less likely than the first."""
_LETTERS = [*ALPHABET, ""]
"""The last class is "nothing"."""
_CHARACTERS = 6
"""Characters looked at for each place."""
_INVALID = np.log(0.01)
"""How much less a text that fits no kind is likely: special plates exist that the table does not have."""
_UNEXPECTED = np.log(0.1)
"""The same for a text whose kinds have another colour or layout than was seen."""
_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a posterior of these weights becomes a probability; measured on plates that training had not seen.

    Attributes:
        temperature: logits are divided by it.
        slope: of the posterior's log odds.
        offset: of the same.
        threshold: readings with a lower score are "unread".
    """

    temperature: float = 1.0
    slope: float = 1.0
    offset: float = 0.0
    threshold: float = 0.9

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> "Calibration":
        """From the registry's table; what is absent keeps its default."""
        known = {name: numbers[name] for name in ("temperature", "slope", "offset", "threshold") if name in numbers}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a plate says.

    Attributes:
        text: the likeliest spelling; the agency's O is written 0, as it is stamped.
        score: probability that all of it is right.
        colour: of the ground.
        layout: one row or two.
        valid: whether GA 36 has such a text.
        alternatives: other spellings and their probabilities, the likeliest first.
    """

    text: str = field(repr=False)  # no log and no traceback tells a plate
    score: float
    colour: Colour
    layout: Layout
    valid: bool
    alternatives: tuple[tuple[str, float], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate in a picture: where, what the network saw, what that spells."""

    found: Found
    scores: CharacterScores
    reading: Reading


def decode_plate(scores: CharacterScores, calibration: Calibration) -> Reading:
    """The likeliest reading of a look, or of several that were voted into one."""
    characters = scores.characters / calibration.temperature
    characters = characters - np.log(np.exp(characters).sum(1, keepdims=True))
    spellings = _likeliest(characters)
    colours, layouts = np.maximum(scores.colours, -8.0), np.maximum(scores.layouts, -8.0)
    likely = {text: chance + _expected(text, colours, layouts) for text, chance in spellings.items()}
    order: list[str] = sorted(likely, key=lambda text: -likely[text])
    weights = np.exp(np.array([likely[text] for text in order]) - likely[order[0]])
    # What no spelling here covers is on no spelling's side: it takes from all.
    covered = min(1.0, float(np.exp(np.array(list(spellings.values()))).sum()))
    shares = weights / weights.sum()
    # However clearly it was seen: a text that fits no kind, or no kind of this colour, is most likely no plate's.
    score = _calibrated(float(shares[0]) * covered, _expected(order[0], colours, layouts), calibration)
    # What is left is shared among the others as they stand to each other, and to what is not among them.
    left = (1 - score) / max(1e-9, 1 - float(shares[0]) * covered)
    sure = [score, *(min(score, float(share) * covered * left) for share in shares[1:])]
    text = order[0]
    kinds = kinds_of(text)
    colour: Colour = COLOURS[int(np.argmax(colours))]
    layout: Layout = LAYOUTS[int(np.argmax(layouts))]
    if kinds:
        kind = max(kinds, key=lambda k: colours[COLOURS.index(k.colour)] + layouts[LAYOUTS.index(k.layout)])
        if colours[COLOURS.index(kind.colour)] > _UNEXPECTED:
            colour = kind.colour
        if layouts[LAYOUTS.index(kind.layout)] > _UNEXPECTED:
            layout = kind.layout
    others = tuple(zip(order[1 : 1 + _ALTERNATIVES], sure[1 : 1 + _ALTERNATIVES], strict=True))
    return Reading(text, sure[0], colour, layout, valid(text), others)


def _calibrated(posterior: float, expected: float, calibration: Calibration) -> float:
    clipped = min(max(posterior, 1e-9), 1 - 1e-7)
    odds = (np.log(clipped / (1 - clipped)) + expected) * calibration.slope + calibration.offset
    return float(1 / (1 + np.exp(-odds)))


def _expected(text: str, colours: np.ndarray, layouts: np.ndarray) -> float:
    """How well a text agrees with the table, and its kinds with what was seen of the plate."""
    kinds = kinds_of(text)
    if not kinds:
        return float(_INVALID)
    seen = max(float(colours[COLOURS.index(kind.colour)] + layouts[LAYOUTS.index(kind.layout)]) for kind in kinds)
    return max(seen, float(_UNEXPECTED))


def _likeliest(characters: np.ndarray) -> dict[str, float]:
    """The likeliest spellings and the logarithms of their probabilities: best first search over the places."""
    top = np.argpartition(-characters, _CHARACTERS, axis=1)[:, :_CHARACTERS]
    order = np.argsort(-np.take_along_axis(characters, top, 1), axis=1)
    ranked = np.take_along_axis(top, order, 1)
    chances: list[list[float]] = np.take_along_axis(characters, ranked, 1).tolist()
    letters = [[_LETTERS[index] for index in row] for row in ranked.tolist()]
    first = (0,) * len(letters)
    least = -sum(row[0] for row in chances)
    queue = [(least, first)]
    seen, found = {first}, dict[str, float]()
    while queue and len(found) < _SPELLINGS:
        cost, picks = heapq.heappop(queue)
        if cost > least + _HOPELESS and len(found) > _ALTERNATIVES:
            break
        text = "".join([row[pick] for row, pick in zip(letters, picks, strict=True)])
        # Two ways to one text: where "nothing" stands does not matter.
        found[text] = float(np.logaddexp(found[text], -cost)) if text in found else -cost
        for place, pick in enumerate(picks):
            if pick + 1 < _CHARACTERS:
                following = (*picks[:place], pick + 1, *picks[place + 1 :])
                if following not in seen:
                    seen.add(following)
                    row = chances[place]
                    heapq.heappush(queue, (cost + row[pick] - row[pick + 1], following))
    return found
