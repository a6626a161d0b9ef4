"""Boxes: whether each is there, what it says of itself, what it was told to be, and what it covered."""
