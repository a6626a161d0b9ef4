"""What analysis costs on one core, beside the background subtractors that peers use; and whether memory stays flat."""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.camera.sources.synthetic import SyntheticScene
from edge_agent.frames import Frame
from edge_agent.vision.motion import MotionDetector
from edge_agent.vision.motion.masks import Masks
from edge_agent.vision.track import Tracker
from provisioning.lab.edge.threads import one_thread

_WARM = 20


def frames(width: int, height: int, count: int, *, busy: bool = True) -> list[tuple[Frame, NDArray[np.uint8]]]:
    """Decoded frames of a gate, and the same as blue, green, red: what a decoder gives to either side.

    Busy is a vehicle every three seconds; else nothing moves but the noise of the sensor.
    """
    scene = SyntheticScene("gate", 3, period_s=3.0 if busy else 3600.0)
    from_s = 2.0 if busy else 1800.0
    made = []
    for number in range(1, count + 1):
        time_s = from_s + number / 10
        drawn = cv2.resize(scene.draw(time_s), (width, height), interpolation=cv2.INTER_LINEAR)
        picture = np.asarray(drawn, np.uint8)
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8).reshape(-1)
        area = width * height
        chroma = planes[area:].reshape(2, height // 2, width // 2)
        grey = planes[:area].reshape(height, width)
        made.append((Frame(number, time_s, time_s, grey, partial(_same, picture), (chroma[0], chroma[1])), picture))
    return made


def compare(given: Sequence[tuple[Frame, NDArray[np.uint8]]], runs: int = 5) -> dict[str, list[float]]:
    """Milliseconds a frame, median of each run; the runs of all take turns, so that a busy machine hits all alike."""
    rounds: dict[str, Callable[[], Callable[[Frame, NDArray[np.uint8]], object]]] = {
        "hawkline, to tracks": _ours,
        "MOG2": lambda: _subtractor(cv2.createBackgroundSubtractorMOG2()),
        "KNN": lambda: _subtractor(cv2.createBackgroundSubtractorKNN()),
        "frame differencing": _differencing,
    }
    figures: dict[str, list[float]] = {name: [] for name in rounds}
    with one_thread():
        for _ in range(runs):
            for name, make in rounds.items():
                figures[name].append(_median_ms(make(), given))
    return figures


def memory_growth_mib(total: int) -> tuple[float, float]:
    """Resident memory after a tenth of the frames, and the growth from there to the end, in MiB.

    The frames are a loop of 60 s, played with a growing clock: what is kept for each track must go with it.
    """
    given = [frame for frame, _ in frames(480, 270, 600)]
    motion, tracker, masks = MotionDetector(), Tracker(), Masks([])
    base = 0.0
    for number in range(1, total + 1):
        frame = given[number % len(given)]
        moved = Frame(number, number / 10, number / 10, frame.grey, frame.colour, frame.chroma)
        for viewed in motion.viewed(moved):
            tracker.step(motion.step(viewed, masks, tracker.held(), tracker.travelling()), viewed.time_s, number)
        if number == total // 10:
            base = _resident_mib()
    return base, _resident_mib() - base


def ratio(figures: dict[str, list[float]], to: str) -> float:
    """Our cost as a part of another's: the median of the ratios within each round."""
    return statistics.median(
        ours / theirs for ours, theirs in zip(figures["hawkline, to tracks"], figures[to], strict=True)
    )


def _median_ms(
    step: Callable[[Frame, NDArray[np.uint8]], object], given: Sequence[tuple[Frame, NDArray[np.uint8]]]
) -> float:
    times = []
    for frame, picture in given:
        began = time.perf_counter()
        step(frame, picture)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[_WARM:])


def _ours() -> Callable[[Frame, NDArray[np.uint8]], object]:
    motion, tracker, masks = MotionDetector(), Tracker(), Masks([])

    def step(frame: Frame, _picture: NDArray[np.uint8]) -> None:
        for viewed in motion.viewed(frame):
            seen = motion.step(viewed, masks, tracker.held(), tracker.travelling())
            tracker.step(seen, viewed.time_s, viewed.number)

    return step


def _subtractor(subtractor: cv2.BackgroundSubtractor) -> Callable[[Frame, NDArray[np.uint8]], object]:
    return lambda _frame, picture: subtractor.apply(picture)


def _differencing() -> Callable[[Frame, NDArray[np.uint8]], object]:
    before: list[NDArray[np.uint8]] = []

    def step(_frame: Frame, picture: NDArray[np.uint8]) -> object:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        moving = cv2.threshold(cv2.absdiff(grey, before[0]), 25, 255, cv2.THRESH_BINARY) if before else None
        before[:] = [grey]  # type: ignore[list-item]
        return moving

    return step


def _same(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture


def _resident_mib() -> float:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a line of the kernel, not a file of ours
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
