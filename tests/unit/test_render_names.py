"""A path is a path, whatever its name makes FFmpeg think of."""

import os
from pathlib import Path

import numpy as np
import pytest

from edge_agent.render import VideoWriter


@pytest.mark.parametrize("name", ["16:38:41.mp4", "udp:x.mp4", "a%03d.mp4", "北门.mp4", os.fsdecode(b"\xbe\xa9.mp4")])
def test_a_video_is_written_under_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer = VideoWriter(Path(name), 10)
    for _ in range(3):
        writer.add(np.zeros((48, 64, 3), np.uint8))
    writer.close()
    assert Path(name).stat().st_size > 500
    assert len(list(tmp_path.iterdir())) == 1
