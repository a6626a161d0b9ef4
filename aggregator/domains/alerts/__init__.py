"""Alerts as operators and programs see them: lists, acknowledgements, verdicts, maintenance."""
