"""What arrives over MQTT, whichever client brought it."""

from typing import NamedTuple


class Message(NamedTuple):
    """What arrived, and when by our wall clock."""

    topic: str
    payload: bytes
    retained: bool
    received_at_s: float


class Will(NamedTuple):
    """What the broker says for us when we vanish, retained and at QoS 1."""

    topic: str
    payload: bytes
