"""Moving things in a small grey picture."""

from edge_agent.motion.detector import Blob, MotionDetector

__all__ = ["Blob", "MotionDetector"]
