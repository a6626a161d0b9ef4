"""Pictures at the edge: kept in a ring, announced, and brought to the aggregator where an alert needs them."""

from edge_agent.uplink.pictures.ring import MemoryRing, PictureRing
from edge_agent.uplink.pictures.uploader import Uploader
from edge_agent.uplink.pictures.writer import PictureWriter, Taken

__all__ = ["MemoryRing", "PictureRing", "PictureWriter", "Taken", "Uploader"]
