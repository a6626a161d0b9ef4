"""Every stored number with the CRC-32 of its event, a page at a time: whoever reads slowly holds no connection."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries("operations.sql")
PAGE_ROWS = 50_000
HEAD = b"site,agent,epoch,lane,seq,crc\n"


def pages(
    connected: Callable[[], AbstractContextManager[Connection]], page_rows: int = PAGE_ROWS
) -> Iterator[bytes]:
    """The ledger as CSV, in the order of bytes, lane by lane.

    Args:
        connected: lends a connection for one page.
        page_rows: at most so many rows at once.
    """
    yield HEAD
    with connected() as connection:
        lanes = connection.execute(SQL["ledger_lanes"]).fetchall()
    for lane in lanes:
        after = 0
        while True:
            with connected() as connection, connection.cursor() as cursor:
                which = {"producer_id": lane["id"], "lane": lane["lane"], "after": after, "limit": page_rows}
                rows = cursor.execute(SQL["ledger_page"], which, prepare=False).fetchone()
            if rows is None or not rows["rows"]:
                break
            yield rows["text"].encode()
            after = rows["last"]
            if rows["rows"] < page_rows:
                break
