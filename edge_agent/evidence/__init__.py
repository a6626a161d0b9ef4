"""Pictures at the edge: kept in a ring, announced, and brought to the aggregator where an alert needs them."""

from edge_agent.evidence.ring import MemoryRing, PictureRing
from edge_agent.evidence.uploader import Uploader
from edge_agent.evidence.writer import PictureWriter, Taken

__all__ = ["MemoryRing", "PictureRing", "PictureWriter", "Taken", "Uploader"]
