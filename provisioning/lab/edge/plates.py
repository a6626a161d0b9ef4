"""The plate reader against truth: real plates in five folds, drawn ones of every kind, and how well it knows itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from edge_agent.vision.plate import PlateVotes
from models.onnx_session import open_session
from models.plate import Calibration, PlateFinder, PlateReader, Reading, Recogniser
from models.training import drawn, real
from shared.plates import KINDS, as_stamped

TEST_SEED = 20_261_122
"""Of drawn crops that no training sees: trainings count their seeds from one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One plate that was read.

    Attributes:
        truth: what it says.
        reading: what was read; None where no plate was found.
        all: texts and scores of everything that was read in the same picture, in the order of the list.
        labelled: texts of all plates that the picture is known to show.
    """

    truth: str
    reading: Reading | None
    all: tuple[tuple[str, float], ...] = ()
    labelled: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """The whole text."""
        return self.reading is not None and self.reading.text == self.truth

    @property
    def tail_right(self) -> bool:
        """All but the province."""
        return self.reading is not None and self.reading.text[1:] == self.truth[1:]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with the 95 % interval of Wilson."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """0 where nothing was counted."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        if not self.of:
            return 0.0, 1.0
        z = 1.96
        middle = (self.value + z * z / (2 * self.of)) / (1 + z * z / self.of)
        reach = z / (1 + z * z / self.of) * sqrt(self.value * (1 - self.value) / self.of + (z / (2 * self.of)) ** 2)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.2%} ({low:.2%} to {high:.2%}), {self.hits} of {self.of}"


def rate(judged: Iterable[bool]) -> Rate:
    """Count."""
    listed = list(judged)
    return Rate(sum(listed), len(listed))


def fold_reader(folder: Path, fold: int, calibration: Calibration) -> PlateReader:
    """The reader of one fold; -1 is the shipped one.

    Args:
        folder: what `models.training.make` wrote.
        fold: whose plates it has not seen.
        calibration: of the shipped weights.
    """
    name = "shipped" if fold < 0 else f"fold{fold}"
    return PlateReader(
        PlateFinder(open_session(folder / "detector" / name / "detector.onnx")),
        Recogniser(open_session(folder / "recogniser" / name / "recogniser.onnx")),
        calibration,
    )


def judge_scenes(readers: dict[int, PlateReader]) -> list[Judged]:
    """The main plate of every real scene, read by the fold that has not seen it.

    A scene may show several plates: what is found where the main one is labelled counts; other texts are kept.
    """
    judged = []
    for scene in real.scenes():
        plates = readers[scene.fold].read(scene.picture)
        main = real.main_plate(scene, [plate.found.corners for plate in plates])
        everything = tuple((plate.reading.text, plate.reading.score) for plate in plates)
        reading = None if main is None else plates[main].reading
        judged.append(Judged(scene.main, reading, everything, tuple(scene.texts)))
    return judged


def judge_crops(readers: dict[int, PlateReader]) -> list[Judged]:
    """Every real crop, read by the fold that has not seen its plate."""
    return [Judged(as_stamped(crop.text), readers[crop.fold].read_crop(crop.picture)) for crop in real.crops()]


def judge_drawn(reader: PlateReader, each: int) -> dict[str, list[Judged]]:
    """As many drawn crops of every kind, at the hardness of the test."""
    judged: dict[str, list[Judged]] = {kind.name: [] for kind in KINDS}
    for number, kind in enumerate(KINDS):
        for picture, text in drawn.test_crops(kind, TEST_SEED + number, each):
            judged[kind.name].append(Judged(as_stamped(text), reader.read_crop(picture)))
    return judged


def judge_passages(reader: PlateReader, each: int, looks: int) -> tuple[list[Judged], list[Judged]]:
    """The first look at drawn plates of every kind, and as many looks voted."""
    single, voted = [], []
    for number, kind in enumerate(KINDS):
        for pictures, text in drawn.test_passages(kind, TEST_SEED + 100 + number, each, looks):
            truth = as_stamped(text)
            votes = PlateVotes(reader.calibration)
            for picture in pictures:
                votes.add(1, reader.look_at_crop(picture))
            single.append(Judged(truth, reader.read_crop(pictures[0])))
            voted.append(Judged(truth, votes.reading(1)))
    return single, voted


@dataclass(frozen=True, slots=True)
class Accepted:
    """What passes a threshold.

    Attributes:
        wrong: of those accepted.
        coverage: accepted of all.
    """

    wrong: Rate
    coverage: Rate


def accepted_elsewhere(scenes: Iterable[Judged], threshold: float) -> Rate:
    """Of everything that is read in scenes with at least this score: what none of their labels says."""
    read = [(text, one.labelled) for one in scenes for text, score in one.all if score >= threshold]
    return rate(text not in labelled for text, labelled in read)


def accepted(judged: Iterable[Judged], threshold: float) -> Accepted:
    """Count readings of at least this score; a plate that was not found is not accepted."""
    listed = list(judged)
    taken = [one for one in listed if one.reading is not None and one.reading.score >= threshold]
    return Accepted(rate(not one.right for one in taken), Rate(len(taken), len(listed)))
