"""Thousands of generated traces through the judge, and the same through supervision's LineZone."""

from dataclasses import dataclass, field

from edge_agent.vision.tripwire import TripwireJudge
from provisioning.lab.edge.peers import Peer
from provisioning.lab.edge.scoring import LineEvent, Score, score
from provisioning.lab.edge.traces import ASPECT, Trace, generate
from shared.events import Direction

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


def peer(seeds: range, runner: Peer) -> Verdict | None:
    """LineZone's verdict; None where it fails."""
    found = runner.run("peer_linezone.py", [_as_pixels(generate(seed)) for seed in seeds])
    if found is None:
        return None
    verdict = Verdict()
    for seed, said in zip(seeds, found, strict=True):
        verdict.add(seed, generate(seed), [LineEvent(frame, Direction(way)) for frame, way in said])
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
