"""An object detector in a file: any ONNX model whose output is a list of boxes.

Input: one picture, float32 (1, 3, height, width), red, green, blue, 0 to 1, fitted into the model's size with grey
bars. Output, the first one: (1, n, 6) with left, top, right, bottom in pixels of that size, score and class, as
detectors with built-in suppression give it (YOLO26, YOLOv10, RT-DETR and others exported that way).
"""

from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Frame
from edge_agent.vision.detect.detector import Detection
from models.onnx_session import CPU, open_session
from shared.errors import ConfigError

_BARS = 114


class OnnxDetector:
    """Runs one model on the CPU, or where `providers` says.

    Args:
        path: the .onnx file.
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
        classes: Collection[int] = (),
        min_score: float = 0.4,
        providers: Collection[str] = CPU,
    ) -> None:
        self._session = open_session(path, providers, "detector")
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[1:]) or shape[1] != 3:
            raise ConfigError(f"detector.model = {str(path)!r}: its input is {shape}, expected (1, 3, height, width)")
        self._height, self._width = int(shape[2]), int(shape[3])
        self._classes, self._min_score = frozenset(classes), min_score

    def detect(self, frame: Frame) -> list[Detection]:
        picture = frame.colour()
        height, width = picture.shape[:2]
        scale = min(self._width / width, self._height / height)
        fitted = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
        canvas = np.full((self._height, self._width, 3), _BARS, np.uint8)
        canvas[: fitted.shape[0], : fitted.shape[1]] = fitted
        tensor = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = self._session.run(None, {self._input.name: tensor})[0]
        return self._read(np.asarray(rows, np.float32), width * scale, height * scale)

    def _read(self, rows: NDArray[np.float32], width: float, height: float) -> list[Detection]:
        if rows.ndim != 3 or rows.shape[2] != 6:
            raise ConfigError(f"detector.model: its output is {rows.shape}, expected (1, n, 6)")
        return [
            Detection(left / width, top / height, right / width, bottom / height, score)
            for left, top, right, bottom, score, kind in rows[0].tolist()
            if score >= self._min_score and (not self._classes or int(kind) in self._classes)
        ]
