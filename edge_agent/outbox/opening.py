"""Opens the box's outbox: on its card, or where that takes no writes, in memory until it does."""

import logging
from pathlib import Path

from edge_agent.outbox.card import Refusal
from edge_agent.outbox.intake import MEMORY_BYTES
from edge_agent.outbox.outbox import Outbox
from edge_agent.outbox.store import CardRefusesError
from shared.clock import Clock, to_ms

log = logging.getLogger(__name__)


def open_outbox(path: Path, clock: Clock, max_bytes: int) -> Outbox:
    """The outbox at a path; on a card that refuses writes one in memory, under an epoch of this life.

    Raises:
        UnavailableError: something else is wrong, which somebody must mend: another agent, a folder that is none.
    """
    try:
        return Outbox(path, clock, max_bytes=max_bytes)
    except CardRefusesError as error:
        log.error("%s; everything is kept in memory until the card takes writes again", error)
        refusal = Refusal(f"the card refuses writes: {error.reason}", to_ms(clock.now_s()))
        outbox = Outbox(None, clock, max_bytes=MEMORY_BYTES, in_place_of_card=refusal)
        outbox.pin(1)  # the configuration, which the others refer to
        return outbox


def takes_writes(path: Path, clock: Clock, max_bytes: int) -> bool:
    """Whether the outbox at a path can be opened and closed in order; it is not to be open."""
    try:
        Outbox(path, clock, max_bytes=max_bytes).close()
    except CardRefusesError:
        return False
    return True
