"""Measures lines and motion against truth: `hawkline bench tripwire` and `hawkline bench motion`."""
