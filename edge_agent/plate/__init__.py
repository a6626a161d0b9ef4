"""Plates: found, looked at, spelled, voted over a track's time; matched on the box or forgotten."""

from edge_agent.plate.finder import Found, PlateFinder
from edge_agent.plate.glimpse import Glimpse, Recogniser, cut, cuts, mean
from edge_agent.plate.passing import Passage, PlatePassing
from edge_agent.plate.reader import PlateReader
from edge_agent.plate.spelling import Calibration, Plate, Reading, spell
from edge_agent.plate.votes import PlateVotes

__all__ = [
    "Calibration",
    "Found",
    "Glimpse",
    "Passage",
    "Plate",
    "PlateFinder",
    "PlatePassing",
    "PlateReader",
    "PlateVotes",
    "Reading",
    "Recogniser",
    "cut",
    "cuts",
    "mean",
    "spell",
]
