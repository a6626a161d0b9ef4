"""What is installed is what was pinned: every package by version and hash, in step with pyproject.toml."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {"edge": ["edge"], "aggregator": ["aggregator", "provisioning"], "model": ["build"], "dev": ["dev"]}
"""By file: which extras of pyproject.toml it is for."""


def pinned(path: Path) -> dict[str, tuple[Version, int]]:
    """Version and number of hashes by package."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE))
    found = {}
    for line in text.splitlines():
        what, *hashes = line.split("--hash=")
        asked = Requirement(what.strip())
        exact = [each for each in asked.specifier if each.operator == "=="]
        assert len(exact) == len(asked.specifier) == 1, f"{path.name}: {what} is not pinned to one version"
        assert hashes, f"{path.name}: {what} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes), f"{path.name}: {what}"
        found[canonicalize_name(asked.name)] = Version(exact[0].version), len(hashes)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_is_pinned_by_hash(path: Path) -> None:
    assert pinned(path)


@pytest.mark.parametrize("name", EXTRAS)
def test_the_pins_are_within_what_the_project_asks_for(name: str) -> None:
    """Whoever has changed pyproject.toml and not run `./run lock` learns it here."""
    pins = pinned(ROOT / "requirements" / f"{name}.txt")
    asked = [*PROJECT["project"]["dependencies"]]
    for extra in EXTRAS[name]:
        asked += PROJECT["project"]["optional-dependencies"][extra]
    for requirement in map(Requirement, asked):
        version, _ = pins[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} and requirements/{name}.txt: run ./run lock"


def test_parts_on_one_machine_agree() -> None:
    together: dict[str, Version] = {}
    for path in FILES:
        if path.stem == "supply":  # has an environment of its own
            continue
        for name, (version, _) in pinned(path).items():
            assert together.setdefault(name, version) == version, f"{path.name}: {name}"


def test_the_builder_is_the_pinned_one() -> None:
    (builder,) = map(Requirement, PROJECT["build-system"]["requires"])
    version, _ = pinned(ROOT / "requirements" / "wheel.txt")[builder.name]
    assert str(builder.specifier) == f"=={version}"


def test_there_are_files_to_look_at() -> None:
    assert {path.stem for path in FILES} == {"edge", "aggregator", "model", "dev", "wheel", "node", "supply"}


def test_compiled_packages_are_pinned_for_several_platforms() -> None:
    edge = pinned(ROOT / "requirements" / "edge.txt")
    for name in ("av", "numpy", "onnxruntime", "opencv-python-headless", "cryptography", "msgspec"):
        assert edge[name][1] >= 6, name


def test_the_consoles_packages_have_hashes() -> None:
    packages = json.loads((ROOT / "aggregator/console/package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert not [name for name, one in packages.items() if name and not one.get("integrity", "").startswith("sha512-")]


@pytest.mark.parametrize("command", ["./run release", "./run lock", "./run advisories"])
def test_what_the_guide_asks_for_is_there(command: str) -> None:
    said = (ROOT / "run").read_text()
    assert f"  {command.removeprefix('./run ')}) " in said
    assert command in (ROOT / "docs" / "deploy.md").read_text()
