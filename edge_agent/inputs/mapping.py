"""What a message of a sensor says, by the rule of its wire: Zigbee2MQTT, rtl_433, and whatever else sends JSON."""

import json
from typing import Any

from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import Message, Said

_MOST_BYTES = 16 * 1024
_LOW_PERCENT = 10
_TRUE = frozenset({"true", "1", "on", "yes"})


class MessageError(ValueError):
    """The message cannot be read; the text says why, and nothing of what stands in it."""


def reading_of(payload: bytes, wire: Message, before: Circuit) -> Reading | None:
    """What a message means for a sensor; None where it is another's.

    Args:
        payload: the message.
        wire: its rule.
        before: how the sensor is so far: a message that says nothing of it leaves it so.

    Raises:
        MessageError: it is too long, is no JSON, or has something else where its state should stand.
    """
    if len(payload) > _MOST_BYTES:
        raise MessageError(f"{len(payload)} bytes, expected {_MOST_BYTES} at most")
    try:
        text = payload.decode()
        body: Any = json.loads(text) if text[:1] in '{["' or wire.field or wire.match else text.strip()
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise MessageError("is no JSON") from None
    if any(not _same(_at(body, key), value) for key, value in wire.match.items()):
        return None
    battery = battery_low(body)
    if is_true(_at(body, "tamper")):
        return Reading(Circuit.TAMPER, "its cover is open", battery)
    found = _at(body, wire.field) if wire.field else body
    if found is None:
        # A message about its battery alone says nothing of one that was never heard.
        return Reading(before, "", battery) if before in (Circuit.NORMAL, Circuit.ACTIVE) else None
    if any(_same(found, value) for value in _several(wire.alarm)):
        return Reading(Circuit.ACTIVE, "", battery)
    if wire.normal is not None and not any(_same(found, value) for value in _several(wire.normal)):
        raise MessageError(f"has neither alarm nor normal in {wire.field or 'it'}")
    return Reading(Circuit.NORMAL, "", battery)


def is_offline(payload: bytes) -> bool | None:
    """What a message about availability says; None where it says neither."""
    try:
        text = payload.decode()
        body = json.loads(text) if text[:1] == "{" else {"state": text.strip()}
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    state = body.get("state") if isinstance(body, dict) else None
    return {"online": False, "offline": True}.get(state) if isinstance(state, str) else None


def _at(body: Any, path: str) -> Any:
    """The part of a JSON body that a path with points names; None where there is none."""
    for key in path.split("."):
        if isinstance(body, list) and key.isdecimal() and len(key) < 4 and int(key) < len(body):
            body = body[int(key)]
        elif isinstance(body, dict):
            body = body.get(key)
        else:
            return None
    return body


def _several(said: Said | tuple[Said, ...]) -> tuple[Said, ...]:
    return said if isinstance(said, tuple) else (said,)


def _same(found: Any, wanted: Said) -> bool:
    """Whether they are the same; a text and a number may be, for messages write either."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        if isinstance(found, bool) and isinstance(wanted, bool):
            return found is wanted
        return isinstance(found, str) and isinstance(wanted, bool) and found.lower() == str(wanted).lower()
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return found == wanted
    return isinstance(found, str | int | float) and str(found) == str(wanted)


def is_true(found: Any) -> bool:
    """Whether a value of a message says yes, in any of the ways that gateways have."""
    return found is True or (isinstance(found, int | float) and found == 1) or str(found).lower() in _TRUE


def battery_low(body: Any) -> bool | None:
    """Whether its battery is low, as Zigbee2MQTT and rtl_433 say it; None where nothing is said."""
    if not isinstance(body, dict):
        return None
    if "battery_low" in body:
        return is_true(body["battery_low"])
    if "battery_ok" in body:
        return not is_true(body["battery_ok"])
    percent = body.get("battery")
    if isinstance(percent, int | float) and not isinstance(percent, bool):
        return percent <= _LOW_PERCENT
    return None
