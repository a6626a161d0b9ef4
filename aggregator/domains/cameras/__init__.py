"""Cameras: what they are called, what they watch, and whether they see."""
