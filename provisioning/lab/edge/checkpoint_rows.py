"""What `hawkline bench checkpoint` prints."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from multiprocessing import get_context
from statistics import median

import numpy as np

from edge_agent.vision.plate.matching import LIKELY, MOST_TEXTS
from models.plate import Reading
from models.registry import Registry
from models.training.glyphs import DATA
from provisioning.lab.edge.checkpoints import Drove, drive, entries_of_a_city, passages, table_of
from provisioning.lab.edge.plates import Rate
from provisioning.lab.local_site.observer import percentile
from provisioning.lab.rows import Row
from provisioning.lab.rows import judged as _row
from shared.plates.hashing import month_secret, slow_hash

_ONCE, _HITS = 0.995, 0.97
_ENTRIES, _MOST_WRONG = 10_000, 1
_LOOK_UP_MS = 20.0
_ALL_PLATES = 8e9
_AT_ONCE = 250
_SEED = 101


class Part(StrEnum):
    """What can be measured by itself."""

    TRAFFIC = "traffic"
    MATCHING = "matching"
    COST = "cost"


def rows(parts: set[Part], *, quick: bool, workers: int | None) -> Iterator[Row]:
    """Row by row, as they are measured."""
    if not (DATA / "plates" / "glyphs").is_dir():
        yield _row("rendered traffic", "all", None, "", f"{DATA} has no characters of plates; set HAWKLINE_DATA")
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if Part.TRAFFIC in parts:
            yield from _traffic(pool, 1 if quick else 4, 20 if quick else 60)
        if Part.MATCHING in parts:
            yield from _matching(pool, 40 if quick else 1)
    if Part.COST in parts:
        yield from _cost(20 if quick else 200)


def _traffic(pool: ProcessPoolExecutor, stretches: int, vehicles: int) -> Iterator[Row]:
    ways = {"both lanes towards it": (), "one lane away from it": (1,)}
    asked = [(w, way, seed) for w in ("day", "night", "rain") for way in ways for seed in range(stretches)]
    done = pool.map(
        drive,
        *zip(*((_SEED + seed, weather, vehicles, ways[way]) for weather, way, seed in asked), strict=True),
    )
    all_of: dict[tuple[str, str], list[Drove]] = {}
    for (weather, way, _), drove in zip(asked, done, strict=True):
        all_of.setdefault((weather, way), []).append(drove)
    for (weather, way), some in all_of.items():
        yield from _told(f"{weather}, {way}", some, judge=False)
    yield from _told("all of them", [one for each in all_of.values() for one in each], judge=True)


def _told(what: str, drove: list[Drove], *, judge: bool) -> Iterator[Row]:
    once = Rate(sum(one.once for one in drove), sum(one.vehicles for one in drove))
    extra = sum(one.extra for one in drove)
    met = once.value >= _ONCE and extra <= (1 - _ONCE) * once.of
    yield _row(what, "once, in its lane and direction", met if judge else None, str(once), f"{extra} told besides")
    right, wrong = sum(one.right for one in drove), sum(one.wrong for one in drove)
    read = Rate(right + wrong, once.hits)
    yield _row(what, "read", None, str(read), f"{wrong} wrong")
    hits, wrong_hits = Rate(sum(one.hits for one in drove), sum(one.listed for one in drove)), 0
    wrong_hits = sum(one.wrong_hits for one in drove)
    met = hits.value >= _HITS and not wrong_hits
    after_s = [after_s for one in drove for after_s in one.hit_s]
    yield _row(what, "listed ones hit", met if judge else None, str(hits), f"{wrong_hits} others hit")
    if after_s:
        late = ", ".join(f"p{part} {percentile(after_s, part / 100):.2f} s" for part in (50, 99))
        yield _row(what, "from the line until a hit is told", None, late, f"at most {max(after_s):.2f} s, as filmed")
    if judge:
        yield _row(what, "a look for plates", None, f"{median(one.look_ms for one in drove):.1f} ms", "processor time")


def _matching(pool: ProcessPoolExecutor, part: int) -> Iterator[Row]:
    """Twenty thousand that are on no list, every tenth of them one character off an entry."""
    entries = entries_of_a_city(_ENTRIES)
    table = table_of(entries)
    wrong, of = 0, 0
    for kind, count in (("other", 18_000 // part), ("one off", 2_000 // part), ("listed", 2_000 // part)):
        read = list(_read(pool, kind, count, entries))
        matched = [table.match(reading, 0) for reading, _ in read]
        misread = sum(reading.text != truth for reading, truth in read)
        if kind == "listed":
            of_truth = zip(matched, read, strict=True)
            right = [match is not None and entries[match.entry.entry] == truth for match, (_, truth) in of_truth]
            rate = Rate(sum(right), len(right))
            yield _row(
                f"{_ENTRIES} entries of one city", "listed", rate.value >= _HITS, str(rate), f"{misread} misread"
            )
            continue
        hit = sum(match is not None for match in matched)
        wrong, of = wrong + hit, of + len(read)
        yield _row(f"{_ENTRIES} entries of one city", kind, None, f"{hit} of {len(read)} hit", f"{misread} misread")
    bound = -np.log(0.05) / of if not wrong else Rate(wrong, of).interval[1]
    said = f"at most {bound:.4%} at 95 %"
    yield _row(f"{_ENTRIES} entries of one city", "wrong hits", wrong <= _MOST_WRONG, f"{wrong} of {of}", said)


def _read(pool: ProcessPoolExecutor, kind: str, count: int, entries: list[str]) -> Iterator[tuple[Reading, str]]:
    batches = range(0, count, _AT_ONCE)
    sizes = [min(_AT_ONCE, count - begin) for begin in batches]
    seeds = [_SEED + number for number in range(len(sizes))]
    same = len(sizes)
    for some in pool.map(passages, [kind] * same, seeds, sizes, [entries] * same):
        yield from some


def _cost(runs: int) -> Iterator[Row]:
    entries = entries_of_a_city(_ENTRIES)
    secret, table = month_secret(bytes(32), "2026-11"), table_of(entries[:100])
    others = tuple((entries[-1 - number], LIKELY) for number in range(1, MOST_TEXTS))
    worst = Reading(entries[-1], LIKELY, "blue", "single", True, others)
    reference = Registry().open("reference")
    signal = {"signal": np.random.default_rng(1).random((1, 32, 64, 64), np.float32)}
    hashes, looked_up, beside = list[float](), list[float](), list[float]()
    for number in range(runs):
        for spent, work in (
            (hashes, lambda number=number: slow_hash(entries[number], secret)),
            (looked_up, lambda: table.match(worst, 0)),
            (beside, lambda: reference.run(None, signal)),
        ):
            began = time.process_time()
            work()
            spent.append(1000 * (time.process_time() - began))
    hash_ms, beside_ms = median(hashes), median(beside)
    said = f"reference graph {beside_ms:.2f} ms"
    yield _row("one core", "a slow hash", hash_ms >= 1, f"{hash_ms:.2f} ms", f"bar at least 1 ms; {said}")
    most = median(looked_up)
    yield _row("one core", f"a look-up of {MOST_TEXTS} texts", most <= _LOOK_UP_MS, f"{most:.2f} ms", "bar 20 ms")
    yield _row("one core", f"{_ENTRIES} entries, once a month", None, f"{_ENTRIES * hash_ms / 1000:.0f} s")
    days = _ALL_PLATES * hash_ms / 86_400_000
    yield _row("one core", "all plates there can be", None, f"{days:.0f} days", "on a stolen box, for one month")
