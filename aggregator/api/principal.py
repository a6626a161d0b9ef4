"""Which right a route needs, and for what part of the tree whoever asks has it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.dependencies.models import Dependant

from aggregator.api.refusals import Refusals
from aggregator.people.principal import Identity, Principal
from aggregator.people.rights import Right
from aggregator.store.scope import joined

IDENTITY = "hawkline.identity"
"""Where in the scope of a request its guard leaves whom it has recognised."""


def identity_of(request: Request) -> Identity:
    """Whom the guard has recognised; a route behind no guard answers nobody."""
    identity = request.scope.get(IDENTITY)
    if not isinstance(identity, Identity):
        raise HTTPException(401, "nobody is signed in")
    return identity


async def _note(request: Request, identity: Identity, right: Right) -> None:
    refusals: Refusals | None = getattr(request.app.state, "refusals", None)
    if refusals is not None:
        address = request.client.host if request.client else ""
        await refusals.note(request.app.state.parts, identity.name, address, "refused", f"{right} is missing")


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency that lets in who has a right, as a `Principal` cut to where they have it.

    Attributes:
        right: which.
        others: any of these does as well; the principal is cut to where they have one of them.
        of_centre: what is asked lies in no place: the right must be had everywhere.
    """

    right: Right
    of_centre: bool = False
    others: tuple[Right, ...] = ()

    async def __call__(self, request: Request) -> Principal:
        identity = identity_of(request)
        scope = identity.scope_of(self.right)
        if self.others:
            found = [identity.scope_of(right) for right in (self.right, *self.others)]
            given = [each for each in found if each is not None]
            scope = joined(given) if given else None
        if scope is None:
            await _note(request, identity, self.right)
            raise HTTPException(403, f"the right {self.right} is missing; an administrator can give it")
        if self.of_centre and not scope.is_everywhere:
            await _note(request, identity, self.right)
            raise HTTPException(403, f"the right {self.right} is needed everywhere; it is given for some places only")
        return Principal(identity.name, scope)


async def _nobody() -> None:
    """Needs no right: it tells nothing of any site."""


async def _somebody(request: Request) -> Identity:
    """Needs nothing but that they are known: it is about themselves."""
    return identity_of(request)


OPEN = Depends(_nobody)
"""For a route that answers everybody."""
KNOWN = Depends(_somebody)
"""For a route that is about who asks."""
Anybody = Annotated[Identity, KNOWN]


def needs(right: Right, *others: Right, of_centre: bool = False) -> Any:
    """What a handler is annotated with, to be told who asks; `OPEN` is for those that answer everybody."""
    return Depends(Needs(right, of_centre, others))


def right_of(dependant: Dependant) -> Right | str | None:
    """What a route needs: a right, None where it is open, empty where it says nothing."""
    said: Right | str | None = ""
    for each in dependant.dependencies:
        if isinstance(each.call, Needs):
            return each.call.right
        said = None if each.call in (_nobody, _somebody) else right_of(each) or said
    return said


Alerts = Annotated[Principal, needs(Right.ALERTS_READ)]
Handles = Annotated[Principal, needs(Right.ALERTS_HANDLE)]
Corrects = Annotated[Principal, needs(Right.ALERTS_CORRECT)]
Pictures = Annotated[Principal, needs(Right.PICTURES_SEE)]
Record = Annotated[Principal, needs(Right.RECORD_READ)]
Boxes = Annotated[Principal, needs(Right.BOXES_READ)]
Arms = Annotated[Principal, needs(Right.LINES_ARM)]
Draws = Annotated[Principal, needs(Right.LINES_DRAW)]
Accepts = Annotated[Principal, needs(Right.SITES_ACCEPT)]
Maintains = Annotated[Principal, needs(Right.MAINTENANCE_PLAN)]
Places = Annotated[Principal, needs(Right.PLACES_READ)]
ChangesPlaces = Annotated[Principal, needs(Right.PLACES_CHANGE)]
Devices = Annotated[Principal, needs(Right.DEVICES_READ)]
Enrols = Annotated[Principal, needs(Right.DEVICES_ENROL)]
Revokes = Annotated[Principal, needs(Right.DEVICES_REVOKE)]
Audits = Annotated[Principal, needs(Right.AUDIT_READ, of_centre=True)]
Runs = Annotated[Principal, needs(Right.SYSTEM_READ, of_centre=True)]
ChangesSystem = Annotated[Principal, needs(Right.SYSTEM_CHANGE, of_centre=True)]
SeesPeople = Annotated[Principal, needs(Right.PEOPLE_READ, of_centre=True)]
ChangesPeople = Annotated[Principal, needs(Right.PEOPLE_CHANGE, of_centre=True)]
