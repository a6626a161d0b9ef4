"""What `hawkline bench plate` prints."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from models.plate import Calibration, PlateReader, decode_plate
from models.registry import Registry
from models.timing import Times, interleaved
from models.training import calibrate, real
from models.training.glyphs import DATA
from provisioning.lab.edge.plates import (
    Judged,
    Rate,
    accepted,
    accepted_elsewhere,
    fold_reader,
    judge_crops,
    judge_drawn,
    judge_passages,
    judge_scenes,
    rate,
)
from provisioning.lab.edge.threads import one_thread
from provisioning.lab.rows import Row
from provisioning.lab.rows import judged as _row

_REAL, _DRAWN = 0.97, 0.99
_BLUE_EASIER = 0.02
_WRONG = 0.005
_LOOKS = 8
_SCENE_MS, _CROP_MS = 12.0, 1.5


def rows(folds: Path | None, *, quick: bool) -> Iterator[Row]:
    """Row by row, as they are measured."""
    if not (DATA / "plates" / "crops").is_dir():
        yield _row("real and drawn plates", "all", None, "", f"{DATA} has none; set HAWKLINE_DATA")
        return
    reader = PlateReader.shipped()
    blue: Rate | None = None
    if folds is None:
        yield _row("five folds", "scenes, crops", None, "", "give --folds, the folder of models.training.make")
        shipped = dict.fromkeys(range(real.FOLDS), reader)
        yield from _whole("shipped, which has learnt them", judge_scenes(shipped), judge_crops(shipped), bar=False)
    else:
        calibration = Calibration.of(Registry().find("plate-recogniser").calibration)
        readers = {fold: fold_reader(folds, fold, calibration) for fold in range(real.FOLDS)}
        scenes, crops = judge_scenes(readers), judge_crops(readers)
        yield from _whole("five folds", scenes, crops, bar=True)
        yield _accepted("five folds, the shipped numbers", [*scenes, *crops], reader.calibration.threshold, judge=False)
        yield _across(folds)
        elsewhere = accepted_elsewhere(scenes, reader.calibration.threshold)
        yield _row("five folds", "read anywhere in scenes with that score, not labelled there", None, str(elsewhere))
        blue = rate(one.right for one in [*scenes, *crops])
    drawn = judge_drawn(reader, 200 if quick else 1700)
    for name, judged in drawn.items():
        counted = rate(one.right for one in judged)
        yield _row("drawn", name, counted.value >= _DRAWN, str(counted), f"bar {_DRAWN:.0%}")
    if blue is not None:
        easier = rate(one.right for one in drawn["small car"]).value - blue.value
        yield _row("drawn blue", "no easier than real", easier <= _BLUE_EASIER, f"{easier:+.2%}", "bar +2.00%")
    everything = [one for judged in drawn.values() for one in judged]
    yield _accepted(f"{len(everything)} drawn", everything, reader.calibration.threshold)
    single, voted = judge_passages(reader, 15 if quick else 60, _LOOKS)
    yield _row("drawn, in passing", "the first look", None, str(rate(one.right for one in single)))
    yield _row("drawn, in passing", f"{_LOOKS} looks voted", None, str(rate(one.right for one in voted)))
    yield _accepted(f"drawn, {_LOOKS} looks voted", voted, reader.calibration.threshold)
    yield from _speed(reader, 20 if quick else 100)


def _whole(what: str, scenes: list[Judged], crops: list[Judged], *, bar: bool) -> Iterator[Row]:
    for name, judged in (("scenes", scenes), ("crops", crops)):
        whole = rate(one.right for one in judged)
        yield _row(what, f"{name}, whole", whole.value >= _REAL if bar else None, str(whole), f"bar {_REAL:.0%}")
        yield _row(what, f"{name}, without province", None, str(rate(one.tail_right for one in judged)))
        elsewhere = [one for one in judged if not one.truth.startswith("皖")]
        yield _row(what, f"{name}, not 皖", None, str(rate(one.right for one in elsewhere)))
    anywhere = rate(one.truth in [text for text, _ in one.all] for one in scenes)
    yield _row(what, "scenes, text read anywhere in the picture", None, str(anywhere))
    first = rate([text for text, _ in one.all[:1]] == [one.truth] for one in scenes)
    yield _row(what, "scenes, first of the list", None, str(first), "a nearer plate may stand beside the main one")


def _across(folds: Path) -> Row:
    """Temperature, slope, offset and threshold fitted without the fold that is judged."""
    readings = [
        (decode_plate(look.scores, numbers), look.truth, numbers.threshold)
        for look, numbers in calibrate.across(calibrate.real_looks(folds), calibrate.drawn_looks(folds))
    ]
    taken = [(reading.text, truth) for reading, truth, threshold in readings if reading.score >= threshold]
    wrong, coverage = rate(text != truth for text, truth in taken), Rate(len(taken), len(readings))
    case = "wrong of those accepted, all numbers fitted on the other folds"
    return _row("five folds", case, wrong.value <= _WRONG, str(wrong), f"bar {_WRONG:.1%}; coverage {coverage}")


def _accepted(what: str, judged: list[Judged], threshold: float, *, judge: bool = True) -> Row:
    passing = accepted(judged, threshold)
    return _row(
        what,
        f"wrong of those with a score of {threshold:.4f} and more",
        passing.wrong.value <= _WRONG if judge else None,
        str(passing.wrong),
        f"bar {_WRONG:.1%}; coverage {passing.coverage}",
    )


def _speed(reader: PlateReader, runs: int) -> Iterator[Row]:
    scene = next(one for one in real.scenes() if one.picture.shape[:2] == (720, 1280))
    one_plate = np.asarray(cv2.resize(scene.picture, (1280, 720)), np.uint8)
    crop = real.crops()[0].picture
    registry = Registry()
    reference = registry.open("reference")
    signal = {"signal": np.random.default_rng(1).random((1, 32, 64, 64), np.float32)}
    with one_thread():
        count = len(reader.read(one_plate))
        starting = interleaved({"start": PlateReader.shipped}, 3)["start"]
        times = interleaved(
            {
                "scene": lambda: reader.read(one_plate),
                "crop": lambda: reader.read_crop(crop),
                "reference": lambda: reference.run(None, signal),
            },
            runs,
        )
    yield _timed("1280x720 scene, decoded image to text", times["scene"], _SCENE_MS, f"{count} plate")
    yield _timed("crop, decoded image to text", times["crop"], _CROP_MS)
    yield _timed("reference graph, 226 M multiplications", times["reference"], None)
    more = f"a process that reads needs {_memory_mib():.0f} MiB more"
    yield _timed("start-up, hashes checked", starting, None, more)


def _memory_mib() -> float:
    """What reading adds to a fresh process that has its libraries loaded."""
    program = (
        "import numpy; from pathlib import Path; from models.plate import PlateReader\n"
        "resident = lambda: int(Path('/proc/self/statm').read_text().split()[1]) * 4\n"
        "before, reader = resident(), PlateReader.shipped()\n"
        "reader.read(numpy.full((720, 1280, 3), 90, numpy.uint8))\n"
        "print(resident() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def _timed(what: str, times: Times, bar_ms: float | None, note: str = "") -> Row:
    figure = f"{times.median_ms:.2f} ms, least {times.least_ms:.2f}"
    met = None if bar_ms is None else times.median_ms <= bar_ms
    notes = [note] if bar_ms is None else [f"bar {bar_ms:g} ms", note]
    return _row("speed, one thread", what, met, figure, "; ".join(filter(None, notes)))
