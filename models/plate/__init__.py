"""Plates in a picture: found, looked at, spelled. What goes into the plate models, and what comes out of them."""

from models.plate.decoding import Calibration, Plate, Reading, decode_plate
from models.plate.finder import Found, PlateFinder
from models.plate.reader import PlateReader
from models.plate.recogniser import CharacterScores, Recogniser, cut, cuts, mean

__all__ = [
    "Calibration",
    "CharacterScores",
    "Found",
    "Plate",
    "PlateFinder",
    "PlateReader",
    "Reading",
    "Recogniser",
    "cut",
    "cuts",
    "decode_plate",
    "mean",
]
