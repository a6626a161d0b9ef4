"""Thousands of generated traces through the judge, and the same through supervision's LineZone."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_agent.vision.tripwire import TripwireJudge
from provisioning.lab.edge.scoring import LineEvent, Score, score
from provisioning.lab.edge.traces import ASPECT, Trace, generate
from shared.events import Direction
from shared.output import say

PEER = "supervision==0.31.2"
_PEER_NEEDS = ("numpy", "scipy", "matplotlib", "pillow", "defusedxml", "requests", "tqdm", "pyyaml", "pydeprecate<0.14")
_PEER_SIZE = 1920, 1080


@dataclass(slots=True)
class Verdict:
    """What came of all traces."""

    traces: int = 0
    total: Score = field(default_factory=Score)
    by_script: dict[str, Score] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)

    def add(self, seed: int, trace: Trace, said: list[LineEvent]) -> None:
        """Judge one trace."""
        # What was met is interpolated over gaps of up to 0.7 s, and confirmed events may come in jumps of lost frames.
        outcome = score(trace.truth, said, within_frames=trace.slack_frames + 0.8 * trace.fps)
        self.traces += 1
        self.total += outcome
        self.by_script[trace.name] = self.by_script.get(trace.name, Score()) + outcome
        if outcome.missed or outcome.wrong:
            self.failed.append(seed)


def ours(seeds: range) -> Verdict:
    """The judge's verdict."""
    verdict = Verdict()
    for seed in seeds:
        trace = generate(seed)
        judge = TripwireJudge([trace.line], ASPECT)
        said = [
            LineEvent(crossing.frame, crossing.direction)
            for number, sightings in enumerate(trace.frames, start=1)
            for crossing in judge.step(sightings, number, number / trace.fps)
        ]
        verdict.add(seed, trace, said)
    return verdict


def peer(seeds: range) -> Verdict | None:
    """LineZone's verdict, from an environment of its own; None where it cannot be installed."""
    with TemporaryDirectory() as folder:
        python = _install(Path(folder))
        if python is None:
            return None
        work = Path(folder) / "traces.json"
        work.write_text(json.dumps([_as_pixels(generate(seed)) for seed in seeds]))
        script = Path(__file__).with_name("peer_linezone.py")
        done = subprocess.run([str(python), str(script), str(work)], capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{PEER} failed: {done.stderr[-300:]}")
            return None
        verdict = Verdict()
        for seed, said in zip(seeds, json.loads(done.stdout), strict=True):
            trace = generate(seed)
            events = [LineEvent(frame, Direction(way)) for frame, way in said]
            verdict.add(seed, trace, events)
        return verdict


def _as_pixels(trace: Trace) -> dict[str, object]:
    width, height = _PEER_SIZE
    return {
        "fps": trace.fps,
        "line": [[x * width, y * height] for x, y in trace.line.points],
        "frames": [
            [[s.track, s.left * width, s.top * height, s.right * width, s.bottom * height] for s in sightings]
            for sightings in trace.frames
        ],
    }


def _install(folder: Path) -> Path | None:
    """An environment with the peer; its own requirements would replace our OpenCV."""
    python = folder / "venv" / "bin" / "python"
    steps = [
        [sys.executable, "-m", "venv", str(folder / "venv")],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", PEER],
        [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            *_PEER_NEEDS,
            "opencv-python-headless",
        ],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{PEER} cannot be installed: {done.stderr[-300:]}")
            return None
    return python
