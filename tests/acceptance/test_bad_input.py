"""Bad input through the real command: one line that names file, key and expectation, exit code 2, no traceback."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.cli import app as aggregator_app
from edge_agent.cli import app as agent_app
from shared.net import pick_free_port
from tests.integration.commands import told

BAD = Path(__file__).parents[1] / "fixtures" / "bad"


def hawkline(*arguments: object, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    for part in said:
        assert part in errors[0]


def said(text: str, fault: Path) -> None:
    """By a command in this process: the test below of a missing file shows that a process of its own says the same."""
    assert text.count("error: ") == 1, text
    assert str(fault) in text
    assert expected(fault) in text


def faults(kind: str) -> list[Path]:
    return sorted(path for path in (BAD / kind).glob("*.toml") if path.read_text().startswith("# expect: "))


def expected(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("# expect: ")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Enough of a file to get past its existence; scenes are read first."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"not a video")
    return path


@pytest.mark.parametrize("fault", faults("scene"), ids=lambda path: path.stem)
def test_scene(fault: Path, video: Path) -> None:
    said(told(agent_app, "replay", video, "--scene", fault, "-o", "json", code=2), fault)


@pytest.mark.parametrize("fault", faults("agent"), ids=lambda path: path.stem)
def test_agent(fault: Path) -> None:
    text = told(agent_app, "run", "--config", fault, code=2)
    said(text, fault)
    assert "s3cret" not in text


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Path]:
    """Configurations that are read in full make their data directory beside themselves: not in the source tree."""
    shutil.copytree(BAD / "aggregator", tmp_path / "aggregator")
    yield tmp_path / "aggregator"


@pytest.mark.parametrize("name", [path.name for path in faults("aggregator")])
def test_aggregator(name: str, copied: Path) -> None:
    fault = copied / name
    if name == "database-absent.toml":  # told by what was begun already
        refused(hawkline("aggregator", "run", "--config", fault), expected(fault))
    else:
        said(told(aggregator_app, "run", "--config", fault, code=2), fault)


def test_broker_absent(tmp_path: Path) -> None:
    config = tmp_path / "aggregator.toml"
    tmp_path.chmod(0o755)
    config.write_text(f'data_dir = "data"\n[broker]\nkind = "other"\nport = 1\n[api]\nport = {pick_free_port()}\n')
    refused(hawkline("aggregator", "run", "--config", config), str(config), "broker.port", "no broker answers")
    assert hawkline("aggregator", "remove", "--config", config, "--yes").returncode == 0, "the database was begun"


@pytest.mark.parametrize("key", ["api", "broker"])
def test_port_in_use(key: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "aggregator.toml"
        config.write_text(f'data_dir = "data"\n[{key}]\nport = {port}\n')
        refused(hawkline("aggregator", "run", "--config", config), f"{key}.port = {port}", "another program listens")


def test_missing_video(tmp_path: Path) -> None:
    done = hawkline("agent", "replay", tmp_path / "nowhere.mp4", "--scene", BAD / "agent" / "scene.toml", "-o", "json")
    refused(done, "VIDEO", "nowhere.mp4", "no such file")


def test_not_a_video(video: Path) -> None:
    done = hawkline("agent", "replay", video, "--scene", BAD / "agent" / "scene.toml", "-o", "json")
    refused(done, "VIDEO", "not a video")


def test_missing_file() -> None:
    refused(hawkline("agent", "run", "--config", "/nowhere/agent.toml"), "/nowhere/agent.toml", "cannot be read")


def test_demo_needs_video_and_scene_together(video: Path) -> None:
    refused(hawkline("demo", "run", "--video", video), "--video and --scene belong together")


def test_check_names_what_does_not_answer(tmp_path: Path) -> None:
    shutil.copy(BAD / "agent" / "scene.toml", tmp_path / "scene.toml")
    config = tmp_path / "agent.toml"
    config.write_text(
        'site = "s"\nagent = "a"\ndata_dir = "d"\n[broker]\nport = 1\n[[cameras]]\nname = "c"\nscene = "scene.toml"\n'
        '[cameras.source]\nkind = "rtsp"\nurl = "rtsp://op:s3cret@127.0.0.1:1/x"\n'
    )
    done = hawkline("agent", "check", "--config", config)
    refused(done, str(config))
    assert "127.0.0.1:1 does not answer" in done.stdout
    assert "cameras[0].source" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("agent", "run", "--config"), ("aggregator", "run", "--config")])
def test_file_in_another_encoding_is_said_so(command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "gbk.toml"
    path.write_bytes('site = "北门"\n'.encode("gbk"))
    refused(hawkline(*command, path), str(path), "not UTF-8")


def test_byte_order_mark_is_no_fault(video: Path, tmp_path: Path) -> None:
    scene = tmp_path / "bom.toml"
    scene.write_bytes(b"\xef\xbb\xbf" + (BAD / "agent" / "scene.toml").read_bytes())
    refused(hawkline("agent", "replay", video, "--scene", scene), "not a video")
