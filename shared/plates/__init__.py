"""Plates of motor vehicles to GA 36: their characters, kinds and grammar. The table is `ga36.toml`."""

from shared.plates.grammar import ALPHABET, KINDS, ORDERS, PROVINCES, Colour, Kind, Layout, kinds_of, valid

__all__ = ["ALPHABET", "KINDS", "ORDERS", "PROVINCES", "Colour", "Kind", "Layout", "kinds_of", "valid"]
