"""Measures the record: filled with years of events, asked as people ask."""
