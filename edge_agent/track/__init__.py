"""Blobs become tracks: the same thing, frame after frame. Tracks live minutes and carry no identity."""

from edge_agent.track.tracker import Track, Tracker

__all__ = ["Track", "Tracker"]
