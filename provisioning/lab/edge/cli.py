"""Benches of the box: lines, motion, cameras, plates, checkpoints."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provisioning.lab.rows import Row, as_measured, fail_if_missed
from shared.errors import UnavailableError
from shared.output import Output, OutputOption, print_rows, say

if TYPE_CHECKING:
    from provisioning.lab.edge.camera_encoder import Picture
    from provisioning.lab.edge.cameras import Cameras, Outcome
    from provisioning.lab.edge.damage import Lines
    from provisioning.lab.edge.peers import Peer
    from provisioning.lab.edge.scoring import Score

RANDOM_LINES, RANDOM_SEED = 50, 1
_ENCODINGS = 4
_BARS = {0: (0.82, 0.97, 2), 2: (0.88, 0.98, 1), 10: (0.92, 0.99, 0)}
"""On cameras that nobody tuned for, by looks a second: least F1, least recall of alarms, most false alarms."""
_CHEAP, _CORE = 2.0, 0.25
"""Up to so many looks a second a camera's looks shall take so much of a core at most."""


def tripwire(
    quick: Annotated[bool, typer.Option("--quick", help="300 traces instead of 3,000, no peer, no looks")] = False,
    looks: Annotated[
        list[float] | None, typer.Option("--looks", min=0.1, max=30, help="looks a second; repeat it")
    ] = None,
    encodings: Annotated[
        int | None, typer.Option("--encodings", min=1, max=4, help="of each clip; 4, or 1 with --quick")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lines against truth: real video, and generated tracks with every hazard. Exit code 1 when a bar is missed.

    The clips are judged by motion alone and, where the object model was built, with 1, 2, 5 and 10 looks a second, each
    in several encodings; peers run beside them.
    """
    from provisioning.lab.edge.peers import Peer

    rates = looks or ([] if quick else [1.0, 2.0, 5.0, 10.0])
    with nullcontext() if quick else Peer.installed() as peer:
        rows = list(_real(rates, encodings or (1 if quick else _ENCODINGS), peer))
        rows += _fuzz(300 if quick else 3000, peer)
    print_rows(rows, output)
    fail_if_missed(rows)


def motion(
    quick: Annotated[
        bool, typer.Option("--quick", help="30 s of each nuisance instead of 3 min, 5,000 frames")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Motion and tracking: generated weather, cost beside peers, memory. Exit code 1 when a bar is missed."""
    rows = [*_weather(30.0 if quick else 180.0), *_cost(3 if quick else 5), _memory(5_000 if quick else 200_000)]
    print_rows(rows, output)
    fail_if_missed(rows)


def objects(
    quick: Annotated[bool, typer.Option("--quick", help="half a minute of each creature instead of ten")] = False,
    looks: Annotated[float, typer.Option("--looks", min=1, max=10, help="looks a second")] = 2.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lines that ask for persons: an hour of drawn animals, insects and shadows, and real clips of vehicles and people.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.edge.asked_for import generated, real
    from shared.real_data import real_data

    if why := _no_model():
        raise UnavailableError(why)
    rows: list[Row] = []
    for outcome in generated(30.0 if quick else 600.0, looks):
        walked, false = outcome.walked, outcome.walked.wrong + outcome.false
        clean = not false and not walked.missed
        what = f"{outcome.sequence.name}, {outcome.sequence.seconds:g} s"
        row = _scored(what, "no alarm, and no person less", walked, met=clean)
        rows.append({**row, "wrong": false})
    folder = real_data("video")
    if folder is None:
        say("the real videos are absent; set HAWKLINE_DATA to their folder")
    for asked in real(folder, looks) if folder else ():
        told = f"{asked.of_persons} events of {asked.of_all} where all is asked for"
        if asked.vehicles_only:
            rows.append(_row(asked.clip, "vehicles: no alarm", not asked.of_persons, told))
        else:
            rows.append(_row(asked.clip, "people: none less", asked.of_persons >= asked.of_all, told))
    print_rows(rows, output)
    fail_if_missed(rows)


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


def box(
    cameras: Annotated[int, typer.Option("--cameras", min=1, max=16)] = 4,
    looks: Annotated[float, typer.Option("--looks", min=1, max=10, help="looks a second and camera")] = 2.0,
    seconds: Annotated[float, typer.Option("--for", min=10, help="seconds of each, when it has settled")] = 60.0,
    video: Annotated[
        Path | None, typer.Option("--video", help="what the cameras see; without it a drawn gate", show_default=False)
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """A whole box with cameras of 1080p at 10 pictures/s: memory, processors, dropped frames; alone and with looks.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.cpu_steal import Stolen, verdict
    from provisioning.lab.edge.whole_box import film, measure

    if why := _no_model():
        raise UnavailableError(why)
    recorded, stolen = film(video), Stolen()
    alone, looking = measure(recorded, cameras, (0.0, looks), seconds)
    part = stolen.part()
    rows: list[Row] = []
    for name, load in (("motion alone", alone), (f"{looks:g} looks/s each", looking)):
        late = f"{load.dropped} of {load.pictures}"
        rows.append(_row(name, "memory, <= 700 MB", load.memory_mb <= 700, f"{load.memory_mb:.0f} MB"))
        rows.append({**_row(name, "no frame dropped", None, late), "verdict": verdict(not load.dropped, part)})
        rows.append(_row(name, "processors", None, f"{load.cores:.2f}"))
    more = (looking.cores - alone.cores) / cameras
    judged = verdict(more <= _CORE, part) if looks <= _CHEAP else ""
    rows.append({**_row("each camera's looks", "<= 0.25 of a core up to 2/s", None, f"{more:.3f}"), "verdict": judged})
    print_rows([{**row, "stolen": part} for row in rows], output, ("what", "case", "verdict", "note", "stolen"))
    fail_if_missed(rows)


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

    listed = as_measured(rows(folds, quick=quick))
    print_rows(listed, output)
    fail_if_missed(listed)


def checkpoint(
    part: Annotated[
        list[str] | None, typer.Option("--part", help="traffic, matching or cost; may be given more than once")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="processes; one a core by default")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer vehicles")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Checkpoints against truth: rendered traffic, drawn passages against a list of 10,000 entries, the cost of a hash.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.edge.checkpoint_rows import Part, rows

    names = part or [each.value for each in Part]
    if unknown := set(names) - {each.value for each in Part}:
        raise typer.BadParameter(f"{min(unknown)}: there are {', '.join(Part)}", param_hint="--part")
    listed = as_measured(rows(set(map(Part, names)), quick=quick, workers=workers))
    print_rows(listed, output)
    fail_if_missed(listed)


def veil(
    folds: Annotated[
        Path | None, typer.Option("--folds", help="folder of `models.training.make`: judge scenes that were not learnt")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer scenes")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Plates in pictures that left the box, real and drawn: whether our reader, or sharpness, tells anything of them.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.edge.veil_rows import rows

    listed = as_measured(rows(folds, quick=quick))
    print_rows(listed, output)
    fail_if_missed(listed)


def people(
    quick: Annotated[bool, typer.Option("--quick", help="fewer pictures")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """People in exports: how many heads of clips with truth are left to be recognised, and how much else is blurred.

    Exit code 1 when a bar is missed.
    """
    from provisioning.lab.edge.people_rows import rows

    listed = as_measured(rows(quick=quick))
    print_rows(listed, output)
    fail_if_missed(listed)


def _real(rates: Sequence[float], encodings: int, peer: "Peer | None") -> Iterator[Row]:
    from provisioning.lab.edge import clips
    from provisioning.lab.edge.accuracy import against_counts, against_tracks
    from provisioning.lab.edge.cameras import Cameras
    from provisioning.lab.edge.ground_truth import read
    from provisioning.lab.edge.scoring import Score
    from shared.real_data import real_data

    folder = real_data("video")
    if folder is None:
        say("the real videos are absent; set HAWKLINE_DATA to their folder")
        yield _row("real video", "all", None, "real videos are absent; set HAWKLINE_DATA")
        return
    truth = read(folder / clips.PETS_TRUTH[0], *clips.PETS_TRUTH[1:])
    own = against_tracks(folder / clips.PETS, truth, clips.PETS_LINES)
    yield from (_scored("PETS09", name, score) for name, score in own.items())
    total = sum(own.values(), Score())
    yield _scored("PETS09", "all of them, F1 >= 0.95", total, met=total.f1 >= 0.95)
    anywhere = against_tracks(folder / clips.PETS, truth, clips.random_lines(RANDOM_LINES, RANDOM_SEED))
    yield _scored("PETS09", f"{RANDOM_LINES} random lines", sum(anywhere.values(), Score()))
    worst = min(anywhere, key=lambda name: (anywhere[name].f1, -anywhere[name].missed - anywhere[name].wrong))
    yield _scored("PETS09", f"the worst of them, {worst}", anywhere[worst])
    with Cameras.prepared(folder, encodings) as cameras:
        yield from _every_camera(cameras, 0)
        why = _no_model()
        if why and rates:
            yield _row("every camera", "with looks", None, why)
        for rate in [] if why else rates:
            yield from _every_camera(cameras, rate)
        if peer:
            yield from _peers(cameras, peer, with_detector=not why)
    for counted in clips.COUNTED:
        for name, score in against_counts(folder / counted.video, counted.lines, counted.within_frames).items():
            right = not score.missed and not score.wrong
            yield _scored(counted.video.split("-det")[0], name, score, met=right)


def _no_model() -> str:
    """Why there are no looks; empty where there are."""
    from models.registry import Registry, TamperedModelError

    registry = Registry()
    try:
        registry.verify(registry.find("objects"))
    except TamperedModelError as error:
        return str(error)
    return ""


def _damaged(wanted: Sequence[str]) -> "Iterator[tuple[str, Lines, float, Iterator[Picture]]]":
    from provisioning.lab.edge import clips
    from provisioning.lab.edge.camera_encoder import pictures_of
    from provisioning.lab.edge.damage import fences
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
            fps, pictures = pictures_of(folder / file)
            yield name, lines, fps, pictures


def _every_camera(cameras: "Cameras", looks: float) -> Iterator[Row]:
    """Cameras that nobody tuned for: each, the half that constants were chosen on, the other half, and all."""
    from provisioning.lab.edge.cameras import together
    from provisioning.lab.edge.clips import CHOSEN_ON

    every = f"every camera, {looks:g} looks/s" if looks else "every camera"
    outcomes = cameras.judged(looks)
    yield from (_judged(name, "all its lines", outcome) for name, outcome in outcomes.items())
    halves = {"those that constants were chosen on": True, "the others": False}
    for case, chosen in halves.items():
        yield _judged(every, case, together([each for name, each in outcomes.items() if (name in CHOSEN_ON) is chosen]))
    whole = together(list(outcomes.values()))
    mean_f1 = sum(each.total.score.f1 for each in outcomes.values()) / len(outcomes)
    mean_recall = sum(each.total.recall for each in outcomes.values()) / len(outcomes)
    nobody = sum(cameras.where_nobody_goes(looks).values())
    if looks in _BARS:
        f1, recall, false = _BARS[int(looks)]
        met = whole.total.score.f1 >= f1 and whole.total.recall >= recall and whole.false <= false
        bars = f"F1 >= {f1}, recall of alarms >= {recall}, false alarms <= {false}"
        yield _judged(every, f"together: {bars}", whole, met=met)
        means = _row(every, "mean over clips, the same bars", mean_f1 >= f1 and mean_recall >= recall, "")
    else:
        yield _judged(every, "together", whole)
        means = _row(every, "mean over clips", None, "")
    means.update(f1=round(mean_f1, 3), note=f"recall of alarms {mean_recall:.3f}")
    yield means
    yield {**_row(every, "five lines a clip where nobody goes: none", not nobody, ""), "wrong": nobody}


def _peers(cameras: "Cameras", peer: "Peer", *, with_detector: bool) -> Iterator[Row]:
    """MOG2, or our object detector in every picture, with ByteTrack and LineZone on the clips as they are."""
    from provisioning.lab.edge.cameras import together
    from provisioning.lab.edge.peers import BYTETRACK, LINEZONE

    found_by = {"MOG2": False, "the object detector": True}
    for name, detector in found_by.items():
        outcomes = cameras.beside(peer, detector=detector) if with_detector or not detector else None
        if outcomes is None:
            yield _row("every camera", f"{name} with {BYTETRACK}", None, "did not run")
            continue
        yield from (_judged(clip, f"{name} with {BYTETRACK}", each) for clip, each in outcomes.items())
        yield _judged("every camera", f"{name} with {BYTETRACK} and {LINEZONE}", together(list(outcomes.values())))


def _judged(what: str, case: str, outcome: "Outcome", *, met: bool | None = None) -> Row:
    total = outcome.total
    row = _scored(what, case, total.score, met=met)
    said = f"heard {total.heard} of {total.true} ({total.recall:.3f}), {outcome.false:g} false alarms"
    if len(outcome.by_encoding) > 1:
        least, most = outcome.spread
        said += f"; {len(outcome.by_encoding)} encodings, F1 {least:.3f} to {most:.3f}"
    row["note"] = said
    return row


def _fuzz(traces: int, runner: "Peer | None") -> list[Row]:
    from provisioning.lab.edge.fuzz import ours, peer
    from provisioning.lab.edge.peers import LINEZONE

    seeds = range(traces)
    verdict = ours(seeds)
    clean = not verdict.total.missed and not verdict.total.wrong
    rows = [_scored(f"{traces} traces", "hawkline, none wrong, missed or twice", verdict.total, met=clean)]
    other = peer(seeds, runner) if runner else None
    if other is None:
        rows.append(_row(f"{traces} traces", LINEZONE, None, "did not run"))
    else:
        rows.append(_scored(f"{traces} traces", f"{LINEZONE}, beside it", other.total))
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
    from provisioning.lab.edge.cost import compare, frames, ratio

    rows = []
    for width, height in ((1920, 1080), (1280, 720)):
        for scene, busy in (("nothing moves", False), ("a vehicle every 3 s", True)):
            what, figures = f"{width}x{height}, {scene}", compare(frames(width, height, 60, busy=busy), runs)
            for name, times in figures.items():
                middle = sorted(times)[len(times) // 2]
                rows.append(_row(what, name, None, f"{middle:.2f} ms a frame, {min(times):.2f} to {max(times):.2f}"))
            part = ratio(figures, "MOG2")
            verdict = None if height != 1080 else part <= 0.1
            rows.append(_row(what, "part of MOG2, <= 0.1 at 1080p", verdict, f"{part:.3f}"))
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


def soak(
    minutes: Annotated[float, typer.Option("--minutes", min=1, help="an hour is five rounds of all phases")] = 60.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """A camera that does everything wrong in turn: every crossing once, memory flat, the state right at each moment.

    Exit code 1 when one of these is not so.
    """
    from provisioning.lab.edge import soak as runner

    account = runner.Account()
    for account in runner.soak(minutes * 60):
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
    fail_if_missed(rows)


def camera(
    variants: Annotated[int, typer.Option("--variants", min=1, help="of each fault in each clip")] = 4,
    days: Annotated[float, typer.Option("--days", min=0, help="camera-days that are generated")] = 90.0,
    quick: Annotated[bool, typer.Option("--quick", help="one variant, 5 minutes of each clean clip, 2 days")] = False,
    part: Annotated[
        list[str] | None,
        typer.Option("--part", help="faults, creeping, clean, days, dirt or cost alone; repeat it"),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Whether a camera that is blind says so: faults put into real clips, clean clips, generated days, cost.

    Thresholds were chosen on one half of the clips; bars are judged on the other, and on photographs that were never
    looked at. Exit code 1 when one is missed.
    """
    from provisioning.lab.edge.sight_rows import Asked, Part, rows
    from shared.real_data import data_root, real_data

    folder = real_data("video")
    if folder is None:
        raise UnavailableError(f"{data_root() / 'video'}: no such folder; set HAWKLINE_DATA to where the clips lie")
    variants, days = (1, 2.0) if quick else (variants, days)
    names = part or [each.value for each in Part if not quick or each not in (Part.CREEPING, Part.DIRT)]
    if unknown := set(names) - {each.value for each in Part}:
        raise typer.BadParameter(f"{min(unknown)}: there are {', '.join(Part)}", param_hint="--part")
    asked = Asked(folder, real_data("plates/scenes"), variants, days, frozenset(map(Part, names)), quick)
    found = as_measured(rows(asked))
    print_rows(found, output)
    fail_if_missed(found)
