"""Persons, vehicles, two-wheelers and animals in a picture: what goes into the object model, and what comes out."""

from models.objects.finder import Found, ObjectFinder
from models.objects.lens import WHOLE, Region

__all__ = ["WHOLE", "Found", "ObjectFinder", "Region"]
