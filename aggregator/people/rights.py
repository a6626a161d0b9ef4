"""What somebody may be allowed to do. Every route of the API names one of these, or says that it is open."""

from enum import StrEnum


class Right(StrEnum):
    """A right; each holds for a part of the tree of places."""

    ALERTS_READ = "alerts.read"
    ALERTS_HANDLE = "alerts.handle"
    """Acknowledge, clear, take a verdict back at once."""
    ALERTS_CORRECT = "alerts.correct"
    """Give an alert that was cleared another verdict."""
    PICTURES_SEE = "pictures.see"
    RECORD_READ = "record.read"
    """Events, counts and the proof that none is missing."""
    BOXES_READ = "boxes.read"
    """Boxes, cameras and sensors, and how they do."""
    LINES_ARM = "lines.arm"
    LINES_DRAW = "lines.draw"
    """Draw lines, zones and masks on a camera's newest picture, and send them to its box."""
    MAINTENANCE_PLAN = "maintenance.plan"
    """What is worked on rings nobody."""
    SITES_ACCEPT = "sites.accept"
    """Record that lines, lanes and sensors of a site were tried, and what is still wrong with them."""
    PLACES_READ = "places.read"
    PLACES_CHANGE = "places.change"
    DEVICES_READ = "devices.read"
    DEVICES_ENROL = "devices.enrol"
    DEVICES_REVOKE = "devices.revoke"
    LISTS_REQUEST = "lists.request"
    LISTS_APPROVE = "lists.approve"
    LISTS_APPROVE_LONG = "lists.approve-long"
    """Also those that last longer than thirty days."""
    CORDONS_START = "cordons.start"
    """A plate at checkpoints around a place, at once; who may approve lists confirms it within half an hour."""
    PLATES_SEE = "plates.see"
    AUDIT_READ = "audit.read"
    SYSTEM_READ = "system.read"
    """Of the centre itself: jobs, figures, deliveries, what could not be understood."""
    SYSTEM_CHANGE = "system.change"
    PEOPLE_READ = "people.read"
    PEOPLE_CHANGE = "people.change"
    """Accounts, their roles, keys for programs."""


ALL = frozenset(Right)
NOT_OF_ADMINISTRATORS = frozenset(
    {
        Right.PICTURES_SEE,
        Right.LINES_DRAW,
        Right.PLATES_SEE,
        Right.LISTS_REQUEST,
        Right.LISTS_APPROVE,
        Right.LISTS_APPROVE_LONG,
    }
    | {Right.CORDONS_START}
)
"""Who runs the system does not look into it, and does not decide whom it watches for."""

OF_ALERTS = frozenset({Right.ALERTS_READ, Right.ALERTS_HANDLE, Right.ALERTS_CORRECT, Right.PICTURES_SEE})
"""Those that can be given for some kinds of alerts only."""

_SEES = {Right.ALERTS_READ, Right.BOXES_READ, Right.PLACES_READ}
_OPERATES = {*_SEES, Right.ALERTS_HANDLE, Right.PICTURES_SEE, Right.RECORD_READ}

ROLES: dict[str, frozenset[Right]] = {
    "operator": frozenset(_OPERATES),
    "shift-leader": frozenset(
        {*_OPERATES, Right.ALERTS_CORRECT, Right.LINES_ARM, Right.MAINTENANCE_PLAN, Right.CORDONS_START}
    ),
    "maintenance": frozenset(
        {*_SEES, Right.RECORD_READ, Right.MAINTENANCE_PLAN, Right.DEVICES_READ, Right.SITES_ACCEPT}
    ),
    "planner": frozenset(
        {*_SEES, Right.RECORD_READ, Right.PLACES_CHANGE, Right.LINES_ARM, Right.LINES_DRAW, Right.SITES_ACCEPT}
        | {Right.DEVICES_READ, Right.DEVICES_ENROL, Right.DEVICES_REVOKE}
    ),
    "list-requester": frozenset({Right.PLACES_READ, Right.LISTS_REQUEST, Right.CORDONS_START, Right.PLATES_SEE}),
    # On whose feed a cordon waits.
    "list-approver": frozenset({Right.PLACES_READ, Right.ALERTS_READ, Right.LISTS_APPROVE, Right.PLATES_SEE}),
    "auditor": frozenset({Right.AUDIT_READ, Right.PEOPLE_READ, Right.PLACES_READ}),
    "administrator": ALL - NOT_OF_ADMINISTRATORS,
}
"""Those that everybody has; an installation may have more of its own."""
