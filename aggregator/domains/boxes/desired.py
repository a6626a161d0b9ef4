"""The desired state of boxes: which version of each section is wanted, and the process that brings it to them.

No broker is trusted to keep it: a section is sent again until the box's heartbeat answers for its version.
"""

import logging
import ssl
from collections import defaultdict
from uuid import uuid4

from psycopg.rows import class_row

from aggregator.domains.boxes.entities import DesiredSection
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.declarations import domains
from aggregator.store import load_queries
from aggregator.store.database import Connection
from shared import desired
from shared.desired import DesiredState
from shared.envelope import encode_message
from shared.mqtt import Connection as BrokerConnection
from shared.topics import Address, Channel

log = logging.getLogger(__name__)

SQL = load_queries(__package__, "desired.sql")


def want(connection: Connection, box: Address, section: str) -> None:
    """Give a section a new version, in the transaction that changes what it is about; it is sent after that.

    Args:
        section: that a domain declares.
    """
    connection.execute(SQL["want"], {"site": box.site, "agent": box.agent, "section": section})


def sections(connection: Connection, box: Address) -> list[DesiredSection]:
    """What is wanted of a box, and what it says of it."""
    with connection.cursor(row_factory=class_row(DesiredSection)) as cursor:
        return cursor.execute(SQL["sections"], {"site": box.site, "agent": box.agent}).fetchall()


class DesiredSender:
    """Publishes sections that boxes have not answered for."""

    def __init__(self, broker: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._broker = BrokerConnection(
            f"desired-{uuid4().hex[:8]}",
            *broker,
            subscriptions=[],
            on_message=lambda _message: None,
            on_up=lambda: None,
            on_down=lambda _reason: None,
            tls=tls,
        )

    def start(self) -> None:
        """Connect to the broker."""
        self._broker.start()

    def stop(self) -> None:
        """Leave the broker."""
        self._broker.stop()

    def turn(self, connection: Connection) -> None:
        """Send what is due. Without a broker it waits; that boxes are not heard is told by others."""
        if not self._broker.is_up:
            return
        due = defaultdict[Address, dict[str, int]](dict)
        for row in connection.execute(SQL["due"]).fetchall():
            due[Address(row["site"], row["agent"])][row["section"]] = int(row["version"])
        for box, versions in due.items():
            # One moment for all: a version must not go with what is newer than it, or older.
            with connection.transaction():
                state = compose(connection, box, versions)
            if self._broker.publish(box.topic(Channel.COMMAND), encode_message(state), qos=1) is None:
                return  # its queue is full, or it is gone: the next turn goes on here
            for section, version in versions.items():
                which = {"site": box.site, "agent": box.agent, "section": section, "version": version}
                connection.execute(SQL["sent"], which)
                log.info("box %s/%s is sent section %s, version %d", box.site, box.agent, section, version)


def turns(work: JobContext) -> Turn:
    """The job."""
    sender = DesiredSender(work.settings.broker_address, work.broker_tls())
    sender.start()
    work.ending.callback(sender.stop)
    return sender.turn


def compose(connection: Connection, box: Address, versions: dict[str, int]) -> DesiredState:
    """What is sent to a box.

    Args:
        versions: of the sections that it shall hear of; one that no domain declares any more is left out.
    """
    declared = domains().sections
    bodies = {name: declared[name](connection, box) for name in versions if name in declared}
    state = DesiredState(sections=tuple(desired.section(name, versions[name], body) for name, body in bodies.items()))
    arming = bodies.get(desired.ARMING)
    if not isinstance(arming, desired.Arming):
        return state
    return DesiredState(versions[desired.ARMING], arming.lines, state.sections)  # for a box of 0.1
