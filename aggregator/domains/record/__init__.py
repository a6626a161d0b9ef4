"""The record of events, read."""
