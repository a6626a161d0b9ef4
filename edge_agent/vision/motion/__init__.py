"""Moving things in a small grey picture."""

from edge_agent.vision.motion.background import View, ViewedFrame
from edge_agent.vision.motion.components import components
from edge_agent.vision.motion.detector import WIDTH_PX, Blob, Foreground, MotionDetector

__all__ = ["WIDTH_PX", "Blob", "Foreground", "MotionDetector", "View", "ViewedFrame", "components"]
