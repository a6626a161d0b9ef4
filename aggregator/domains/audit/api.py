"""The audit, read by who has to answer for it."""

from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from aggregator.api.dependencies import ConnectionDependency
from aggregator.api.parameters import Label, Moment, moment
from aggregator.api.principal import Audits
from aggregator.store import audit
from aggregator.store.audit import AuditEntry

router = APIRouter(prefix="/api/v1", tags=["audit"])


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries; what is not given means all."""

    who: Label = None
    what: Label = None
    subject: Label = None


@router.get("/audit")
def list_audit(
    who: Audits,  # noqa: ARG001 - all of it is the centre's
    connection: ConnectionDependency,
    asked: Annotated[Filter, Depends()],
    since: Moment = None,
    until: Moment = None,
    before: Annotated[int | None, Query(ge=1, lt=2**62, description="older than this entry")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AuditEntry]:
    """Who changed or looked at what, when, why and from where; the newest first."""
    begin, end = moment("since", since), moment("until", until)
    return audit.entries(connection, **asdict(asked), begin=begin, end=end, before=before, limit=limit)
