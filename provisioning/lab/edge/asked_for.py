"""What a line that asks for persons lets through and leaves out: no animal, no vehicle, and no person less."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from edge_agent.vision.tripwire.geometry import Point
from provisioning.lab.edge import clips
from provisioning.lab.edge.accuracy import run
from provisioning.lab.edge.cameras import all_clips, processes
from provisioning.lab.edge.negatives import Outcome, judge
from provisioning.lab.edge.sequences import creatures_and_shadows
from shared.objects import ObjectGroup

_PERSONS: tuple[ObjectGroup, ...] = ("person",)


@dataclass(frozen=True, slots=True)
class Asked:
    """Events of all lines of a real clip: of lines that ask for nothing, and of the same that ask for persons."""

    clip: str
    of_all: int
    of_persons: int

    @property
    def vehicles_only(self) -> bool:
        """Whether no person walks in the clip."""
        return self.clip.startswith(clips.VEHICLES_ONLY)


def generated(seconds_each: float, looks: float) -> Iterator[Outcome]:
    """Creatures and shadows, each for so long, over a scene that walkers cross."""
    with processes() as pool:
        waiting = [pool.submit(judge, sequence, looks, _PERSONS) for sequence in creatures_and_shadows(seconds_each)]
        yield from (each.result() for each in waiting)


def real(folder: Path, looks: float) -> Iterator[Asked]:
    """Every clip that has lines or tracks, and those that were counted by eye.

    Args:
        folder: of the real videos.
        looks: a second.
    """
    watched: dict[str, tuple[str, Mapping[str, Sequence[Point]]]] = {
        clip.name: (clip.video, {name: line for name, (line, _) in clip.lines.items()}) for clip in all_clips(folder)
    }
    for counted in clips.COUNTED:
        watched[counted.video] = counted.video, {name: line for name, (line, _) in counted.lines.items()}
    with processes() as pool:
        waiting: dict[str, list[Future[int]]] = {
            name: [pool.submit(_events, folder / video, lines, looks, objects) for objects in ((), _PERSONS)]
            for name, (video, lines) in watched.items()
        }
        for name, (of_all, of_persons) in waiting.items():
            yield Asked(name, of_all.result(), of_persons.result())


def _events(video: Path, lines: Mapping[str, Sequence[Point]], looks: float, objects: tuple[ObjectGroup, ...]) -> int:
    found, _ = run(video, lines, looks, objects)
    return sum(map(len, found.values()))
