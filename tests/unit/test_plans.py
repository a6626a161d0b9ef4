"""Plans of sites: what is wrong is found in its cell, and nothing else; what is right becomes files that boxes read."""

import csv
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from typer.testing import CliRunner

from edge_agent.config import AgentSettings
from provisioning.lab.sites.district import MISTAKES, Sheets, district, planted
from provisioning.sites import codes
from provisioning.sites.boxes import Configurations
from provisioning.sites.checks import check
from provisioning.sites.cli import app
from provisioning.sites.coordinates import Position, distance_m, gcj_of, wgs_of
from provisioning.sites.plan import SHEETS, plan_of
from provisioning.sites.tables import Fault, read_sheets
from provisioning.sites.words import Language, language_of
from provisioning.sites.workbook import write_plan
from shared.errors import ConfigError, HawklineError
from shared.scene import Scene
from shared.settings import parse_toml

PART = 0.02


def written(tmp_path: Path, sheets: Sheets, name: str = "plan.xlsx", language: Language = Language.ENGLISH) -> Path:
    path = tmp_path / name
    write_plan(path, sheets.by_key(), language)
    return path


def faults_of(path: Path) -> list[Fault]:
    plan, faults = plan_of(read_sheets(path))
    return [*faults, *check(plan)]


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(done.exception, HawklineError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.mark.parametrize("name", ["plan.xlsx", "plan"])
@pytest.mark.parametrize("language", list(Language))
def test_a_plan_in_which_nothing_is_wrong(name: str, language: Language, tmp_path: Path) -> None:
    sheets = district(3, PART)
    path = written(tmp_path, sheets, name, language)
    plan, faults = plan_of(read_sheets(path))
    assert faults == []
    assert check(plan) == []
    assert [len(plan.entries(sheet)) for sheet in SHEETS] == [len(rows) for rows in sheets.by_key().values()]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what[:60])
def test_each_mistake_is_found_where_it_was_made_and_no_other(mistake: object, tmp_path: Path) -> None:
    sheets = district(3, PART)
    at = mistake.make(sheets)  # type: ignore[attr-defined]
    (fault,) = faults_of(written(tmp_path, sheets))
    column = next(sheet for sheet in SHEETS if sheet.key == fault.cell.sheet).columns[fault.cell.column - 1]
    assert (fault.cell.sheet, column.key, fault.cell.row) == (mistake.sheet, mistake.column, at + 2)  # type: ignore[attr-defined]
    assert fault.expected.en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in fault.expected.zh)


@pytest.mark.parametrize("name", ["plan.xlsx", "plan"])
def test_all_at_once(name: str, tmp_path: Path) -> None:
    sheets = district(5, 0.06)  # room for all of them
    wanted = sorted(planted(sheets))
    assert len(wanted) >= 40
    found = faults_of(written(tmp_path, sheets, name))
    heads = {sheet.key: [column.key for column in sheet.columns] for sheet in SHEETS}
    told = sorted((f.cell.sheet, heads[f.cell.sheet][f.cell.column - 1], f.cell.row) for f in found)
    assert set(wanted) - set(told) == set(), "missed"
    assert set(told) - set(wanted) == set(), "invented"
    assert told == wanted


def test_the_command_tells_sheet_cell_value_and_expectation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = district(3, PART)
    sheets.cameras[2]["mounted"] = "更衣室"
    path = written(tmp_path, sheets)
    (row,) = csv.DictReader(run("check", path, "-o", "csv", code=1).splitlines())
    letter = get_column_letter([column.key for column in SHEETS[3].columns].index("mounted") + 1)
    assert (row["sheet"], row["cell"], row["value"]) == ("cameras", f"{letter}4", "更衣室")
    assert "decree 799" in row["expected"]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (row,) = csv.DictReader(run("check", path, "-o", "csv", code=1).splitlines())
    assert "第八条" in row["expected"]
    with pytest.raises(ConfigError, match=rf"cameras {letter}4 '更衣室'.*没有写入任何内容"):
        run("build", path, "--to", tmp_path / "boxes")
    assert not (tmp_path / "boxes").exists()


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    sheets = district(3, PART)
    sheets.cameras[2]["url"] = "rtsp://admin:hunter2@10.1.2.3/small"
    path = written(tmp_path, sheets)
    told = run("check", path, "-o", "csv", code=1)
    assert "user and password stand in it" in told
    assert "hunter2" not in told
    with pytest.raises(ConfigError) as refused:
        run("build", path, "--to", tmp_path / "boxes")
    assert "hunter2" not in str(refused.value)


