"""`hawkline bench tripwire`, `hawkline bench motion` and `hawkline bench plate`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.output import Output, OutputOption, print_rows, say

if TYPE_CHECKING:
    from provisioning.lab.edge.clips import Clip
    from provisioning.lab.edge.damage import Lines, Picture
    from provisioning.lab.edge.scoring import Judged, Score

RANDOM_LINES, RANDOM_SEED = 50, 1
_BARS = {0: (0.82, 0.97, 2), 2: (0.88, 0.98, 1), 10: (0.92, 0.99, 0)}
"""On cameras that nobody tuned for, by looks a second: least F1, least recall of alarms, most false alarms."""


def tripwire(
    quick: Annotated[bool, typer.Option("--quick", help="300 traces instead of 3,000, no peer, no looks")] = False,
    looks: Annotated[
        list[float] | None, typer.Option("--looks", min=0.1, max=30, help="looks a second; repeat it")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lines against truth: real video, and generated tracks with every hazard. Exit code 1 when a bar is missed.

    The clips are judged by motion alone and, where the object model was built, with 1, 2, 5 and 10 looks a second.
    """
    rates = looks or ([] if quick else [1.0, 2.0, 5.0, 10.0])
    rows = [*_real(rates), *_fuzz(300 if quick else 3000, with_peer=not quick)]
    print_rows(rows, output)
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)


