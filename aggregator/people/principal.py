"""Who asks: every question has it as an argument, and every answer is cut to what is theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregator.people.rights import ALL, OF_ALERTS, Right
from aggregator.store.scope import EVERYWHERE, Scope


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights within a part of the tree.

    Attributes:
        kinds: of alerts, of which alone they hold; None is all. Rights about other things have no kinds.
    """

    rights: frozenset[Right]
    scope: Scope
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, or a program, that was recognised.

    Attributes:
        name: as records have it.
        grants: all they may do, and where.
        checked: whether anybody has seen to it that they are who they say; not on a trial on one machine.
    """

    name: str
    grants: Sequence[Grant]
    checked: bool = True

    def scope_of(self, right: Right) -> Scope | None:
        """Where they have a right; None where they do not have it."""
        given = [grant for grant in self.grants if right in grant.rights]
        whole = [grant.scope for grant in given if grant.kinds is None or right not in OF_ALERTS]
        if any(scope.is_everywhere for scope in whole):
            return EVERYWHERE
        narrow = {
            (place, kind)
            for grant in given
            if grant.kinds is not None and right in OF_ALERTS
            for place in grant.scope.places or (None,)
            for kind in grant.kinds
        }
        places = frozenset[str]().union(*(scope.places or () for scope in whole))
        return Scope(places, frozenset(narrow)) if given else None

    @property
    def rights(self) -> frozenset[Right]:
        """All they have, wherever."""
        return frozenset().union(*(grant.rights for grant in self.grants))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks one thing, which they may: for what lies within this scope.

    Attributes:
        name: as records have it.
        scope: where they have the right that was asked for.
    """

    name: str
    scope: Scope


THIS_MACHINE = Identity("this machine", (Grant(ALL, EVERYWHERE),), checked=False)
"""Whoever sits at it, on a trial without [trust]: nobody is checked."""
