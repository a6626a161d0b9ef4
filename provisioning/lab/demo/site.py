"""Configuration files of the demonstration site."""

import json
from dataclasses import dataclass
from pathlib import Path

HEALTH_INTERVAL_S = 2.0

_GATE = """# Vehicles pass a gate. Left of the walk from the first point to the second is outside.
[[tripwires]]
name = "大门 / gate"
points = [[0.5, 0.95], [0.5, 0.5]]
direction = "both"
priority = 2
"""
_FENCE = """# Walkers step over a fence line.
[[tripwires]]
name = "围栏 / fence"
points = [[0.0, 0.72], [1.0, 0.72]]
direction = "both"
priority = 1
"""
_AGENT = """# Written by the demo.
site = "demo"
agent = "{name}"
data_dir = "{name}"

[broker]
port = {broker_port}

[aggregator]
url = "http://127.0.0.1:{api_port}"

[health]
interval_s = {interval_s}

[[cameras]]
name = "{name}"
scene = {scene}

[cameras.source]
{source}
"""


@dataclass(frozen=True, slots=True)
class DemoSite:
    """Files of one demonstration."""

    folder: Path
    agents: dict[str, Path]


def write_site(
    folder: Path, *, api_port: int, broker_port: int, video: Path | None = None, scene: Path | None = None
) -> DemoSite:
    """Write configuration for a gate, a fence, and a video where one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate-scene.toml").write_text(_GATE, "utf-8")
    (folder / "fence-scene.toml").write_text(_FENCE, "utf-8")
    sources = {
        "gate": ("gate-scene.toml", 'kind = "synthetic"\nscene = "gate"\nseed = 7'),
        "fence": ("fence-scene.toml", 'kind = "synthetic"\nscene = "fence"\nseed = 11'),
    }
    if video and scene:
        sources["video"] = (str(scene.resolve()), f'kind = "file"\npath = {_quoted(str(video.resolve()))}')
    agents = {}
    for name, (scene_file, source) in sources.items():
        agents[name] = folder / f"{name}.toml"
        agents[name].write_text(
            _AGENT.format(
                name=name,
                broker_port=broker_port,
                api_port=api_port,
                interval_s=HEALTH_INTERVAL_S,
                scene=_quoted(scene_file),
                source=source,
            )
        )
    return DemoSite(folder, agents)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
