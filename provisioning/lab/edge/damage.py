"""What damaged streams cost: crossings of a clip that are not found when pictures of it are missing or broken.

The clip is encoded anew, so that damage hits what cameras send: H.264, one slice a picture, a key frame every fifty.
The truth is what the analysis itself finds in the whole stream: the question here is what damage takes away from it.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from edge_agent.camera.sources.synthetic import SyntheticScene
from edge_agent.vision.tripwire.geometry import Point
from provisioning.lab.edge.accuracy import WITHIN_FRAMES, run
from provisioning.lab.edge.camera_encoder import Picture, encoded, write
from provisioning.lab.edge.scoring import LineEvent, score
from provisioning.lab.edge.soak import LINE

KEY_EVERY = 50
_ANEW = 43, 57
"""Key frames at other places, to see what encoding alone costs."""
_FLIPPED_BITS = 3
_SEEDS, _SECONDS, _FPS = (22, 23), 120, 10

Lines = Mapping[str, Sequence[Point]]


class Damage(Enum):
    """What befalls a picture on its way."""

    MISSING = "missing"
    FLIPPED = "three bits flipped"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Lost:
    """Crossings of the whole stream, and those of them that are not found."""

    missed: int = 0
    of: int = 0

    def __add__(self, other: "Lost") -> "Lost":
        return Lost(self.missed + other.missed, self.of + other.of)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one clip: encoded anew, and damaged at so many places by every kind, at two offsets."""

    clip: str
    anew: Lost
    damaged: Mapping[int, Lost]


def fences() -> Iterator[tuple[str, Lines, float, Iterator[Picture]]]:
    """Generated walkers before a fence, of seeds that nothing was chosen on."""
    for seed in _SEEDS:
        scene = SyntheticScene("fence", seed)
        pictures = (scene.draw(number / _FPS) for number in range(_SECONDS * _FPS))
        yield f"generated fence, seed {seed}", {LINE.name: LINE.points}, _FPS, pictures


def measure(clip: str, lines: Lines, fps: float, pictures: Iterator[Picture], every: Sequence[int]) -> Outcome:
    """Damage one clip in every way.

    Args:
        clip: its name.
        lines: that are watched.
        fps: pictures a second.
        pictures: all of them.
        every: one picture of so many is damaged, for each of these.
    """
    shots = list(pictures)
    with tempfile.TemporaryDirectory(prefix="hawkline-damage-") as folder:
        path = Path(folder, "clip.mkv")

        def found(key_every: int, spoil: Callable[[int, bytes], bytes | None]) -> dict[str, list[LineEvent]]:
            left = (spoil(number, packet) for number, packet in enumerate(encoded(iter(shots), fps, key_every)))
            write(path, left, fps)
            return run(path, lines)[0]

        whole = found(KEY_EVERY, lambda _, content: content)
        anew = sum((_lost(whole, found(gop, lambda _, content: content)) for gop in _ANEW), Lost())
        damaged = {}
        for one_in in every:
            total = Lost()
            for kind in Damage:
                for offset in (one_in // 3, one_in - 1):
                    total += _lost(whole, found(KEY_EVERY, _spoiling(kind, one_in, offset)))
            damaged[one_in] = total
    return Outcome(clip, anew, damaged)


def _lost(whole: dict[str, list[LineEvent]], left: dict[str, list[LineEvent]]) -> Lost:
    missed = sum(score(events, left[line], WITHIN_FRAMES).missed for line, events in whole.items())
    return Lost(missed, sum(map(len, whole.values())))


def _spoiling(kind: Damage, one_in: int, offset: int) -> Callable[[int, bytes], bytes | None]:
    rng = random.Random(one_in + offset)

    def spoil(number: int, content: bytes) -> bytes | None:
        if number % one_in != offset or not number:
            return content
        if kind is Damage.MISSING:
            return None
        # Length and kind of the slice stay: what is drawn is hit, behind its header.
        spoilt, head = bytearray(content), min(len(content) - 1, 16)
        if kind is Damage.NOISE:
            spoilt[head:] = rng.randbytes(len(spoilt) - head)
        else:
            for _ in range(_FLIPPED_BITS):
                spoilt[rng.randrange(head, len(spoilt))] ^= 1 << rng.randrange(8)
        return bytes(spoilt)

    return spoil
