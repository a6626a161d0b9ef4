"""Surveys: how a camera looks now, for who draws its lines, and what they would have made of its last minute."""
