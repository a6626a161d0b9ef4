"""Alarm sensors."""
