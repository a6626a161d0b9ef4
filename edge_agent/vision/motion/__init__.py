"""Moving things in a small grey picture."""

from edge_agent.vision.motion.components import components
from edge_agent.vision.motion.detector import WIDTH_PX, Blob, Foreground, MotionDetector
from edge_agent.vision.motion.view import View, ViewedFrame

__all__ = ["WIDTH_PX", "Blob", "Foreground", "MotionDetector", "View", "ViewedFrame", "components"]
