"""The units that `deploy/` has: systemd knows what they say, and what they start exists."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from shared.commands import build

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
HARDENED = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "CapabilityBoundingSet": "", "SystemCallFilter": "@system-service", "RestrictNamespaces": "yes", "UMask": "0077",
}  # fmt: skip


def read(path: Path) -> configparser.SectionProxy:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit["Service"]


def test_there_is_a_unit_for_each_side() -> None:
    assert [path.name for path in UNITS] == ["hawkline-agent.service", "hawkline-aggregator.service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_hardened_and_starts_what_there_is(path: Path) -> None:
    service = read(path)
    assert {name: service[name] for name in HARDENED} == HARDENED
    assert service["User"] == path.stem.replace("-aggregator", "")
    assert service["Environment"] == "ORT_DISABLE_TELEMETRY=1"
    program, *words = service["ExecStart"].split()
    assert program == "/opt/hawkline/bin/hawkline"
    command = get_command(build())
    for word in words[:2]:
        command = command.commands[word]  # type: ignore[attr-defined]
    assert {option for parameter in command.params for option in parameter.opts} >= {words[2]}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_knows_what_it_says(path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is missing (Debian: systemd)")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    unknown = [line for line in done.stderr.splitlines() if "Unknown" in line or "Failed to parse" in line]
    assert not unknown
