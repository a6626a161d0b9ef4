"""Streams of events in the makers' own words. Pure: bytes in, inputs out."""
