"""Files with passwords are for their owner."""

import os
from pathlib import Path

import pytest

from shared.files import read_by_others


@pytest.mark.parametrize(("mode", "said"), [(0o600, None), (0o644, "everybody"), (0o604, "everybody")])
def test_who_else_can_read_it(mode: int, said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.touch()
    path.chmod(mode)
    found = read_by_others(path)
    assert (found is None) == (said is None)
    assert said is None or (said in str(found) and "chmod 6" in str(found))


def test_a_service_may_read_what_root_has_written(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.touch()
    path.chmod(0o640)
    assert (read_by_others(path) is None) == (os.geteuid() == 0)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        assert "its group" in str(read_by_others(path))
