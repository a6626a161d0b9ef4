"""Keypads: who has a code, how wrong ones are counted, what a message means, what a file may say."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.config import AgentSettings, load_agent_file
from edge_agent.inputs.codes import Codes, CodesError, Person
from edge_agent.inputs.keypad_cli import app
from edge_agent.inputs.keypads import Pressed, pressed_of
from edge_agent.intrusion.keypad import FIRST_S, LONGEST_S, WITHIN_S, WRONG_CODES, Keypad
from edge_agent.intrusion.plan import SensorType
from shared.errors import ConfigError, HawklineError

WANG, FORCED = Person("Wang Fang"), Person("Wang Fang", is_duress=True)
BOX = """site = "north"
agent = "gate"
data_dir = "data"

[[partitions]]
name = "house"
"""
KEYPAD = '[[keypads]]\nname = "front"\ntopic = "zigbee2mqtt/front"\n'


def settings(tmp_path: Path, text: str) -> AgentSettings:
    (tmp_path / "agent.toml").write_text(text)
    return load_agent_file(tmp_path / "agent.toml")


# Codes


def test_a_code_is_whose_it_is_and_cannot_be_read(tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.json")
    assert codes.people() == []
    assert codes.whose("2580") is None
    codes.add(WANG, "2580")
    codes.add(FORCED, "2581")
    codes.add(Person("李"), "0025")
    assert codes.whose("\ud800" * 4) is None
    assert [codes.whose(typed) for typed in ("2580", "2581", "0025", "25")] == [WANG, FORCED, Person("李"), None]
    kept = codes.path.read_bytes()
    assert not [code for code in (b"2580", b"2581", b"0025") if code in kept]
    assert stat.S_IMODE(codes.path.stat().st_mode) == 0o600
    codes.add(WANG, "77421")
    assert [codes.whose(typed) for typed in ("2580", "77421", "2581")] == [None, WANG, FORCED]
    assert codes.remove("Wang Fang") == 2
    assert codes.remove("Wang Fang") == 0
    assert codes.people() == [Person("李")]


@pytest.mark.parametrize("code", ["", "123", "1234567890123", "12a4", "１２３４", "1111", " 1234"])
def test_what_is_no_code_is_refused_and_not_repeated(code: str, tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.json")
    with pytest.raises(CodesError, match="code") as refused:
        codes.add(WANG, code)
    assert not code or code not in str(refused.value)
    assert codes.people() == []


def test_two_people_have_two_codes_and_nobody_learns_whose_one_is(tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.json")
    codes.add(WANG, "2580")
    for other in (Person("Li"), FORCED):
        with pytest.raises(CodesError, match="choose another") as refused:
            codes.add(other, "2580")
        assert "Wang" not in str(refused.value)
    codes.add(WANG, "2580")  # the same once more does no harm


def test_a_file_that_is_damaged_opens_nothing_and_says_so(tmp_path: Path) -> None:
    codes = Codes(tmp_path / "codes.json")
    codes.add(WANG, "2580")
    whole = codes.path.read_bytes()
    codes.path.write_bytes(b'{"salt":"AAAA","codes":[{"person":{"name":"\xff"},"hash":"AAAA"}]}')
    with pytest.raises(CodesError, match="is damaged"):
        codes.people()
    codes.path.write_bytes(whole[:-9])
    for ask in (codes.people, lambda: codes.whose("2580"), lambda: codes.add(WANG, "2581")):
        with pytest.raises(CodesError, match="is damaged: remove it"):
            ask()


# Wrong ones


def test_five_wrong_codes_lock_a_keypad_each_time_for_longer() -> None:
    keypad, now_s, locked = Keypad(), 0.0, list[float]()
    for _ in range(10 * WRONG_CODES):
        now_s += 1
        if locked_s := keypad.wrong(now_s):
            assert keypad.is_locked(now_s + locked_s - 0.1)
            now_s += locked_s
            assert not keypad.is_locked(now_s)
            locked.append(locked_s)
    assert locked[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert locked[-1] == LONGEST_S
    keypad.right()
    assert [keypad.wrong(now_s) for _ in range(WRONG_CODES)][-1] == FIRST_S


def test_slips_are_forgiven() -> None:
    slow, hasty = Keypad(), Keypad()
    apart_s = WITHIN_S / (WRONG_CODES - 1) + 1
    assert {slow.wrong(apart_s * number) for number in range(50)} == {0}
    for number in range(50):
        assert hasty.wrong(float(number)) == 0
        if number % (WRONG_CODES - 1) == WRONG_CODES - 2:
            hasty.right()


# Messages


@pytest.mark.parametrize(
    ("message", "pressed"),
    [
        ({"action": "disarm", "action_code": "0258", "action_transaction": 7}, Pressed("disarm", "0258", 7)),
        ({"action": "arm_all_zones", "action_code": None, "action_zone": 0}, Pressed("arm_all_zones", "", None)),
        (
            {"action": "arm_day_zones", "action_code": 2580, "action_transaction": True},
            Pressed("arm_day_zones", "2580", None),
        ),
        ({"action": "panic"}, None),
        ({"action": ""}, None),
        ({"action": ["disarm"]}, None),
        ({"battery": 80, "tamper": False}, None),
    ],
)  # fmt: skip
def test_what_was_done_at_a_keypad(message: dict[str, Any], pressed: Pressed | None) -> None:
    assert pressed_of(message) == pressed


# The file


def test_a_keypad_is_four_sensors(tmp_path: Path) -> None:
    (keypad,) = settings(tmp_path, BOX + KEYPAD).keypads
    assert [(each.name, each.type, each.partition) for each in keypad.plans] == [
        ("front", SensorType.TAMPER, "house"),
        ("front/panic", SensorType.PANIC, "house"),
        ("front/fire", SensorType.FIRE, "house"),
        ("front/codes", SensorType.KEY_SWITCH, "house"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOX.partition("[[part")[0] + KEYPAD, "'front' arms a partition, and there is none"),
        (BOX + '[[partitions]]\nname = "yard"\n' + KEYPAD, "say which partition it arms: 'house', 'yard'"),
        (BOX + KEYPAD + 'partition = "shed"\n', "on partition 'shed', expected one of partitions: 'house'"),
        (BOX + KEYPAD + KEYPAD.replace('name = "front"', 'name = "back"'), "two are on topic 'zigbee2mqtt/front'"),
        (BOX + KEYPAD + KEYPAD.replace("zigbee2mqtt/front", "z/2"), "two are called 'front'"),
        (BOX + KEYPAD.replace("zigbee2mqtt/front", "zigbee2mqtt/+"), "keypads[0].topic"),
    ],
)
def test_what_cannot_be_right_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, text)
    assert words in str(refused.value)


# The command


def test_codes_are_given_and_taken_back(tmp_path: Path) -> None:
    settings(tmp_path, BOX + KEYPAD)

    def run(*words: str, stdin: str = "") -> str:
        done = CliRunner().invoke(app, [*words, "--config", str(tmp_path / "agent.toml")], input=stdin)
        if isinstance(done.exception, HawklineError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    run("add", "Wang Fang", "--code-file", "-", stdin="2580\n")
    run("add", "Wang Fang", "--duress", "--code-file", "-", stdin="2581\n")
    assert Codes(tmp_path / "data" / "codes.json").whose("2581") == FORCED
    listed = [json.loads(line) for line in run("list", "-o", "json").splitlines()]
    assert listed == [{"name": "Wang Fang", "duress": False}, {"name": "Wang Fang", "duress": True}]
    with pytest.raises(ConfigError, match="nobody to ask"):
        run("add", "Li")
    with pytest.raises(ConfigError, match="keypad list"):
        run("remove", "Li")
    run("remove", "Wang Fang")
    assert run("list", "-o", "json") == ""
