"""What part of the tree of places is somebody's: every question about sites takes it, and cuts its answer to it."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Places, each with all that lies within it.

    Attributes:
        places: their names; None is everywhere: sites that lie in no place, and the centre itself, too.
        narrow: places of which only alerts of one kind are theirs, each with that kind: an alert's subject or
            condition. None for the place is everywhere. Questions about anything else do not look at it.
    """

    places: frozenset[str] | None
    narrow: frozenset[tuple[str | None, str]] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is cut off."""
        return self.places is None

    @property
    def cut(self) -> list[str] | None:
        """The `scope` of a statement: NULL is everywhere."""
        return None if self.places is None else sorted(self.places)

    @property
    def narrow_cut(self) -> list[str] | None:
        """The `narrow` of a statement about alerts: NULL is nothing more than the scope."""
        return sorted(f"{place or '*'}/{kind}" for place, kind in self.narrow) or None

    @property
    def of_any_kind(self) -> "Scope":
        """Where anything at all is theirs."""
        return self.of_kinds(frozenset(kind for _, kind in self.narrow))

    def of_kinds(self, kinds: Collection[str]) -> "Scope":
        """Where alerts of one of some kinds are theirs."""
        more = {place for place, kind in self.narrow if kind in kinds}
        if self.places is None or None in more:
            return EVERYWHERE
        return Scope(self.places | {place for place in more if place is not None})


def joined(scopes: Collection[Scope]) -> Scope:
    """What lies within any of some scopes; of alerts of one kind nothing."""
    if any(scope.is_everywhere for scope in scopes):
        return Scope(None)
    return Scope(frozenset[str]().union(*(scope.places or () for scope in scopes)))


EVERYWHERE = Scope(None)
"""For the centre's own services, which ask for nobody."""
NOWHERE = Scope(frozenset())
