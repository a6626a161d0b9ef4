"""Checkpoints against truth: rendered traffic through the reader, and drawn passages against a long list."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.vision.plate import PassageReader, PlateVotes
from edge_agent.vision.plate.listed import named
from edge_agent.vision.plate.matching import Entry, Match, WatchTable
from edge_agent.vision.plate.passage import Passage
from models.plate import PlateReader, Reading
from models.training import augmentation, plate_face, texts
from models.training.drawn import TEST_HARDSHIP
from provisioning.lab.edge.traffic import FPS, Driven, Traffic, Weather, lane_line
from shared.plates import KINDS, as_stamped
from shared.plates.hashing import box_key, month_secret, of_box, slow_hash
from shared.scene import Lane
from shared.topics import Address

_LANES = [Lane(str(lane), lane_line(lane)) for lane in (0, 1)]
_NEAR_S = 0.7
_SERIAL = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_LOOKS = 2, 8
_HEAD = "皖A"
"""All of the list are of one city: whatever is misread is more likely another entry."""
_KIND = next(kind for kind in KINDS if kind.name == "small car")
_FOREVER_MS = 2**50


@dataclass(frozen=True, slots=True)
class Drove:
    """How a stretch of traffic was told.

    Attributes:
        vehicles: that passed.
        once: told once, in their lane and direction.
        extra: passages that no vehicle made.
        right: of those told once, read, and rightly.
        wrong: read, and wrongly.
        listed: every third vehicle was on a list.
        hits: of them.
        wrong_hits: of the others, or by another's entry.
        hit_s: of each hit, seconds from the line until it was told.
        look_ms: processor time of a look for plates, the median.
    """

    vehicles: int
    once: int
    extra: int
    right: int
    wrong: int
    listed: int
    hits: int
    wrong_hits: int
    hit_s: tuple[float, ...]
    look_ms: float


@dataclass(frozen=True, slots=True)
class _Hit:
    """What a vehicle was said to be, and how long after it had met the line."""

    text: str
    after_s: float


def drive(seed: int, weather: Weather, vehicles: int, away: tuple[int, ...]) -> Drove:
    """Let traffic drive by; hits are told as the box tells them."""
    cv2.setNumThreads(1)
    traffic = Traffic(seed, weather, vehicles, away=away)
    passing = PassageReader(PlateReader.shipped(), _LANES)
    listed = [as_stamped(truth.text) for truth in traffic.truth][::3]
    table, hits = table_of(listed), dict[int, _Hit]()
    told, looks = list[Passage](), list[float]()

    def hit(passage: Passage, match: Match, time_s: float) -> None:
        hits[passage.track] = _Hit(listed[match.entry.entry], time_s - passage.met_s)

    def gone(some: Sequence[Passage], time_s: float) -> None:
        told.extend(some)
        for passage in some:
            if found := table.match(passage.seen, 0):
                hit(passage, found, time_s)

    for number, picture in enumerate(traffic.pictures()):
        began = time.process_time()
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        part = passing.wants(grey, number / FPS)
        gone(passing.step(None if part is None else picture, part, number / FPS), number / FPS)
        if part is not None:
            for passage, match, is_sure in named(passing, lambda passage: table.match(passage.seen, 0)):
                if is_sure:
                    told.append(passage)
                    hit(passage, match, number / FPS)
            looks.append(time.process_time() - began)
    gone(passing.end(), traffic.lasts_s)
    pairs = _paired(traffic.truth, told)
    right_hits = [
        hits[passage.track].after_s
        for number, passage in pairs.items()
        if passage.track in hits and hits[passage.track].text == as_stamped(traffic.truth[number].text)
    ]
    read = [(passage.reading, traffic.truth[number]) for number, passage in pairs.items() if passage.reading]
    right = sum(reading.text == as_stamped(truth.text) for reading, truth in read)
    return Drove(
        len(traffic.truth),
        len(pairs),
        len(told) - len(pairs),
        right,
        len(read) - right,
        len(listed),
        len(right_hits),
        len(hits) - len(right_hits),
        tuple(right_hits),
        1000 * float(np.median(looks)),
    )


def _paired(truth: Sequence[Driven], told: Sequence[Passage]) -> dict[int, Passage]:
    """By number of the vehicle, the passage that told it: of its lane and direction, the nearest in time."""
    left, pairs = list(told), dict[int, Passage]()
    for number, one in enumerate(truth):
        fits = [each for each in left if (each.lane, each.direction) == (str(one.lane), one.direction)]
        nearest = min(fits, key=lambda each: abs(each.met_s - one.time_s), default=None)
        if nearest is not None and abs(nearest.met_s - one.time_s) < _NEAR_S:
            pairs[number] = nearest
            left = [each for each in left if each is not nearest]
    return pairs


def table_of(plates: Sequence[str]) -> WatchTable:
    """A box's table of one list."""
    deployment, box = bytes(32), Address("lab", "box")
    secret, key = month_secret(deployment, "2026-11"), box_key(deployment, "2026-11", box)
    hashes = [of_box(slow_hash(text, secret), key) for text in plates]
    entries = {each: [Entry(1, 1, number, 1, _FOREVER_MS)] for number, each in enumerate(hashes)}
    return WatchTable(secret, key, entries)


def entries_of_a_city(count: int) -> list[str]:
    """Texts of one city letter, as many; the same each time."""
    rng, found = np.random.default_rng(99), set[str]()
    while len(found) < count:
        found.add(_HEAD + texts.draw(_KIND, rng)[2:])
    return sorted(found)


def passages(kind: str, seed: int, count: int, entries: Sequence[str]) -> list[tuple[Reading, str]]:
    """Drawn passages of two to seven looks, each with its truth.

    Args:
        kind: `listed`, `one off` an entry, or `other`: half of them of the same city.
        entries: of the list.
    """
    cv2.setNumThreads(1)
    rng, reader, there = np.random.default_rng((seed, len(kind))), PlateReader.shipped(), set(entries)
    found = []
    for _ in range(count):
        text = _text(kind, rng, entries, there)
        hard = augmentation.Hardship(*(float(value) for value in rng.uniform(*TEST_HARDSHIP, 4)))
        worn = augmentation.surface(plate_face.draw(_KIND, text, rng), rng, hard.surface)
        votes = PlateVotes(reader.calibration)
        for _ in range(int(rng.integers(*_LOOKS))):
            votes.add(1, reader.look_at_crop(augmentation.look(worn, rng, hard)))
        reading = votes.reading(1)
        assert reading is not None  # noqa: S101 - it was looked at
        found.append((reading, as_stamped(text)))
    return found


def _text(kind: str, rng: np.random.Generator, entries: Sequence[str], there: set[str]) -> str:
    entry = entries[int(rng.integers(len(entries)))]
    if kind == "listed":
        return entry
    while True:
        if kind == "one off":
            at = int(rng.integers(2, 7))
            text = entry[:at] + _SERIAL[int(rng.integers(len(_SERIAL)))] + entry[at + 1 :]
        else:
            text = texts.draw(_KIND, rng)
            text = _HEAD + text[2:] if rng.random() < 0.5 else text
        if text not in there and _KIND.pattern.fullmatch(text):
            return text
