"""Runs in the peer's own environment: videos through MOG2, ByteTrack and LineZone, events to standard output.

Where boxes come with a job, they are an object detector's, one list a frame, and take the place of MOG2's.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import supervision as sv  # type: ignore[import-not-found]
from trackers import ByteTrackTracker  # type: ignore[import-not-found]

_LEAST_AREA = 0.0004
"""Of the picture: smaller blobs are noise."""


def moving(subtractor: cv2.BackgroundSubtractorMOG2, picture: np.ndarray) -> list[list[float]]:
    """Boxes of what moves, as a few lines of OpenCV find them; the last number is how sure that is."""
    mask = subtractor.apply(picture)
    mask = cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)[1]
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = cv2.dilate(mask, np.ones((5, 5), np.uint8), iterations=2)
    contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    least = _LEAST_AREA * picture.shape[0] * picture.shape[1]
    boxes = [cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) >= least]
    return [[x, y, x + w, y + h, 0.9] for x, y, w, h in boxes]


def run(job: dict) -> dict[str, list[list[int]]]:  # type: ignore[type-arg]
    """Events of each line: frame and direction, 1 left to right, 2 right to left."""
    video = cv2.VideoCapture(job["video"])
    size = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
    zones = {
        name: sv.LineZone(
            sv.Point(points[0][0] * size[0], points[0][1] * size[1]),
            sv.Point(points[-1][0] * size[0], points[-1][1] * size[1]),
            triggering_anchors=[sv.Position.BOTTOM_CENTER],
        )
        for name, points in job["lines"].items()
    }
    tracker = ByteTrackTracker(
        frame_rate=job["fps"], track_activation_threshold=0.4, high_conf_det_threshold=0.4, minimum_consecutive_frames=2
    )
    subtractor = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=16, detectShadows=True)
    events: dict[str, list[list[int]]] = {name: [] for name in zones}
    number = 0
    while True:
        is_read, picture = video.read()
        if not is_read:
            return events
        number += 1
        boxes = job["boxes"].get(str(number), []) if "boxes" in job else moving(subtractor, picture)
        rows = np.array(boxes, float).reshape(-1, 5)
        found = sv.Detections(xyxy=rows[:, :4], confidence=rows[:, 4], class_id=np.zeros(len(rows), int))
        tracked = tracker.update(found)
        tracked = tracked[tracked.tracker_id >= 0] if len(tracked) else tracked
        for name, zone in zones.items():
            crossed_in, crossed_out = zone.trigger(tracked)
            # Its "in" is a crossing from the right of the walk from start to end to the left.
            events[name] += [[number, 2]] * int(crossed_in.sum()) + [[number, 1]] * int(crossed_out.sum())


if __name__ == "__main__":
    json.dump([run(job) for job in json.loads(Path(sys.argv[1]).read_text())], sys.stdout)
