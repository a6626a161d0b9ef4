"""Numbers that make a score a probability: fitted on real plates of folds that had not seen them, and on drawn ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session
from models.plate import Calibration, CharacterScores, PlateFinder, Recogniser, cuts, decode_plate, mean
from models.training import drawn, real
from shared.plates import KINDS, as_stamped

_SEED = 777_000
_EACH = 700
"""Drawn crops of every kind."""
_WRONG = 0.003
"""Of accepted readings; the bar is 0.005, and other plates than these will come."""

NO_PLATE = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One scores and the truth."""

    scores: CharacterScores
    truth: str
    fold: int = -1


def real_looks(folder: Path) -> list[Look]:
    """Every real plate, crops and main plates of scenes, through the networks of the fold that has not seen it.

    What is found in a scene away from all of its labelled plates is no plate: whatever is read there is wrong.
    """
    looks = []
    for fold in range(real.FOLDS):
        recogniser = Recogniser(open_session(folder / "recogniser" / f"fold{fold}" / "recogniser.onnx"))
        finder = PlateFinder(open_session(folder / "detector" / f"fold{fold}" / "detector.onnx"))
        mine = [crop for crop in real.crops() if crop.fold == fold]
        looks += [Look(recogniser.look([crop.picture])[0], as_stamped(crop.text), fold) for crop in mine]
        for scene in real.scenes():
            if scene.fold != fold:
                continue
            found = finder.find(scene.picture)
            main = real.main_plate(scene, [one.corners for one in found])
            for index, one in enumerate(found):
                if index == main or real.is_elsewhere(scene, one.corners):
                    truth = scene.main if index == main else NO_PLATE
                    looks.append(Look(mean(recogniser.look(cuts(scene.picture, one))), truth, fold))
    return looks


def drawn_looks(folder: Path) -> list[Look]:
    """Drawn plates of every kind through the shipped recogniser."""
    recogniser = Recogniser(open_session(folder / "recogniser" / "shipped" / "recogniser.onnx"))
    looks = []
    for number, kind in enumerate(KINDS):
        for picture, text in drawn.test_crops(kind, _SEED + number, _EACH):
            looks.append(Look(recogniser.look([picture])[0], as_stamped(text)))
    return looks


def measure(folder: Path) -> dict[str, float]:
    """Temperature, slope, offset and threshold."""
    return fit(real_looks(folder), drawn_looks(folder))


def across(reals: list[Look], drawns: list[Look]) -> list[tuple[Look, Calibration]]:
    """Every real look with a calibration that was fitted without its fold: what the shipped numbers are worth."""
    judged = []
    for fold in range(real.FOLDS):
        numbers = Calibration.of(fit([look for look in reals if look.fold != fold], drawns))
        judged += [(look, numbers) for look in reals if look.fold == fold]
    return judged


def fit(reals: list[Look], drawns: list[Look]) -> dict[str, float]:
    """The same, of looks; real and drawn ones weigh as much as each other."""
    best: tuple[float, Calibration] | None = None
    weights = np.concatenate([np.full(len(part), 0.5 / len(part)) for part in (reals, drawns)])
    for temperature in (0.6, 0.8, 1.0, 1.25, 1.5, 2.0):
        odds, right = _odds([*reals, *drawns], Calibration(temperature))
        slope, offset = _logistic(odds, right, weights)
        chances = np.clip(1 / (1 + np.exp(-np.clip(slope * odds + offset, -30, 30))), 1e-6, 1 - 1e-6)
        cost = -float((weights * np.where(right, np.log(chances), np.log(1 - chances))).sum())
        if best is None or cost < best[0]:
            best = cost, Calibration(temperature, slope, offset, 0.0)
    if best is None:
        raise ValueError("nothing to calibrate on")
    chosen = best[1]
    threshold = max(_threshold(reals, chosen), _threshold(drawns, chosen))
    return {
        "temperature": chosen.temperature,
        "slope": round(chosen.slope, 4),
        "offset": round(chosen.offset, 4),
        "threshold": min(0.9999, float(np.ceil(threshold * 1e4) / 1e4)),  # rounded up: never less strict than measured
    }


def _odds(looks: list[Look], calibration: Calibration) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log odds of the uncalibrated posterior, and whether the text is right."""
    readings = [decode_plate(look.scores, calibration) for look in looks]
    scores = np.clip(np.array([reading.score for reading in readings]), 1e-9, 1 - 1e-7)
    right = np.array([reading.text == look.truth for reading, look in zip(readings, looks, strict=True)])
    return np.log(scores / (1 - scores)), right


def _logistic(odds: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset by Newton's method, with a little pull towards 1 and 0."""
    design, pull = np.column_stack([odds, np.ones_like(odds)]), 1e-3
    prior = np.array([1.0, 0.0])
    found = prior.copy()
    for _ in range(50):
        chances = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (weights * (chances - right)) + pull * (found - prior)
        bend = (design * (weights * chances * (1 - chances))[:, None]).T @ design + pull * np.eye(2)
        found = found - np.linalg.solve(bend, gradient)
    return float(found[0]), float(found[1])


def _threshold(looks: list[Look], calibration: Calibration) -> float:
    """The least score from which on at most so many readings are wrong."""
    readings = [(decode_plate(look.scores, calibration), look.truth) for look in looks]
    ranked = sorted(((reading.score, reading.text != truth) for reading, truth in readings), reverse=True)
    least, wrong = 1.0, 0
    for count, (score, is_wrong) in enumerate(ranked, 1):
        wrong += is_wrong
        if wrong <= _WRONG * count:
            least = score
    return least
