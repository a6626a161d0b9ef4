"""Files with passwords are for their owner."""

import os
import stat
from pathlib import Path

import pytest

from shared.files import make_folder, read_by_others


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


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_folder_has_the_rights_that_it_is_meant_to_have(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "above" / "data", 0o711)
        make_folder(tmp_path / "above" / "data" / "keys", 0o700)
        (tmp_path / "open").mkdir(mode=0o777)
        make_folder(tmp_path / "open", 0o711)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes.pop("open") & 0o002 == 0, "who may write there could put another folder in its place"
    assert modes == {"above": 0o755, "data": 0o711, "keys": 0o700}
