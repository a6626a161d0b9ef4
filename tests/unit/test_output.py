"""Every `-o` of every command prints, and what is printed bears any letter."""

import ast
import csv
import inspect
import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from shared.commands import build
from shared.output import Output, emit, from_csv, print_rows, say, to_json

GBK = os.fsdecode("京A.png".encode("gbk"))


def commands(app: typer.Typer, path: str = "hawkline") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command that takes `-o`, with its function."""
    found = [(path, app.registered_callback.callback)] if app.registered_callback else []
    found += [(f"{path} {one.name or one.callback.__name__}", one.callback) for one in app.registered_commands]  # type: ignore[union-attr]
    for name, function in found:
        if function and "output" in inspect.signature(function).parameters:
            yield name, function
    for group in app.registered_groups:
        if group.typer_instance:
            yield from commands(group.typer_instance, f"{path} {group.name}")


LISTING = dict(commands(build()))


def prints(body: list[ast.stmt], chosen: Output) -> bool:
    """Whether a body can print its result in a format: only conditions about the format are looked into."""
    for statement in body:
        if isinstance(statement, ast.If):
            said = _holds(statement.test, chosen)
            taken = (statement.body if said is not False else []) + (statement.orelse if said is not True else [])
            if prints(taken, chosen):
                return True
            if said is True and isinstance(statement.body[-1], ast.Return | ast.Continue):
                return False
        elif isinstance(statement, ast.For | ast.With | ast.Try | ast.While):
            if prints(statement.body, chosen):
                return True
        elif any(_is_print(node) for node in ast.walk(statement)):
            return True
    return False


def _is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print_rows", "emit")


def _holds(test: ast.expr, chosen: Output) -> bool | None:
    """Whether a condition holds for a format; None where it is about something else, or also."""
    if isinstance(test, ast.BoolOp):
        parts = [_holds(part, chosen) for part in test.values]
        decisive = isinstance(test.op, ast.Or)
        return decisive if decisive in parts else None if None in parts else not decisive
    if isinstance(test, ast.Compare) and ast.unparse(test.left) == "output":
        same = ast.unparse(test.comparators[0]) == f"Output.{chosen.name}"
        return same if isinstance(test.ops[0], ast.Is | ast.Eq) else not same
    return None


@pytest.mark.parametrize("chosen", list(Output))
@pytest.mark.parametrize("command", sorted(LISTING))
def test_every_output_of_every_command_prints(command: str, chosen: Output) -> None:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(LISTING[command]))).body
    assert isinstance(function, ast.FunctionDef)
    assert prints(function.body, chosen), f"`{command} -o {chosen}` prints nothing"


def test_all_commands_are_looked_at() -> None:
    some = {"hawkline agent replay", "hawkline plate read", "hawkline counts", "hawkline bench tripwire"}
    assert some <= set(LISTING)
    assert len(LISTING) > 30


@pytest.mark.parametrize(
    ("rows", "csv"),
    [([], "name,parts\n"), ([{"name": "a", "parts": [1, "北"]}], 'name,parts\na,"[1,""北""]"\n')],
)
def test_csv_has_a_head_and_no_words_of_python(
    rows: list[dict[str, object]], csv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(rows, Output.CSV, ("name", "parts"))
    assert capsys.readouterr().out == csv


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "gbk", "latin-1"])
def test_names_of_any_bytes_are_printed_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    row = {"file": GBK, "line": "北门 é 🚗"}
    emit(to_json(row))
    for output in Output:
        print_rows([row], output)
    printed = raw.getvalue().decode(encoding)
    assert printed.count("\\xbe\\xa9A.png") >= 2
    assert json.loads(printed.splitlines()[0]) == {"file": "\\xbe\\xa9A.png", "line": "北门 é 🚗"}


@pytest.mark.parametrize(
    "said", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_commands_print_where_the_terminal_has_no_chinese(said: dict[str, str], tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text('[[tripwires]]\nname = "北门"\npoints = [[0.1, 0.5], [0.9, 0.5]]\n', "utf-8")
    for words in (["--help"], ["scene", "check", str(scene)], ["scene", "check", str(scene), "-o", "json"]):
        done = subprocess.run(
            [sys.executable, "-m", "shared", *words], capture_output=True, env={**os.environ, **said}, check=False
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "北门"


HOSTILE = "gate\x1b]0;owned\x07\x9b31m\r\u202eevil"


@pytest.mark.parametrize("output", list(Output))
def test_what_a_box_says_moves_no_cursor(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"camera": HOSTILE, "line": "a\nb"}], output)
    said = capsys.readouterr().out
    assert not set(said.replace("\n", "")) & set("\x1b\x07\x9b\r\u202e\x7f")
    assert "\\x1b]0;owned\\x07" in said or "\\u001b]0;owned\\u0007" in said
    if output is Output.JSON:
        assert json.loads(said) == {"camera": HOSTILE, "line": "a\nb"}, "a program gets what was said"


def test_what_is_said_to_people_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"error: {HOSTILE}")
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("cell", ["=1+1", '=HYPERLINK("http://x")', "+1", "-1", "@sum", "\t=1", "＝1"])
def test_no_cell_is_computed_and_all_come_back(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"title": cell, "number": -1.5}], Output.CSV)
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert row["title"].startswith("'")
    assert row["number"] == "-1.5", "a number is one"
    if "\t" not in cell:
        assert from_csv(row["title"]) == cell
    assert from_csv("'plain") == "'plain"
