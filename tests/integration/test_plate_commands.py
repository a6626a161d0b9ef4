"""`hawkline plate` and `hawkline model`, with the models that are shipped."""

import json
import os
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from shared.commands import build
from shared.errors import ConfigError, HawklineError

TEXTS = {
    "皖A12345": ("blue", "single"),
    "粤BD12345": ("green", "single"),
    "京A1234警": ("white", "single"),
    "冀B1234挂": ("yellow", "double"),
    "粤Z1234港": ("black", "single"),
    "沪A1234学": ("yellow", "single"),
}


def hawkline(*words: str) -> str:
    """Run a command in this process; its standard output."""
    result = CliRunner().invoke(build(), words, catch_exceptions=True)
    if isinstance(result.exception, HawklineError):
        raise result.exception
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout


def write(path: Path, picture: "np.ndarray") -> Path:
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path


@pytest.fixture
def plates(tmp_path: Path, glyph_templates: Path) -> dict[str, Path]:
    """A drawn plate of several kinds, by its text."""
    assert glyph_templates.is_dir()
    made = {text: tmp_path / f"{number}.png" for number, text in enumerate(TEXTS)}
    for text, path in made.items():
        hawkline("plate", "render", text, "--out", str(path))
    return made


def test_what_was_drawn_is_read(plates: dict[str, Path]) -> None:
    lines = hawkline("plate", "read", "--crop", "-o", "json", *(str(path) for path in plates.values())).splitlines()
    for line, (text, path) in zip(lines, plates.items(), strict=True):
        told = json.loads(line)
        assert told["file"] == str(path)
        assert told["ms"] > 0
        (plate,) = told["plates"]
        assert (plate["text"], plate["color"], plate["layout"], plate["valid"]) == (text, *TEXTS[text], True)
        assert plate["score"] > 0.9
        assert len(plate["corners"]) == 4
        assert all(0 <= one["score"] <= plate["score"] for one in plate["alternatives"])


def test_a_scene_has_its_plates_in_order_with_their_corners(plates: dict[str, Path], tmp_path: Path) -> None:
    scene = np.full((720, 1280, 3), 70, np.uint8)
    cv2.rectangle(scene, (300, 200), (760, 560), (150, 40, 30), -1)
    cv2.rectangle(scene, (900, 300), (1200, 560), (200, 200, 200), -1)
    wanted = {"皖A12345": np.array([[420, 440], [600, 452], [598, 512], [418, 498]]), "京A1234警": np.array([])}
    wanted["京A1234警"] = np.array([[1000, 480], [1100, 480], [1100, 514], [1000, 514]])
    for text, corners in wanted.items():
        plate = cv2.imread(str(plates[text]))
        assert plate is not None
        high, wide = plate.shape[:2]
        flat = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        onto = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
        laid = cv2.warpPerspective(plate, onto, (1280, 720), flags=cv2.INTER_AREA)
        mask = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), onto, (1280, 720)) > 127
        scene[mask] = laid[mask]
    scene = cv2.GaussianBlur(scene, (0, 0), 0.8)
    told = json.loads(hawkline("plate", "read", "-o", "json", str(write(tmp_path / "scene.png", scene))))
    assert [plate["text"] for plate in told["plates"]] == ["皖A12345", "京A1234警"]
    for plate, corners in zip(told["plates"], wanted.values(), strict=True):
        high = np.linalg.norm(corners[3] - corners[0])
        assert np.abs(np.array(plate["corners"]) - corners).mean() < 0.2 * high
        left, top, right, bottom = plate["box"]
        assert left < right
        assert top < bottom


def test_the_table_is_for_people(plates: dict[str, Path]) -> None:
    text = hawkline("plate", "read", "--crop", str(plates["皖A12345"]))
    assert text.splitlines()[0].split() == ["FILE", "READ", "TEXT", "SCORE", "COLOR", "LAYOUT", "VALID", "MS"]
    assert "皖A12345" in text


def test_a_picture_without_a_plate(tmp_path: Path) -> None:
    path = write(tmp_path / "wall.png", np.full((480, 640, 3), 120, np.uint8))
    assert json.loads(hawkline("plate", "read", str(path), "-o", "json"))["plates"] == []
    assert "wall.png" in hawkline("plate", "read", str(path))


