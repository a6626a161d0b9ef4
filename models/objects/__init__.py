"""Persons, vehicles, two-wheelers and animals in a picture: what goes into the object model, and what comes out."""

from models.objects.finder import Found, ObjectFinder

__all__ = ["Found", "ObjectFinder"]
