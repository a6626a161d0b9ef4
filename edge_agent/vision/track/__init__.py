"""Blobs become tracks: the same thing, frame after frame. Tracks live minutes and carry no identity."""

from edge_agent.vision.track.recognised import Recognised, Sight
from edge_agent.vision.track.track import Spot, Track
from edge_agent.vision.track.tracker import Tracker

__all__ = ["Recognised", "Sight", "Spot", "Track", "Tracker"]