def huge_png() -> bytes:
    """Seventy bytes that claim to be 40,000 by 40,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = (40_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_what_cannot_be_read_is_told_and_the_rest_is_read(plates: dict[str, Path], tmp_path: Path) -> None:
    text, empty, huge = tmp_path / "text.jpg", tmp_path / "empty.jpg", tmp_path / "huge.png"
    text.write_text("no picture")
    empty.touch()
    huge.write_bytes(huge_png())
    files = [str(text), str(empty), str(tmp_path / "absent.jpg"), str(huge), str(plates["皖A12345"])]
    result = CliRunner().invoke(build(), ["plate", "read", "--crop", "-o", "json", *files])
    assert result.exit_code == 2
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["no picture" in one["error"] for one in told[:2]] == [True, True]
    assert "No such file" in told[2]["error"]
    assert "huge.png" in told[3]["error"]
    assert told[4]["plates"][0]["text"] == "皖A12345"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["皖I12345"], "is no text of GA 36"),
        (["皖A12345", "--kind", "police"], "fits 'small car'"),
        (["皖A12345", "--out", "/nowhere/plate.png"], "No such file"),
    ],
)
def test_what_cannot_be_drawn(words: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        hawkline("plate", "render", *words)


@pytest.mark.usefixtures("glyph_templates")
def test_worn_plates_and_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "plate.png"
    hawkline("plate", "render", "皖A12345", "--kind", "large car rear", "--worn", "--out", str(path))
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (48, 128, 3)


def test_models_are_listed_verified_and_timed() -> None:
    listed = [json.loads(line) for line in hawkline("model", "list", "-o", "json").splitlines()]
    assert {"plate-detector", "plate-recogniser", "reference"} <= {one["name"] for one in listed}
    absent = {one["name"] for one in listed if one["kib"] is None}
    assert absent <= {"objects"}, "which is built, and need not have been"
    verified = [json.loads(line) for line in hawkline("model", "verify", "-o", "json").splitlines()]
    assert {one["name"] for one in verified if one["verdict"] == "not built"} == absent
    assert {one["verdict"] for one in verified if one["name"] not in absent} == {"whole"}
    timed = [json.loads(line) for line in hawkline("model", "bench", "--runs", "3", "-o", "json").splitlines()]
    assert {one["name"]: one["of_reference"] for one in timed}["reference"] == 1


def lane(path: Path, plate: "np.ndarray") -> Path:
    """A video: a dark van with a plate drives from the left to the right of a yard, and is gone."""
    rng = np.random.default_rng(3)
    ground = cv2.GaussianBlur(rng.normal(120, 25, (360, 640, 3)).astype(np.float32), (0, 0), 3) + 20
    van = np.full((170, 240, 3), 60, np.float32)
    cv2.rectangle(van, (20, 15), (220, 80), (110, 100, 90), -1)
    small = cv2.resize(plate, (110, 35), interpolation=cv2.INTER_AREA)
    van[115:150, 65:175] = small
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(200):
            picture = ground + rng.normal(0, 2, ground.shape)
            left = -260 + (number - 50) * 7
            if -240 < left < 640:
                a, b = max(0, left), min(640, left + 240)
                picture[150:320, a:b] = van[:, a - left : b - left]
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="bgr24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def test_what_drives_by_is_told_once(plates: dict[str, Path], tmp_path: Path) -> None:
    plate = cv2.imread(str(plates["皖A12345"]))
    assert plate is not None
    video = lane(tmp_path / "lane.mp4", plate)
    (passage,) = [json.loads(line) for line in hawkline("plate", "watch", str(video), "-o", "json").splitlines()]
    assert passage["text"] == "皖A12345"
    assert passage["read"]
    assert passage["looks"] >= 5
    assert 2 < passage["from_s"] < passage["to_s"] < 8


def test_a_jpeg_that_was_cut_short_is_read_and_said(plates: dict[str, Path], tmp_path: Path) -> None:
    plate = cv2.imread(str(plates["皖A12345"]))
    assert plate is not None
    for progressive in (0, 1):
        options = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
        whole = cv2.imencode(".jpg", plate, options)[1].tobytes()
        paths = [tmp_path / f"{missing}.jpg" for missing in (0, 1, 2, 50)]
        for path in paths:
            path.write_bytes(whole[: len(whole) - int(path.stem)])
        result = CliRunner().invoke(build(), ["plate", "read", "--crop", "-o", "json", *map(str, paths)])
        assert result.exit_code == 0, result.output
        texts = [json.loads(line)["plates"][0]["text"] for line in result.stdout.splitlines()]
        assert texts == ["皖A12345"] * 4
        assert result.stderr.count("ends before its end") == 3


def test_one_bad_name_or_file_ends_nothing(plates: dict[str, Path], tmp_path: Path) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path / "") + b"/\xbe\xa9.png"))
    odd.write_bytes(plates["皖A12345"].read_bytes())
    names = [str(odd), str(tmp_path / ("x" * 300)), str(plates["皖A12345"])]
    for output, lines in (("json", 3), ("csv", 3), ("table", 3)):
        result = CliRunner().invoke(build(), ["plate", "read", "--crop", "-o", output, *names])
        assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.exception
        assert len(result.stdout.splitlines()) == lines
        assert "\\xbe" in result.stdout and "\\xa9.png" in result.stdout
