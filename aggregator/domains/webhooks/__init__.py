"""Alerts for programs elsewhere, signed, again until they are taken."""
