"""What arrives over MQTT, whichever client brought it."""

from typing import NamedTuple


class Message(NamedTuple):
    """What arrived, and when by our wall clock."""

    topic: str
    payload: bytes
    retained: bool
    received_at_s: float
