"""Cameras that nobody tuned for: every clip that has truth, as it is and encoded anew; and peers on the same clips.

A single run is luck: the same clip with its key frames elsewhere gives a crowd other figures. So a figure here is of
several encodings together, and the spread between them says how much of it is chance.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from edge_agent.camera.looks.lookers import finder_of
from edge_agent.camera.sources.file import FileSource
from edge_agent.config import LookSettings
from edge_agent.frames import Frame
from provisioning.lab.edge import clips
from provisioning.lab.edge.accuracy import on_clip, on_tracks, run
from provisioning.lab.edge.camera_encoder import write_anew
from provisioning.lab.edge.clips import Clip
from provisioning.lab.edge.ground_truth import read
from provisioning.lab.edge.peers import Peer
from provisioning.lab.edge.scoring import Judged, LineEvent, judge_line
from shared.events import Direction

KEY_EVERY = (43, 50, 57)
"""Distances of key frames with which clips are encoded anew."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one clip, or of several together: what was judged in each encoding."""

    by_encoding: Sequence[Judged]

    @property
    def total(self) -> Judged:
        """All encodings together."""
        return sum(self.by_encoding, Judged())

    @property
    def false(self) -> float:
        """False alarms in one encoding, on average."""
        return self.total.false / len(self.by_encoding)

    @property
    def spread(self) -> tuple[float, float]:
        """Least and largest F1 of one encoding."""
        f1 = [judged.score.f1 for judged in self.by_encoding]
        return min(f1), max(f1)


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Several clips, encoding by encoding."""
    return Outcome([sum(judged, Judged()) for judged in zip(*(each.by_encoding for each in outcomes), strict=True)])


def all_clips(folder: Path) -> list[Clip]:
    """Those with lines beside them, and those with tracks."""
    pets = read(folder / clips.PETS_TRUTH[0], *clips.PETS_TRUTH[1:])
    street = read(folder / clips.TUD_TRUTH[0], *clips.TUD_TRUTH[1:])
    return [
        *clips.with_lines(folder),
        on_tracks("PETS09", folder / clips.PETS, pets, clips.PETS_LINES),
        on_tracks("TUD", folder / clips.TUD, street, clips.TUD_LINES),
    ]


def processes() -> ProcessPoolExecutor:
    """As many processes as there are processors, each on one thread."""
    return ProcessPoolExecutor(
        os.cpu_count(), multiprocessing.get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,)
    )


class Cameras:
    """The clips in several encodings, and as many processes as there are processors.

    Args:
        listed: the clips.
        videos: of each clip by its name the files, an encoding each; the first as it is.
    """

    def __init__(self, listed: Sequence[Clip], videos: Mapping[str, Sequence[Path]]) -> None:
        self._clips, self._videos = listed, videos

    @classmethod
    @contextmanager
    def prepared(cls, folder: Path, encodings: int) -> "Iterator[Cameras]":
        """Encode the clips anew.

        Args:
            folder: of the real videos.
            encodings: of each clip, one as it is.
        """
        listed = all_clips(folder)
        with TemporaryDirectory(prefix="hawkline-encodings-") as work, processes() as pool:
            videos: dict[str, list[Path]] = {clip.name: [folder / clip.video] for clip in listed}
            waiting = []
            for clip in listed:
                for key_every in KEY_EVERY[: encodings - 1]:
                    path = Path(work, f"{clip.name}-{key_every}.mkv")
                    waiting.append(pool.submit(write_anew, folder / clip.video, path, key_every))
                    videos[clip.name].append(path)
            for each in waiting:
                each.result()
            yield cls(listed, videos)

    def judged(self, looks: float = 0) -> dict[str, Outcome]:
        """All lines of every clip, by its name, with so many looks a second."""
        with processes() as pool:
            waiting = {
                clip.name: [pool.submit(on_clip, video, clip, looks) for video in self._videos[clip.name]]
                for clip in self._clips
            }
            return {name: Outcome([each.result() for each in found]) for name, found in waiting.items()}

    def where_nobody_goes(self, looks: float = 0) -> dict[str, int]:
        """Events of the five lines of every clip that nothing crosses, in the clip as it is."""
        with processes() as pool:
            waiting = {
                clip.name: pool.submit(_events, self._videos[clip.name][0], clips.NOBODY[clip.name], looks)
                for clip in self._clips
            }
            return {name: each.result() for name, each in waiting.items()}

    def beside(self, peer: Peer, *, detector: bool) -> dict[str, Outcome] | None:
        """What a peer makes of the same clips as they are; None where it fails.

        Args:
            peer: MOG2 with ByteTrack and LineZone.
            detector: give it what our object detector finds in every picture, in place of MOG2.
        """
        jobs = []
        for clip in self._clips:
            video = self._videos[clip.name][0]
            lines = {name: list(points) for name, (points, _) in clip.lines.items()}
            job: dict[str, object] = {"video": str(video), "fps": clip.fps, "lines": lines}
            jobs.append({**job, "boxes": found_in(video)} if detector else job)
        found = peer.run("peer_bytetrack.py", jobs)
        if found is None:
            return None
        return {
            clip.name: Outcome(
                [
                    sum(
                        (
                            judge_line(truth, [LineEvent(at, Direction(way)) for at, way in said[name]], clip.fps)
                            for name, (_, truth) in clip.lines.items()
                        ),
                        Judged(),
                    )
                ]
            )
            for clip, said in zip(self._clips, found, strict=True)
        }


def found_in(video: Path) -> dict[str, list[list[float]]]:
    """Boxes in pixels and scores that the object detector finds in every picture of a video, by its number."""
    finder, found = finder_of(LookSettings()), {}
    for frame in FileSource(video, realtime=False).frames():
        if isinstance(frame, Frame):
            height, width = frame.grey.shape
            found[str(frame.number)] = [
                [thing.left * width, thing.top * height, thing.right * width, thing.bottom * height, thing.score]
                for thing in finder.find_all(frame.colour())
            ]
    return found


def _events(video: Path, lines: Sequence[clips.Line], looks: float) -> int:
    found, _ = run(video, {str(number): line for number, line in enumerate(lines)}, looks)
    return sum(map(len, found.values()))
