"""From the plan in force to what each box watches: built here, passwords sealed here, put at the centre in one step."""

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregator.client.client import ApiClient
from provisioning.sites import work
from provisioning.sites.boxes import CameraKey, Configurations, Key, sendable
from provisioning.sites.centre import newest, plan_from
from shared.errors import ConfigError
from shared.topics import Address
from shared.trust.sealed import seal

CONFIGURATIONS = "/api/v1/configurations"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it.

    Attributes:
        plan: in force.
        changed: boxes that shall watch something else.
        unchanged: those that do already.
        passwords: that were sent.
        known: passwords that were there already, and stay.
        not_come_in: boxes whose passwords cannot be sealed yet.
        drawn: cameras whose lines were drawn at the centre, and stay.
        lacking: cameras with a user whose password is neither in the file nor at the centre.
    """

    plan: int
    changed: int
    unchanged: int
    passwords: int
    known: int
    not_come_in: list[str]
    drawn: list[str]
    lacking: list[str]


def send(
    client: ApiClient,
    passwords: Path | None,
    why: str,
    *,
    anew: bool,
    over_changes: bool,
    over_drawn: bool,
    unrecoverable: bool,
) -> Sent:
    """Have every box of the plan in force watch what the plan says.

    Args:
        passwords: CSV of cameras' passwords.
        why: for the audit.
        anew: passwords that are at the centre already are sent again.
        over_changes: what was changed at boxes gives way.
        over_drawn: so does what was drawn at the centre.
        unrecoverable: passwords are sealed to their boxes alone.

    Raises:
        ConfigError: there is no plan, or no recovery key; or the centre refuses it. Nothing was sent.
    """
    there = newest(client)
    if there is None:
        raise ConfigError("no plan is in force: apply one first (hawkline site apply)")
    plan = plan_from(there["sheets"])
    secrets = work.passwords_of(passwords, plan)
    spare_key = _spare_key(client) if secrets and not unrecoverable else None
    based_on = {(row["site"], row["agent"]): row["number"] for row in client.get(CONFIGURATIONS, {})}
    keys = {(row["site"], row["agent"]): row["key"] for row in client.get("/api/v1/sealing-keys", {})}
    known = {
        (row["site"], row["agent"], row["camera"]): row["opens"] for row in client.get("/api/v1/camera-passwords", {})
    }
    chosen = {name: secret for name, secret in secrets.items() if anew or not known.get(name)}
    sealed = _sealed(chosen, keys, spare_key)
    configurations = Configurations(plan)
    boxes = [
        {
            "site": box.site,
            "agent": box.box,
            "based_on": based_on.get(box.name, 0),
            "files": sendable(configurations.of(box)),
            "passwords": sealed.get(box.name, {}),
        }
        for box in plan.boxes
    ]
    asked = {
        "why": why,
        "plan": there["version"],
        "over_changes": over_changes,
        "keep_drawn": not over_drawn,
        "boxes": boxes,
    }
    done: dict[str, Any] = client.change("PUT", CONFIGURATIONS, asked)
    needing = [camera.name for camera in plan.cameras if camera.user]
    return Sent(
        plan=there["version"],
        changed=done["changed"],
        unchanged=done["unchanged"],
        passwords=done["passwords"],
        known=len(secrets) - len(chosen),
        drawn=done["drawn"],
        not_come_in=sorted({f"{site}/{box}" for site, box, _ in chosen if (site, box) not in keys}),
        lacking=["/".join(name) for name in needing if name not in secrets and name not in known],
    )


def _spare_key(client: ApiClient) -> bytes:
    row = client.get("/api/v1/recovery-key", {})
    if row is None:
        raise ConfigError(
            "there is no recovery key: a box that breaks would take its cameras' passwords with it. Make one: "
            "hawkline configuration recovery-key FILE; or say --without-recovery. Nothing was sent"
        )
    return base64.b64decode(row["key"])


def _sealed(
    secrets: Mapping[CameraKey, str], keys: Mapping[Key, str], spare_key: bytes | None
) -> dict[Key, dict[str, dict[str, str]]]:
    found = defaultdict[Key, dict[str, dict[str, str]]](dict)
    for (site, box, camera), secret in secrets.items():
        if (key := keys.get((site, box))) is None:
            continue
        told = secret, Address(site, box), camera
        found[site, box][camera] = sealed_for(told, base64.b64decode(key), spare_key)
    return found


def sealed_for(told: tuple[str, Address, str], key: bytes, spare_key: bytes | None) -> dict[str, str]:
    """A camera's password as it travels.

    Args:
        told: the password, its box and its camera.
        key: of the box.
        spare_key: for recovery.
    """
    secret, box, camera = told
    sealed, spare = seal(secret, key, box, camera), seal(secret, spare_key, box, camera) if spare_key else b""
    parts = {"sealed": sealed, "sealed_to": key, "spare": spare}
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}
