"""What several unit tests of the edge start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.uplink.outbox import Outbox
from shared.clock import ManualClock, SystemClock


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", SystemClock(), max_bytes=10_000_000)
    yield outbox
    outbox.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
