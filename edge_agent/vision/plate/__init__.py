"""Plates of what moves: readings of one vehicle voted over its time; matched on the box or forgotten."""

from edge_agent.vision.plate.passage import Passage, PassageReader
from edge_agent.vision.plate.votes import PlateVotes

__all__ = ["Passage", "PassageReader", "PlateVotes"]
