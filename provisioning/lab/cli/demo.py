"""`hawkline demo`: the whole way once, on this machine; and a plan, before anybody drives out."""

from pathlib import Path
from typing import Annotated

import typer

from provisioning.sites.words import Language, language_of
from shared.credentials import is_stream
from shared.errors import ConfigError
from shared.output import emit, say, to_json

app = typer.Typer(help="The whole of Hawkline on this machine, with generated scenes or a video.", no_args_is_help=True)


@app.command(epilog="Example: hawkline demo run --for 60 --video gate.mp4 --scene gate.toml")
def run(
    for_s: Annotated[
        float | None, typer.Option("--for", min=1, help="seconds from the first analysed frame; without, until Ctrl+C")
    ] = None,
    video: Annotated[Path | None, typer.Option("--video", help="a real video beside the generated scenes")] = None,
    scene: Annotated[Path | None, typer.Option("--scene", help="scene file with the video's tripwires")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="port of console and API")] = 8420,
    folder: Annotated[Path, typer.Option("--dir", help="where data and logs go")] = Path(".hawkline/demo"),
) -> None:
    """Start aggregator and agents, watch, stop, and print one JSON summary on standard output.

    Exit code 0: alerts were raised and nothing was lost; 1: not so; 2: it could not run.
    """
    from provisioning.lab.demo.run import DemoOptions, run_demo
    from shared.scene import load_scene

    if (video is None) != (scene is None):
        raise ConfigError("--video and --scene belong together: a video needs the lines that are watched in it")
    if video is not None and is_stream(video):
        raise ConfigError("--video: an address, expected a video file")
    if video is not None and not video.is_file():
        raise ConfigError(f"--video {str(video)!r}: no such file, expected a video")
    if scene is not None:
        load_scene(scene)
    summary = run_demo(DemoOptions(folder.resolve(), port, for_s, video, scene))
    emit(to_json(summary))
    if not summary["ok"]:
        say("not ok: no alert was raised, or something was lost; the logs are in " + str(folder / "logs"))
        raise typer.Exit(1)


@app.command(epilog="Example: hawkline demo rehearse plan.xlsx")
def rehearse(
    plan: Annotated[Path, typer.Argument(help="workbook or folder of CSV files", show_default=False)],
    boxes: Annotated[int, typer.Option("--boxes", min=1, max=40, help="of the plan, that run")] = 10,
    fps: Annotated[float, typer.Option("--fps", min=4, max=25, help="pictures a second of each camera")] = 4.0,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="seconds; without, until Ctrl+C")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="port of console and API")] = 8420,
    folder: Annotated[Path, typer.Option("--dir", help="where data and logs go")] = Path(".hawkline/rehearsal"),
    lang: Annotated[
        Language | None, typer.Option("--lang", help="of messages; by default that of the locale", show_default=False)
    ] = None,
) -> None:
    """Rehearse a plan (预演): a centre and the first boxes, which wait for `site apply` and `site send`.

    These are given in another terminal. All is real but for the cameras, which show generated scenes: commands, page,
    lines, alerts. Nothing leaves this machine. Delete the folder to begin anew.
    """
    from provisioning.lab.rehearsal.run import Rehearsal
    from provisioning.lab.rehearsal.run import rehearse as run_rehearsal
    from provisioning.sites import work

    language = lang or language_of()
    asked = Rehearsal(work.sound(plan, language), plan, folder.resolve(), port, boxes, fps, for_s, language)
    done = run_rehearsal(asked)
    emit(to_json({"online": done.online, "obeying": done.obeying, "alerts": done.events}))
