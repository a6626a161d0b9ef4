"""What the docs do not name does not exist for operators: every key, command, route and channel is in them."""

import re
import typing
from pathlib import Path

import msgspec
import pytest

from aggregator.config import AggregatorSettings
from edge_agent.config import AgentSettings
from shared.commands import build
from shared.events import kinds
from shared.scene import Scene
from shared.topics import Channel

ROOT = Path(__file__).parents[2]


def structs(kind: object) -> set[type[msgspec.Struct]]:
    """The struct and all structs in its fields."""
    found: set[type[msgspec.Struct]] = set()
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        waiting += typing.get_args(one)
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one not in found:
            found.add(one)
            waiting += typing.get_type_hints(one, include_extras=True).values()
    return found


@pytest.mark.parametrize("root", [AgentSettings, AggregatorSettings, Scene], ids=lambda kind: kind.__name__)
def test_every_key_is_documented(root: type[msgspec.Struct]) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    for kind in structs(root):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in text, f"{kind.__name__}.{field.name} is not in docs/configuration.md"


def commands() -> list[str]:
    app = build()
    return [
        f"hawkline {group.name} {command.name or command.callback.__name__}"  # type: ignore[union-attr]
        for group in app.registered_groups
        for command in group.typer_instance.registered_commands  # type: ignore[union-attr]
    ]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented_and_has_an_example(command: str) -> None:
    assert f"`{command}" in (ROOT / "docs" / "commands.md").read_text()
    group, verb = command.split()[1:]
    registered = next(g for g in build().registered_groups if g.name == group)
    found = next(
        c
        for c in registered.typer_instance.registered_commands  # type: ignore[union-attr]
        if (c.name or c.callback.__name__) == verb  # type: ignore[union-attr]
    )
    assert (found.epilog or "").startswith(f"Example: {command}")


def test_every_route_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    from aggregator.alerting.alerts import Publishing
    from aggregator.console_api import build as build_api
    from aggregator.store import Database
    from aggregator.store.pictures import PictureStore

    document = build_api(Database(""), PictureStore(Path("/tmp")), Publishing()).openapi()
    for path in document["paths"]:
        assert f"`{path}`" in text, f"{path} is not in docs/api.md"


def test_every_channel_and_kind_is_documented() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    for name in (*Channel, *kinds().values()):
        assert f"`{name}`" in text, f"{name} is not in docs/protocol.md"


def test_every_decision_is_listed_and_has_its_parts() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        text = path.read_text()
        assert path.name in index
        for part in ("## Context", "## Decision", "## Consequences", "## Is, is not"):
            assert part in text, f"{path.name} lacks {part}"


def test_links_in_the_docs_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_nobody_is_sent_to_a_registry_that_has_no_hawkline() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("shared/*.py")]:
        for line in path.read_text().splitlines():
            if re.search(r"pip install.*[' ]hawkline\b", line):
                assert "--no-index" in line, f"{path}: {line}"


@pytest.mark.parametrize("name", ["glossary.md", "architecture.md"])
def test_tables_of_where_things_are_lead_to_what_is_there(name: str) -> None:
    rows = [line for line in (ROOT / "docs" / name).read_text().splitlines() if line.startswith("| ")][1:]
    paths = [path for row in rows for path in re.findall(r"`((?:aggregator|edge_agent|shared)/[^`]*)`", row)]
    assert len(paths) > 20
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_claim_of_security_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)
    assert len(named) > 40
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{test}"
    for group in (*(f"5.{number}" for number in range(1, 14)), "6"):
        row = re.search(rf"^\| {re.escape(group)} .*$", text, re.MULTILINE)
        assert row, f"group {group} of ETSI EN 303 645 is missing"
        assert "tests/" in row[0] or "not met" in row[0]
