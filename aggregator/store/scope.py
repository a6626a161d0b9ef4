"""What part of the tree of places is somebody's: every question about sites takes it, and cuts its answer to it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Places, each with all that lies within it.

    Attributes:
        places: their names; None is everywhere: sites that lie in no place, and the centre itself, too.
    """

    places: frozenset[str] | None

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is cut off."""
        return self.places is None

    @property
    def cut(self) -> list[str] | None:
        """The `scope` of a statement: NULL is everywhere."""
        return None if self.places is None else sorted(self.places)


EVERYWHERE = Scope(None)
"""For the centre's own services, which ask for nobody."""
NOWHERE = Scope(frozenset())
