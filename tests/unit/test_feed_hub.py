"""Many pages at once: none of them asks the database for what lies in memory, nor for what another one is asking."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from aggregator.feed.hub import FeedHub
from aggregator.feed.message import Message
from aggregator.store import Database

PAGES = 200


class Everything:
    """Hears all."""

    cuts = False

    def hear(self, message: Message) -> bytes:
        return message.whole


ALL = Everything()


def message(number: int, content: bytes) -> Message:
    return Message(number, "alert", None, (), content, content)


class Log:
    """A database whose log ends at number 10; counts who connects to it."""

    def __init__(self, failing: int = 0) -> None:
        self.connected: Counter[str] = Counter()
        self._failing = failing

    @contextmanager
    def connect(self, name: str, *, autocommit: bool) -> Iterator["Log"]:
        assert autocommit
        self.connected[name] += 1
        yield self

    def execute(self, _query: object, _values: object = None) -> "Log":
        time.sleep(0.02)
        if self._failing:
            self._failing -= 1
            raise ConnectionError
        return self

    def fetchone(self) -> dict[str, int]:
        return {"oldest": 1, "newest": 10}


async def opened(hub: FeedHub) -> tuple[bytes, Any]:
    stream = hub.stream(None, ALL)
    return await anext(stream), stream


def test_a_hole_in_the_numbers_sends_nobody_to_the_database() -> None:
    """Number 11 went with a transaction that failed: every page opened a connection of its own, and all waited."""
    log = Log()

    async def run() -> None:
        hub = FeedHub(cast("Database", log))
        hub._loop = asyncio.get_running_loop()
        hub._begin(10)
        pages = await asyncio.gather(*(opened(hub) for _ in range(PAGES)))
        assert all(b"id: 10\n" in head for head, _ in pages)
        hub._extend([message(12, b"twelve")])
        assert {await anext(stream) for _, stream in pages} == {b"twelve"}
        for number in range(13, 13 + 2_500):  # more than the ring holds
            hub._extend([message(number, b"")])
        assert hub._whole_above == hub._ring[0][0] - 1

    asyncio.run(run())
    assert log.connected["feed-page"] == 0
    assert log.connected["feed-bounds"] <= 2


@pytest.mark.parametrize("failing", [1, 3])
def test_a_question_that_fails_answers_nobody(failing: int) -> None:
    log = Log(failing)

    async def run() -> list[Any]:
        hub = FeedHub(cast("Database", log))
        hub._loop = asyncio.get_running_loop()
        return await asyncio.gather(*(opened(hub) for _ in range(20)), return_exceptions=True)

    pages = asyncio.run(run())
    assert sum(isinstance(page, ConnectionError) for page in pages) == failing
    assert all(b"id: 10\n" in page[0] for page in pages if isinstance(page, tuple))


def test_a_follower_that_is_slower_than_the_end_of_the_process_ends_quietly() -> None:
    """The loop is closed while it still asks the database: what it then finds has no page to go to."""
    hub = FeedHub(cast("Database", Log()))
    loop = asyncio.new_event_loop()
    hub._loop = loop
    hub.stop()
    loop.close()
    hub._serve(cast("Any", Log()))


def test_a_loop_that_ends_without_a_word_is_no_quiet_end() -> None:
    hub = FeedHub(cast("Database", Log()))
    loop = asyncio.new_event_loop()
    hub._loop = loop
    loop.close()
    with pytest.raises(RuntimeError):
        hub._serve(cast("Any", Log()))