def test_what_a_spreadsheet_does_to_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, district(3, PART))
    book = openpyxl.load_workbook(path)
    page = book["cameras"]
    column = [cell.value for cell in page[1]].index("code") + 1
    page.cell(2, column, 51030200001322000041).number_format = "General"
    book["places"].cell(2, 2, 4711)  # a title that is a number
    book.save(tmp_path / "numbers.xlsx")
    (fault,) = faults_of(tmp_path / "numbers.xlsx")
    assert fault.cell.where == f"{get_column_letter(column)}2"
    assert "make the column text" in fault.expected.en


def test_heads_that_are_not_those_of_a_plan(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "places.csv").write_text("place,titel\nnorth,x\n")
    (folder / "boxes.csv").write_text("site\nnorth\n")
    (folder / "notes.csv").write_text("whatever\n1\n")
    told = {(fault.cell.sheet, fault.cell.where): fault.expected.en for fault in faults_of(folder)}
    assert told["places", "B1"].startswith("unknown column")
    assert told["boxes", "B1"] == "columns are missing: box"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("plan.xlsx", b"PK\x03\x04 no", "is no workbook"),
        ("plan.xls", b"\xd0\xcf\x11\xe0", "is no workbook"),
        ("plan.csv", b"a,b", "name the folder"),
        ("nothing.xlsx", None, "cannot be read"),
    ],
)
def test_what_is_no_plan_is_said_so(name: str, content: bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        run("check", tmp_path / name)


def test_a_new_workbook_is_a_plan_and_becomes_files_that_a_box_reads(tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    run("init", path, "--lang", "zh")
    with pytest.raises(ConfigError, match="is there already"):
        run("init", path)
    assert run("check", path, "-o", "csv") == "sheet,cell,value,expected\n"
    secrets = tmp_path / "passwords.csv"
    secrets.write_text("site,box,camera,password\nnorth,gate-1,gate,p@ss:word\nnorth,gate-1,fence,x\n")
    door = "https://alarm.example.org:8421"
    run("build", path, "--to", tmp_path / "boxes", "--door", door, "--passwords", secrets)
    box = tmp_path / "boxes" / "north" / "gate-1"
    settings = parse_toml((box / "agent.toml").read_text(), AgentSettings, "agent.toml")
    assert settings.trust
    assert settings.trust.url == door
    assert [camera.name for camera in settings.cameras] == ["gate", "fence"]
    assert settings.cameras[0].source.url == "rtsp://hawkline:p%40ss%3Aword@10.1.2.3/small"  # type: ignore[union-attr]
    assert [sensor.name for sensor in settings.sensors] == ["front door"]
    scene = parse_toml((box / "scene-gate.toml").read_text(), Scene, "gate")
    assert [line.name for line in scene.tripwires] == ["大门"]
    assert (box / "agent.toml").stat().st_mode & 0o077 == 0


def test_every_box_of_a_district_gets_files_that_it_reads() -> None:
    sheets = district(7, PART)
    plan, _ = plan_of([_sheet(key, rows) for key, rows in sheets.by_key().items()])
    configurations, lanes = Configurations(plan), 0
    for box in plan.boxes:
        files = configurations.of(box)
        settings = parse_toml(files.agent, AgentSettings, "agent.toml")
        lanes += sum(len(camera.checkpoint.lanes) for camera in settings.cameras if camera.checkpoint)
        for scene in files.scenes.values():
            parse_toml(scene, Scene, "scene")
    assert lanes == 2 * sum(row["use"] == "checkpoint" for row in sheets.cameras)


def _sheet(key: str, rows: list[dict[str, str]]) -> "object":
    from provisioning.sites.tables import Cell, Sheet

    columns = [column.key for sheet in SHEETS if sheet.key == key for column in sheet.columns]
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    return Sheet(
        key,
        [(n, [Cell(key, c, n, row.get(k, "")) for c, k in enumerate(columns, 1)]) for n, row in enumerate(lines, 1)],
    )


def test_codes_are_given_out_once_and_stay(tmp_path: Path) -> None:
    path = written(tmp_path, district(3, PART))
    run("codes", path, "--to", tmp_path / "coded.xlsx")
    plan, faults = plan_of(read_sheets(tmp_path / "coded.xlsx"))
    assert faults == []
    assert check(plan) == []
    given = [each.code for each in (*plan.boxes, *plan.cameras, *plan.sensors)]
    assert all(map(codes.is_code, given))
    assert len(set(given)) == len(given)
    run("codes", tmp_path / "coded.xlsx", "--to", tmp_path / "again.xlsx")
    again, _ = plan_of(read_sheets(tmp_path / "again.xlsx"))
    assert [each.code for each in (*again.boxes, *again.cameras, *again.sensors)] == given


def test_what_is_filed_counts_every_camera_once(tmp_path: Path) -> None:
    sheets = district(3, PART)
    rows = [json.loads(line) for line in run("filing", written(tmp_path, sheets), "-o", "json").splitlines()]
    assert sum(row["cameras"] for row in rows) == len(sheets.cameras)
    assert {row["region"] for row in rows} == {"510302"}
    assert all(row["unit"] and row["place"] and row["kept_days"] == 30 for row in rows)


@pytest.mark.parametrize(
    ("sheet", "at", "texts"),
    [
        ("cameras", 1, {"url": "rtsp://10.0.0.9/cam/realmonitor?channel=2&subtype=1"}),
        ("cameras", 1, {"longitude": ""}),
        ("lines", 0, {"schedule": "每天 ２２：00-06:00；周六,周日 00:00-24:00", "priority": "２"}),
        ("cameras", 0, {"steered": "√", "camera": "agent"}),
        ("boxes", 0, {"segment": "#1"}),
    ],
)  # fmt: skip
def test_what_planners_type_is_taken(sheet: str, at: int, texts: dict[str, str], tmp_path: Path) -> None:
    sheets = district(3, PART)
    row = sheets.by_key()[sheet][at]
    if "url" in texts:
        sheets.cameras[0]["url"] = "rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=1"
    if "longitude" in texts:
        texts = {"latitude": "", **texts}
    row.update(texts)
    assert faults_of(written(tmp_path, sheets)) == []


@pytest.mark.parametrize(
    ("sheet", "column", "text", "words"),
    [
        ("units", "person", "#N/A", "an error of the spreadsheet"),
        ("cameras", "url", "rtsp://10.0.0.1/user=admin&password=hunter2&channel=1.sdp", "stands behind the host"),
        ("partitions", "lines", "c9/no", "is not in the sheet lines"),
        ("sensors", "wire", 'kind = "modbus", bus = "b", unit = 1, input = 0', "gpio and mqtt as yet"),
        ("sensors", "wire", "a = " + "[" * 900, "expected such as"),
        ("boxes", "serial", "x" * 1001, "1000 characters at most"),
        ("cameras", "code", "5.1030200001322E+19", "has rounded it"),
    ],
)
def test_what_cannot_be_is_named(sheet: str, column: str, text: str, words: str, tmp_path: Path) -> None:
    sheets = district(3, PART)
    sheets.by_key()[sheet][1][column] = text
    (fault,) = faults_of(written(tmp_path, sheets))
    assert words in fault.expected.en
    assert "hunter2" not in run("check", tmp_path / "plan.xlsx", "-o", "csv", code=1)


def test_regions_that_are_written_in_two_ways_share_their_codes(tmp_path: Path) -> None:
    sheets = district(3, PART)
    sheets.places[-1]["region"] = "51030200"
    run("codes", written(tmp_path, sheets), "--to", tmp_path / "coded.xlsx")
    assert faults_of(tmp_path / "coded.xlsx") == []


def test_a_workbook_that_is_damaged_inside_is_said_so(tmp_path: Path) -> None:
    path = written(tmp_path, district(3, PART))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "cut.xlsx", "w") as cut:
        for each in old.infolist():
            content = old.read(each)
            cut.writestr(each, content[: len(content) // 2] if each.filename.endswith("sheet4.xml") else content)
    with pytest.raises(ConfigError, match="is damaged"):
        run("check", tmp_path / "cut.xlsx")


def test_a_text_that_looks_like_a_formula_stays_a_text(tmp_path: Path) -> None:
    sheets = district(3, PART)
    sheets.boxes[0]["segment"] = "=1+1"
    for name in ("plan.xlsx", "plan"):
        plan, faults = plan_of(read_sheets(written(tmp_path, sheets, name)))
        assert faults == []
        assert plan.boxes[0].segment == "=1+1"


def test_positions_in_both_systems() -> None:
    """Tiananmen: 116.39123, 39.90736 is shown at 116.39747, 39.90877 (within 2 m of what others compute)."""
    real = Position(116.391230, 39.907360)
    shown = gcj_of(real)
    assert distance_m(shown, Position(116.397470, 39.908763)) < 5
    assert distance_m(wgs_of(shown), real) < 0.05
    abroad = Position(-0.1276, 51.5072)
    assert gcj_of(abroad) == abroad


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, Language.CHINESE),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.ENGLISH),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN"}, Language.CHINESE),
        ({}, Language.ENGLISH),
    ],
)
def test_the_language_is_that_of_the_terminal(environment: dict[str, str], language: Language) -> None:
    assert language_of(environment) is language
