"""Nothing but weather raises no event, and who is there is still counted."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import structs

from edge_agent.camera.looks.lookers import patient_looks
from edge_agent.config import LookSettings
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from provisioning.lab.edge.scoring import LineEvent, Score, score
from provisioning.lab.edge.sequences import EMPTY, FPS, LINES, Sequence
from shared.objects import ObjectGroup
from shared.scene import Scene

_WITHIN_FRAMES = 12
_EARLY_S = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sequence: the walked line's score, and events on lines that no walker crossed."""

    sequence: Sequence
    walked: Score
    false: int


def judge(sequence: Sequence, looks: float = 0, objects: Iterable[ObjectGroup] = ()) -> Outcome:
    """Run the edge analysis over a sequence, with so many looks a second, of lines that ask for such objects."""
    line, *empty = (structs.replace(each, objects=list(objects)) for each in (LINES[sequence.kind], *EMPTY))
    pipeline = Pipeline(Scene([line, *empty]), looks=patient_looks(LookSettings(looks)))
    said: list[LineEvent] = []
    false = 0
    for frame in sequence.frames():
        for event in pipeline.step(frame):
            if isinstance(event, Crossing) and event.line == line.name:
                said.append(LineEvent(event.frame, event.direction))
            else:
                false += 1
    until_s = sequence.seconds - 1.5  # what crosses at the very end need not be confirmed yet
    truth = [LineEvent(c.time_s * FPS + 1, c.direction) for c in sequence.scene.truth(line, until_s)]
    told = [event for event in said if _EARLY_S * FPS < event.frame <= until_s * FPS + 1]
    return Outcome(sequence, score([e for e in truth if e.frame > _EARLY_S * FPS], told, _WITHIN_FRAMES), false)
