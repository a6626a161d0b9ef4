"""Plates of motor vehicles to GA 36: their characters, kinds and grammar. The table is `ga36.toml`."""

from shared.plates.grammar import (
    ALPHABET,
    COLOURS,
    KINDS,
    LAYOUTS,
    ORDERS,
    PROVINCES,
    Colour,
    Kind,
    Layout,
    as_stamped,
    kinds_of,
    valid,
)

__all__ = [
    "ALPHABET",
    "COLOURS",
    "KINDS",
    "LAYOUTS",
    "ORDERS",
    "PROVINCES",
    "Colour",
    "Kind",
    "Layout",
    "as_stamped",
    "kinds_of",
    "valid",
]
