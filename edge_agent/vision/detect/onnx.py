"""An object detector in a file, in place of motion."""

from collections.abc import Collection
from pathlib import Path

from edge_agent.frames import Frame
from edge_agent.vision.detect.detector import Detection
from models.objects.layouts import open_layout
from models.onnx_session import CPU
from shared.objects import ModelLayout


class OnnxDetector:
    """Runs one model on the CPU, or where `providers` says.

    Args:
        path: the .onnx file.
        layout: how it is read, one of `models.objects.layouts`.
        classes: numbers of the classes that count; empty counts all.
        min_score: what is less sure does not count.
        providers: ONNX Runtime execution providers, best first.

    Raises:
        ConfigError: the file is missing or no such model, or a provider is not there.
    """

    def __init__(
        self,
        path: Path,
        *,
        layout: ModelLayout = "end_to_end",
        classes: Collection[int] = (),
        min_score: float = 0.4,
        providers: Collection[str] = CPU,
    ) -> None:
        self._model = open_layout(path, layout, providers, "detector")
        self._classes, self._min_score = frozenset(classes), min_score

    def detect(self, frame: Frame) -> list[Detection]:
        return [
            Detection(left, top, right, bottom, score)
            for left, top, right, bottom, score, kind in self._model.find(frame.colour(), self._min_score).tolist()
            if not self._classes or int(kind) in self._classes
        ]
