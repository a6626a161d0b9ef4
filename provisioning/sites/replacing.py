"""A machine takes the place of a box that broke: the old one is out, the new one has a claim, and what it will need."""

from dataclasses import dataclass
from typing import Any

from aggregator.client.client import ApiClient
from shared.errors import ConfigError
from shared.topics import Address

_IN = "enrolled", "expired"
"""A machine has the place."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of it.

    Attributes:
        claim: of the new machine, as the centre made it; its code is shown this once.
        before: serial number of the machine that is out; empty: none was in.
        passwords: cameras whose passwords it has to be given when it has come in.
        planned: serial number that the plan in force has; empty: none.
    """

    claim: dict[str, Any]
    before: str
    passwords: int
    planned: str


def replace(client: ApiClient, box: Address, serial: str, why: str, hours: int) -> Replaced:
    """Give a box's place to another machine. Its name, history and configuration are the centre's, and stay.

    Args:
        serial: of the new machine.
        why: for the record.
        hours: how long its claim may be used.

    Raises:
        ConfigError: no machine ever had the place, or it is this one; nothing was changed.
    """
    named = {"site": box.site, "agent": box.agent}
    there = next(iter(client.get("/api/v1/devices", named)), None)
    if there is None:
        raise ConfigError(
            f"{box.site}/{box.agent}: no machine ever had this place: hawkline device claim {box.site}/{box.agent} "
            f"--serial {serial}; nothing was changed"
        )
    was_in = there["state"] in _IN
    if was_in and there["serial"] == serial:
        raise ConfigError(f"{box.site}/{box.agent}: is that machine already (serial {serial}); nothing was changed")
    if was_in:
        client.change("POST", f"/api/v1/devices/{box.site}/{box.agent}/revoke", {"why": why})
    claim = client.change("POST", "/api/v1/claims", {**named, "serial": serial, "hours": hours})
    passwords = client.get("/api/v1/camera-passwords", {})
    plans = client.get("/api/v1/plan/versions", {})
    boxes = client.get("/api/v1/plan", {})["sheets"].get("boxes", []) if plans else []
    return Replaced(
        claim=claim,
        before=there["serial"] if was_in else "",
        passwords=sum((row["site"], row["agent"]) == (box.site, box.agent) for row in passwords),
        planned=next(
            (row.get("serial", "") for row in boxes if (row.get("site"), row.get("box")) == (box.site, box.agent)), ""
        ),
    )
