"""The seam between object detectors and the tracker."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from edge_agent.frames import Frame
from edge_agent.vision.motion import WIDTH_PX, Blob, Foreground
from edge_agent.vision.motion.masks import Masks


@dataclass(frozen=True, slots=True)
class Detection:
    """One object: normalised box, 0 to 1, and how sure the detector is, 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


class ObjectDetector(Protocol):
    """Finds the objects that count in one frame. What counts, which classes, how sure, is its own setting."""

    def detect(self, frame: Frame) -> list[Detection]:
        """Objects in the frame; overlapping boxes of one object are already one."""


def detections(detector: ObjectDetector, frame: Frame, masks: Masks) -> Foreground:
    """What the detector finds, as the tracker takes it: every box is a thing of its own.

    What stands on a masked place is dropped, where "stands" means the middle of the lower edge.
    """
    height, width = frame.grey.shape
    size = WIDTH_PX, max(16, round(height * WIDTH_PX / width)) & ~1
    picture = cv2.resize(frame.grey, size, interpolation=cv2.INTER_LINEAR)
    ignored = masks.ignored(*size)
    labels = np.zeros((size[1], size[0]), np.int32)
    blobs = []
    for number, found in enumerate(sorted(detector.detect(frame), key=lambda found: found.bottom), start=1):
        left, top = round(max(0.0, found.left) * size[0]), round(max(0.0, found.top) * size[1])
        right, bottom = round(min(1.0, found.right) * size[0]), round(min(1.0, found.bottom) * size[1])
        if right - left < 2 or bottom - top < 2:
            continue
        if ignored is not None and ignored[bottom - 1, (left + right) // 2]:
            continue
        labels[top:bottom, left:right] = number  # nearer ones, whose feet are lower, last
        blobs.append(Blob(left, top, right, bottom, (right - left) * (bottom - top), (number,), upright=True))
    return Foreground(blobs, labels, picture, detected=True)  # type: ignore[arg-type]
