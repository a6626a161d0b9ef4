"""The place of an object detector, for boxes whose hardware allows one: it takes the place of motion."""

from edge_agent.vision.detect.detector import Detection, ObjectDetector, detections

__all__ = ["Detection", "ObjectDetector", "detections"]
