"""The tree of places that sites hang in."""
