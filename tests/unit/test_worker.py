"""What a camera's process sends: events, and pictures in which nothing private is to be seen."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge_agent.config import Camera, CameraSettings, SyntheticCamera
from edge_agent.detect import Detection
from edge_agent.sources import Frame
from edge_agent.worker import Picture, Sighting, _Watch
from shared.scene import Mask, Scene, Tripwire


class Street:
    """A source of bright frames, and nothing else."""

    dropped = damaged = lost = 0

    def frames(self) -> Iterator[Frame]:
        for number in range(1, 60):
            grey = np.full((180, 320), 200, np.uint8)
            yield Frame(number, number / 10, number / 10, grey, lambda: np.full((180, 320, 3), 200, np.uint8))

    def picture_at(self, captured_at_s: float) -> None:
        return None

    def close(self) -> None:
        pass


class Walker:
    def detect(self, frame: Frame) -> list[Detection]:
        x = frame.number / 60
        return [Detection(x, 0.4, x + 0.08, 0.7, 0.9)]


class Pipe:
    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, report: object) -> None:
        self.sent.append(report)


def test_private_parts_leave_the_process_black() -> None:
    private = Mask([(0.0, 0.0), (0.4, 0.0), (0.4, 0.3), (0.0, 0.3)], privacy=True)
    scene = Scene([Tripwire("middle", [(0.5, 1.0), (0.5, 0.3)])], masks=[private])
    pipe = Pipe()
    camera = Camera(CameraSettings("door", Path("scene.toml"), SyntheticCamera("gate")), scene)
    _Watch(camera, Street(), pipe, Walker()).run()  # type: ignore[arg-type]
    sightings = [report for report in pipe.sent if isinstance(report, Sighting)]
    pictures = [report for report in pipe.sent if isinstance(report, Picture)]
    assert len(sightings) == len(pictures) == 1
    seen = cv2.imdecode(np.frombuffer(pictures[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen[:50, :120].max() < 30
    assert seen[80:, 160:].min() > 170
