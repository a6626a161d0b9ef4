"""Digital inputs in events of ONVIF: `tns1:Device/Trigger/DigitalInput` and what makers call it. Pure.

Source: ONVIF Core and Device IO specifications; Hikvision's own topic as its cameras send it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

TOPICS = ("Device/Trigger/DigitalInput", "Device/Trigger/AlarmIn")
"""Without prefixes of name spaces: makers invent their own."""
_TOKENS = ("InputToken", "AlarmInToken", "Token", "Source")
_STATES = ("LogicalState", "State", "Value")
_ON, _OFF = frozenset({"true", "1", "on", "active"}), frozenset({"false", "0", "off", "inactive"})


def states_in(messages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Inputs that messages of a pull point tell of, each with its logical state, in order.

    Args:
        messages: with `topic`, `property_operation`, and `source` and `data` as names and values.
    """
    for message in messages:
        topic = "/".join(part.rpartition(":")[2] for part in str(message.get("topic", "")).strip().split("/"))
        if topic not in TOPICS or message.get("property_operation") == "Deleted":
            continue
        source, data = message.get("source"), message.get("data")
        if not isinstance(source, Mapping) or not isinstance(data, Mapping):
            continue
        token = next((str(source[name]) for name in _TOKENS if name in source), None)
        said = next((str(data[name]).strip().lower() for name in _STATES if name in data), None)
        if token is not None and said in _ON | _OFF:
            yield token, said in _ON
