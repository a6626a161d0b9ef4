"""Who asks: every question has it as an argument, and every answer is cut to what is theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregator.people.rights import ALL, Right
from aggregator.store.scope import EVERYWHERE, Scope


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights within a part of the tree."""

    rights: frozenset[Right]
    scope: Scope


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
        scopes = [grant.scope for grant in self.grants if right in grant.rights]
        if any(scope.is_everywhere for scope in scopes):
            return EVERYWHERE
        return Scope(frozenset().union(*(scope.places or () for scope in scopes))) if scopes else None

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
