"""What each client may do at the broker. Pure: names, topics and the shape of mosquitto's dynamic security.

A box may publish and subscribe what is its own, topic by topic; no pattern stands in its role, and everything that is
not named is denied. Clients have no passwords: the certificate says who they are.
"""

from collections.abc import Iterable
from typing import Any

from shared.events import Lane
from shared.topics import AGGREGATOR_STATE, ROOT, Address, Channel, every_box, shared_by
from shared.trust import SERVICE_PREFIX, common_name

ADMIN = SERVICE_PREFIX + "broker-admin"
AGGREGATOR = SERVICE_PREFIX + "aggregator"
CONTROL = "$CONTROL/dynamic-security/v1"
DEFAULTS = {"publishClientSend": False, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
"""To receive needs no permission of its own: only what was subscribed is received."""

_LANES = {Lane.ALARM: Channel.ALARM, Lane.BULK: Channel.BULK}

Acl = dict[str, Any]


def box_acls(address: Address) -> list[Acl]:
    """What a box may: speak on its own topics, hear what is told to it, and whether the aggregator listens."""
    said = (Channel.ALARM, Channel.BULK, Channel.HEALTH, Channel.STATE)
    heard = (Channel.ACK, Channel.CONFIG, Channel.COMMAND)
    return [
        *(_acl("publishClientSend", address.topic(channel)) for channel in said),
        *(_acl("subscribeLiteral", topic) for topic in (*map(address.topic, heard), AGGREGATOR_STATE)),
    ]


_RETAINED = Channel.STATE, Channel.HEALTH


def aggregator_acls() -> list[Acl]:
    """What the services of the centre may."""
    # A shared subscription is asked for by its whole name.
    shared = [shared_by(f"ingest-{lane.label}", every_box(channel)) for lane, channel in _LANES.items()]
    return [
        *(_acl("subscribeLiteral", topic) for topic in (*shared, AGGREGATOR_STATE)),
        *(_acl("subscribePattern", f"{ROOT}/+/+/{what}") for what in ("up/#", "state")),
        *(_acl("publishClientSend", topic) for topic in (f"{ROOT}/+/+/down/#", AGGREGATOR_STATE)),
    ]


def admin_acls() -> list[Acl]:
    """What the administrator, who manages the others, may: also take away what a box that is gone had retained."""
    topics = "$CONTROL/dynamic-security/#"
    return [
        *(_acl(kind, topics) for kind in ("publishClientSend", "subscribePattern", "publishClientReceive")),
        *(_acl("publishClientSend", every_box(channel)) for channel in _RETAINED),
    ]


def renew_admin() -> list[dict[str, Any]]:
    """Commands for a broker that was started with what an earlier version wrote."""
    return [{"command": "modifyRole", "rolename": ADMIN, "acls": admin_acls()}]


def retained(name: str) -> list[str]:
    """Topics on which a box may have left a message that the broker keeps."""
    site, _, agent = name.partition(".")
    return [Address(site, agent).topic(channel) for channel in _RETAINED]


def initial(boxes: Iterable[Address] = ()) -> dict[str, Any]:
    """What a broker knows when it starts: the services of the centre, and these boxes. The rest is told to it then."""
    services = {AGGREGATOR: aggregator_acls(), ADMIN: admin_acls()}
    services |= {common_name(box): box_acls(box) for box in boxes}
    return {
        "defaultACLAccess": DEFAULTS,
        "clients": [{"username": name, "roles": [{"rolename": name}]} for name in services],
        "groups": [],
        "roles": [{"rolename": name, "acls": acls} for name, acls in services.items()],
    }


def is_box(name: str) -> bool:
    """Whether a client or role is a box's."""
    return not name.startswith(SERVICE_PREFIX) and "." in name


def add_box(address: Address) -> list[dict[str, Any]]:
    """Commands that let a box in."""
    name = common_name(address)
    return [
        {"command": "createRole", "rolename": name, "acls": box_acls(address)},
        {"command": "createClient", "username": name, "roles": [{"rolename": name}]},
    ]


def remove_box(name: str) -> list[dict[str, Any]]:
    """Commands that put a box out: its session ends, and nothing that it may do is left."""
    return [{"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}]


def renew_box(address: Address) -> list[dict[str, Any]]:
    """Commands that end a box's session and let it in again."""
    return [*remove_box(common_name(address)), *add_box(address)]


def difference(
    wanted: Iterable[Address], clients: dict[str, list[str]], roles: dict[str, list[Acl]]
) -> tuple[list[list[dict[str, Any]]], int, int]:
    """What to tell a broker so that it knows exactly these boxes.

    Args:
        wanted: who shall get in.
        clients: the broker's clients and the names of their roles.
        roles: the broker's roles and what they allow.

    Returns:
        Commands by the box, how many are let in, and how many put out.
    """
    commands, added, removed = list[list[dict[str, Any]]](), 0, 0
    names = {common_name(address): address for address in wanted}
    for name, address in sorted(names.items()):
        if clients.get(name) == [name] and _same(roles.get(name), box_acls(address)):
            continue
        commands.append([*(_undo(name, clients, roles)), *add_box(address)])
        added += 1
    for name in sorted({each for each in (*clients, *roles) if is_box(each)} - names.keys()):
        commands.append(_undo(name, clients, roles))
        removed += 1
    return commands, added, removed


def _undo(name: str, clients: dict[str, list[str]], roles: dict[str, list[Acl]]) -> list[dict[str, Any]]:
    delete_client, delete_role = remove_box(name)
    return [*([delete_client] if name in clients else []), *([delete_role] if name in roles else [])]


def _same(have: list[Acl] | None, wanted: list[Acl]) -> bool:
    def keys(acls: list[Acl]) -> set[tuple[Any, ...]]:
        return {(acl["acltype"], acl["topic"], acl["allow"]) for acl in acls}

    return have is not None and len(have) == len(wanted) and keys(have) == keys(wanted)


def _acl(kind: str, topic: str) -> Acl:
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
