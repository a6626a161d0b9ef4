"""A fresh site per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.site import Site


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A site that is taken down afterwards; what it said is shown when the test fails."""
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    yield site
    site.close()
    for log in sorted(tmp_path.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
