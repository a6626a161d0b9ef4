"""Sends boxes what operators ordered. No broker is trusted to keep it: a box that is back is sent it again."""

import logging
import ssl
import threading
import time
from uuid import uuid4

from aggregator.store import Database, load_queries
from aggregator.store.database import Connection as DatabaseConnection
from shared.envelope import encode_message
from shared.events import ArmingOrder, Order
from shared.mqtt import Connection
from shared.threads import start_vital
from shared.topics import Address, Channel

log = logging.getLogger(__name__)

SQL = load_queries("arming.sql")
_LOOK_S = 0.5


class OrderSender:
    """Publishes each box's newest order, again until the box's heartbeat says that it obeys."""

    def __init__(self, database: Database, broker: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._broker = Connection(
            f"orders-{uuid4().hex[:8]}",
            *broker,
            subscriptions=[],
            on_message=lambda _message: None,
            on_up=lambda: None,
            on_down=lambda _reason: None,
            tls=tls,
        )

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._broker.start()
        start_vital("orders", self._run)

    def stop(self) -> None:
        """Send no more."""
        self._stopping.set()
        self._broker.stop()

    def _run(self) -> None:
        self._database.keep_serving("orders", self._serve, autocommit=True)

    def _serve(self, connection: DatabaseConnection) -> None:
        while not self._stopping.is_set():
            if self._broker.is_up:
                self._send_some(connection)
            time.sleep(_LOOK_S)

    def _send_some(self, connection: DatabaseConnection) -> None:
        for row in connection.execute(SQL["due_orders"]).fetchall():
            address, version = Address(row["site"], row["agent"]), int(row["version"])
            where = {"site": address.site, "agent": address.agent}
            entries = tuple(
                ArmingOrder(entry["camera"], entry["name"], entry["armed"])
                for entry in connection.execute(SQL["arming"], where).fetchall()
                if entry["armed"] is not None
            )
            self._broker.publish(address.topic(Channel.COMMAND), encode_message(Order(version, entries)), qos=1)
            connection.execute(SQL["order_sent"], {**where, "version": version})
            log.info("box %s/%s is sent order %d", address.site, address.agent, version)
