"""The topic tree (docs/adr/0002): `hl/1/{site}/{agent}/...`; ids stand in the topic, never in the payload."""

from enum import StrEnum
from functools import lru_cache

import msgspec

from shared.errors import ConfigError, WireError
from shared.ids import check_name

ROOT = "hl/1"
_KEPT_LENGTH = 256
"""Topics up to this length are remembered parsed; ours are, and a stranger's long ones shall fill no memory."""
AGGREGATOR_STATE = f"{ROOT}/aggregator/state"
"""Retained marker: boxes send only while it says that an aggregator listens."""


class Channel(StrEnum):
    """What a box and the aggregator tell each other."""

    ALARM = "up/alarm"
    BULK = "up/bulk"
    HEALTH = "up/health"
    STATE = "state"
    ACK = "down/ack"
    CONFIG = "down/config"
    COMMAND = "down/command"


class Address(msgspec.Struct, frozen=True, order=True, gc=False):
    """Who sent or shall get a message. A struct, because ingest looks one up for every event: its hash is made in C."""

    site: str
    agent: str

    def topic(self, channel: Channel) -> str:
        """The topic of one channel of this box."""
        return f"{ROOT}/{self.site}/{self.agent}/{channel.value}"


def every_box(channel: Channel) -> str:
    """A filter that matches one channel of all boxes."""
    return f"{ROOT}/+/+/{channel.value}"


def shared_by(group: str, topic_filter: str) -> str:
    """A shared subscription: each message goes to one member of the group."""
    return f"$share/{group}/{topic_filter}"


def parse(topic: str) -> tuple[Address, Channel]:
    """Take a topic apart.

    Raises:
        WireError: the topic is none of ours.
    """
    return _parse(topic) if len(topic) <= _KEPT_LENGTH else _parse.__wrapped__(topic)


@lru_cache(maxsize=16_384)
def _parse(topic: str) -> tuple[Address, Channel]:
    parts = topic.split("/", 4)
    if len(parts) != 5 or f"{parts[0]}/{parts[1]}" != ROOT:
        raise WireError("topic", f"topic {topic!r} is not {ROOT}/SITE/AGENT/CHANNEL")
    try:
        return Address(check_name(parts[2], "site"), check_name(parts[3], "agent")), Channel(parts[4])
    except (ConfigError, ValueError) as error:
        raise WireError("topic", f"topic {topic!r}: {error}") from None
