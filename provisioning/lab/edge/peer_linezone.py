"""Runs in the peer's own environment: traces from a file through supervision's LineZone, events to standard output.

A polyline is one LineZone a segment. The anchor is the one that the judge uses, the middle of the lower edge.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import supervision as sv  # type: ignore[import-not-found]


def run(trace: dict) -> list[list[int]]:  # type: ignore[type-arg]
    """Events of one trace: frame and direction, 1 left to right, 2 right to left."""
    corners = trace["line"]
    zones = [
        sv.LineZone(sv.Point(*a), sv.Point(*b), triggering_anchors=[sv.Position.BOTTOM_CENTER])
        for a, b in pairwise(corners)
    ]
    events = []
    for number, rows in enumerate(trace["frames"], start=1):
        boxes = np.array([row[1:] for row in rows], float).reshape(-1, 4)
        ids = np.array([row[0] for row in rows], int)
        detections = sv.Detections(xyxy=boxes, tracker_id=ids, class_id=np.zeros(len(rows), int))
        for zone in zones:
            crossed_in, crossed_out = zone.trigger(detections)
            # Its "in" is a crossing from the right of the walk from start to end to the left.
            events += [[number, 2]] * int(crossed_in.sum()) + [[number, 1]] * int(crossed_out.sum())
    return events


if __name__ == "__main__":
    json.dump([run(trace) for trace in json.loads(Path(sys.argv[1]).read_text())], sys.stdout)