def motion(
    quick: Annotated[
        bool, typer.Option("--quick", help="30 s of each nuisance instead of 3 min, 5,000 frames")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Motion and tracking: generated weather, cost beside peers, memory. Exit code 1 when a bar is missed."""
    rows = [*_weather(30.0 if quick else 180.0), *_cost(3 if quick else 5), _memory(5_000 if quick else 200_000)]
    print_rows(rows, output)
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)


def damage(
    clip: Annotated[
        list[str] | None, typer.Option("--clip", help="only clips whose names hold this; repeat it")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Crossings that are missed where pictures of a stream are missing or broken. No bars: it prints what it costs."""
    from provisioning.lab.edge.damage import Lost, measure

    rows: list[Row] = []
    for name, lines, fps, pictures in _damaged(clip or []):
        outcome = measure(name, lines, fps, pictures, (30, 10))
        cases = {"encoded anew, undamaged": outcome.anew}
        cases |= {f"one picture in {every} damaged": lost for every, lost in outcome.damaged.items()}
        for case, lost in cases.items():
            row = _row(name, case, None, f"{lost.missed} of {lost.of} missed" if lost != Lost() else "no crossing")
            rows.append({**row, "found": lost.of - lost.missed, "missed": lost.missed})
    print_rows(rows, output)


def plate(
    folds: Annotated[
        Path | None, typer.Option("--folds", help="folder of `models.training.make`: measure the five folds too")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer drawn plates")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Plates against truth: real ones in five folds, drawn ones of every kind, calibration, speed.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.edge.plate_rows import rows

    listed = list(rows(folds, quick=quick))
    print_rows(listed, output)
    if any(row["verdict"] == "missed" for row in listed):
        raise typer.Exit(1)


Row = dict[str, object]


def _real(rates: Sequence[float]) -> list[Row]:
    from provisioning.lab.edge import clips
    from provisioning.lab.edge.accuracy import against_counts, against_tracks, on_tracks
    from provisioning.lab.edge.ground_truth import read
    from provisioning.lab.edge.scoring import Score
    from shared.real_data import real_data

    folder = real_data("video")
    if folder is None:
        say("the real videos are absent; set HAWKLINE_DATA to their folder")
        return [_row("real video", "all", None, "real videos are absent; set HAWKLINE_DATA")]
    truth = read(folder / clips.PETS_TRUTH[0], *clips.PETS_TRUTH[1:])
    own = against_tracks(folder / clips.PETS, truth, clips.PETS_LINES)
    rows = [_scored("PETS09", name, score) for name, score in own.items()]
    total = sum(own.values(), Score())
    rows.append(_scored("PETS09", "all of them, F1 >= 0.95", total, met=total.f1 >= 0.95))
    anywhere = against_tracks(folder / clips.PETS, truth, clips.random_lines(RANDOM_LINES, RANDOM_SEED))
    rows.append(_scored("PETS09", f"{RANDOM_LINES} random lines", sum(anywhere.values(), Score())))
    worst = min(anywhere, key=lambda name: (anywhere[name].f1, -anywhere[name].missed - anywhere[name].wrong))
    rows.append(_scored("PETS09", f"the worst of them, {worst}", anywhere[worst]))
    street = read(folder / clips.TUD_TRUTH[0], *clips.TUD_TRUTH[1:])
    tud = against_tracks(folder / clips.TUD, street, clips.TUD_LINES)
    rows.append(_scored("TUD", "three lines, reported only", sum(tud.values(), Score())))
    tracked = [
        on_tracks("PETS09", folder / clips.PETS, truth, clips.PETS_LINES),
        on_tracks("TUD", folder / clips.TUD, street, clips.TUD_LINES),
    ]
    cameras = [*clips.with_lines(folder), *tracked]
    rows += _every_camera(folder, cameras)
    rows += _with_looks(folder, cameras, rates)
    for counted in clips.COUNTED:
        for name, score in against_counts(folder / counted.video, counted.lines, counted.within_frames).items():
            right = not score.missed and not score.wrong
            rows.append(_scored(counted.video.split("-det")[0], name, score, met=right))
    return rows


def _damaged(wanted: Sequence[str]) -> "Iterator[tuple[str, Lines, float, Iterator[Picture]]]":
    from provisioning.lab.edge import clips
    from provisioning.lab.edge.damage import fences, video
    from shared.real_data import real_data

    def is_wanted(name: str) -> bool:
        return not wanted or any(part in name for part in wanted)

    yield from (case for case in fences() if is_wanted(case[0]))
    folder = real_data("video")
    if folder is None:
        say("the real videos are absent; set HAWKLINE_DATA to their folder")
        return
    real: dict[str, tuple[str, Lines]] = {
        clip.name: (clip.video, {line: points for line, (points, _) in clip.lines.items()})
        for clip in clips.with_lines(folder)
    }
    real["PETS09"] = clips.PETS, clips.PETS_LINES
    for name, (file, lines) in real.items():
        if is_wanted(name):
            fps, pictures = video(folder / file)
            yield name, lines, fps, pictures


def _with_looks(folder: Path, cameras: "list[Clip]", rates: Sequence[float]) -> list[Row]:
    """The same with an object detector that looks at whole pictures; a row that says why where it cannot."""
    from models.registry import Registry, TamperedModelError

    registry = Registry()
    try:
        registry.verify(registry.find("objects"))
    except TamperedModelError as error:
        return [_row("every camera", "with looks", None, str(error))] if rates else []
    return [row for rate in rates for row in _every_camera(folder, cameras, rate)]


def _every_camera(folder: Path, cameras: "list[Clip]", looks: float = 0) -> list[Row]:
    """Cameras that nobody tuned for: each, the half that constants were chosen on, the other half, and all."""
    from provisioning.lab.edge.accuracy import on_clip
    from provisioning.lab.edge.clips import CHOSEN_ON
    from provisioning.lab.edge.scoring import Judged

    every = f"every camera, {looks:g} looks/s" if looks else "every camera"
    outcomes = {clip.name: on_clip(folder, clip, looks) for clip in cameras}
    rows = [_judged(name, "all its lines", outcome) for name, outcome in outcomes.items()]
    chosen = [outcome for name, outcome in outcomes.items() if name in CHOSEN_ON]
    others = [outcome for name, outcome in outcomes.items() if name not in CHOSEN_ON]
    rows.append(_judged(every, "those that constants were chosen on", sum(chosen, Judged())))
    rows.append(_judged(every, "the others", sum(others, Judged())))
    total = sum(outcomes.values(), Judged())
    mean_f1 = sum(outcome.score.f1 for outcome in outcomes.values()) / len(outcomes)
    mean_recall = sum(outcome.recall for outcome in outcomes.values()) / len(outcomes)
    if looks not in _BARS:
        together, means = _judged(every, "together", total), _row(every, "mean over clips", None, "")
    else:
        f1, recall, false = _BARS[int(looks)]
        met = total.score.f1 >= f1 and total.recall >= recall and total.false <= false
        bars = f"F1 >= {f1}, recall of alarms >= {recall}, false alarms <= {false}"
        together = _judged(every, f"together: {bars}", total, met=met)
        means = _row(every, "mean over clips, the same bars", mean_f1 >= f1 and mean_recall >= recall, "")
    rows.append(together)
    means.update(f1=round(mean_f1, 3), note=f"recall of alarms {mean_recall:.3f}")
    return [*rows, means]


def _judged(what: str, case: str, judged: "Judged", *, met: bool | None = None) -> Row:
    row = _scored(what, case, judged.score, met=met)
    row["note"] = f"heard {judged.heard} of {judged.true} ({judged.recall:.3f}), {judged.false} false alarms"
    return row


def _fuzz(traces: int, *, with_peer: bool) -> list[Row]:
    from provisioning.lab.edge.fuzz import PEER, ours, peer

    seeds = range(traces)
    verdict = ours(seeds)
    clean = not verdict.total.missed and not verdict.total.wrong
    rows = [_scored(f"{traces} traces", "hawkline, none wrong, missed or twice", verdict.total, met=clean)]
    other = peer(seeds) if with_peer else None
    if other is None:
        rows.append(_row(f"{traces} traces", PEER, None, "not run" if not with_peer else "could not be installed"))
    else:
        rows.append(_scored(f"{traces} traces", f"{PEER}, beside it", other.total))
        rows += [_scored("", f"   {name}", score) for name, score in sorted(other.by_script.items())]
    return rows


def _weather(seconds: float) -> list[Row]:
    from provisioning.lab.edge.negatives import judge
    from provisioning.lab.edge.sequences import sequences

    rows = []
    for sequence in sequences(seconds):
        outcome = judge(sequence)
        clean = not outcome.false and not outcome.walked.wrong and not outcome.walked.missed
        row = _scored(
            f"{sequence.name}, {seconds:g} s", f"{sequence.kind}: none false, all counted", outcome.walked, met=clean
        )
        row["wrong"] = outcome.walked.wrong + outcome.false
        rows.append(row)
    return rows


def _cost(runs: int) -> list[Row]:
    from provisioning.lab.edge.cost import compare, ratio

    rows = []
    for width, height in ((1920, 1080), (1280, 720)):
        figures = compare(width, height, runs)
        for name, times in figures.items():
            middle = sorted(times)[len(times) // 2]
            rows.append(
                _row(f"{width}x{height}", name, None, f"{middle:.2f} ms a frame, {min(times):.2f} to {max(times):.2f}")
            )
        part = ratio(figures, "MOG2")
        verdict = None if height != 1080 else part <= 0.1
        rows.append(_row(f"{width}x{height}", "part of MOG2, <= 0.1 at 1080p", verdict, f"{part:.3f}"))
    return rows


def _memory(total: int) -> Row:
    from provisioning.lab.edge.cost import memory_growth_mib

    base, growth = memory_growth_mib(total)
    return _row(f"{total} frames", "memory grows by <= 5 MiB", growth <= 5, f"{growth:.1f} MiB above {base:.0f}")


def _scored(what: str, case: str, score: "Score", *, met: bool | None = None) -> Row:
    row = _row(what, case, met, "")
    row.update(found=score.found, missed=score.missed, wrong=score.wrong, f1=round(score.f1, 3))
    return row


def _row(what: str, case: str, met: bool | None, note: str) -> Row:
    verdict = "" if met is None else "met" if met else "missed"
    return {
        "what": what,
        "case": case,
        "verdict": verdict,
        "found": None,
        "missed": None,
        "wrong": None,
        "f1": None,
        "note": note,
    }


def camera(
    minutes: Annotated[float, typer.Option("--minutes", min=1, help="an hour is five rounds of all phases")] = 60.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """A camera that does everything wrong in turn: every crossing once, memory flat, the state right at each moment.

    Exit code 1 when one of these is not so.
    """
    from provisioning.lab.edge.soak import Account, soak

    account = Account()
    for account in soak(minutes * 60):
        say(
            f"{account.found} of {account.truth} crossings, {account.twice} twice, {account.false} false; "
            f"missed {dict(account.missed)}, wrong states {dict(account.wrong_states)}, {account.growth_mib:+.1f} MiB"
        )
    told = f"{account.found} of {account.truth}, {account.twice} twice, {account.false} false"
    once = account.found == account.truth and not account.twice and not account.false
    rows = [
        _row("crossings", "each once", once, told),
        _row("states", "right at each moment", not account.wrong_states, str(dict(account.wrong_states))),
        _row("memory", "grows by <= 10 MiB", account.growth_mib <= 10, f"{account.growth_mib:+.1f} MiB"),
    ]
    print_rows(rows, output)
    if any(row["verdict"] == "missed" for row in rows):
        raise typer.Exit(1)
