"""`hawkline scene`: what an installer draws on a camera's picture."""

import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.credentials import is_stream
from shared.errors import ConfigError, PortInUseError
from shared.output import Output, OutputOption, print_rows, say

if TYPE_CHECKING:
    from edge_agent.frames import Frame

app = typer.Typer(help="Scene files: lines, zones and masks of one camera.", no_args_is_help=True)


@app.command(epilog="Example: hawkline scene edit gate.mp4 --scene gate.toml")
def edit(
    source: Annotated[
        str, typer.Argument(metavar="VIDEO|RTSP", help="video file or rtsp:// address", show_default=False)
    ],
    scene: Annotated[Path, typer.Option("--scene", help="scene file to make or change", show_default=False)],
    budget: Annotated[
        float, typer.Option("--budget", min=0, max=30, help="try with so many looks of the object detector a second")
    ] = 0,
    host: Annotated[str, typer.Option("--host", help="loopback address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one")] = 0,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="open the page")] = True,
) -> None:
    """Open a page with one frame: draw lines, zones and masks, try them, save the file. Ctrl-C ends it."""
    from edge_agent.camera.looks.lookers import patient_looks
    from edge_agent.config import LookSettings
    from edge_agent.scene_editor.server import SceneEditor, serve

    if scene.is_dir() or not scene.resolve().parent.is_dir():
        raise ConfigError(f"--scene {str(scene)!r}: its folder is not there, or it is one itself")
    if host not in ("127.0.0.1", "localhost"):
        raise ConfigError(f"--host {host!r}: expected 127.0.0.1 or localhost; the page is for this machine only")
    settings = LookSettings(budget)
    patient_looks(settings)  # what is missing is told before a line is drawn
    editor = SceneEditor(lambda: _frames(source), scene, lambda: patient_looks(settings))
    try:
        server, address = serve(editor, host, port)
    except OSError as error:
        raise PortInUseError(f"--port {port}: {error.strerror}; choose another, or 0 for a free one") from None
    say(f"open {address}")
    if browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("ended")
    finally:
        server.server_close()


@app.command(epilog="Example: hawkline scene check gate.toml")
def check(
    scene: Annotated[Path, typer.Argument(help="scene file", show_default=False)], output: OutputOption = Output.TABLE
) -> None:
    """Read a scene file and list its lines and zones. Exit code 2 and the key when something is wrong.

    Exit code 1, and a sentence for each, where something is watched that can never happen.
    """
    from edge_agent.vision.tripwire.faults import faults
    from shared.scene import Tripwire, load_scene

    watched = load_scene(scene)
    rows = [
        {
            "name": watch.name,
            "rule": watch.rule.label,
            "counts": watch.direction if isinstance(watch, Tripwire) else f"{watch.must_last_s:g} s",
            "priority": watch.priority,
            "armed": ", ".join(watch.schedule) or "always" if watch.armed else "never",
        }
        for watch in watched.watches
    ]
    print_rows(rows, output)
    private = sum(mask.privacy for mask in watched.masks)
    say(f"{len(rows)} lines and zones, {len(watched.masks)} masks, {private} of them private")
    found = faults(watched)
    for fault in found:
        say(f"warning: {scene}: {fault}")
    if found:
        raise typer.Exit(1)


def _frames(source: str) -> Iterator["Frame"]:
    from edge_agent.camera.sources.file import FileSource
    from edge_agent.camera.sources.opening import open_source
    from edge_agent.frames import Frame
    from shared.events import CameraState

    if source.startswith(("rtsp://", "rtsps://")):
        from edge_agent.config import RtspCamera

        try:
            opened = open_source(RtspCamera(url=source), "RTSP")
        except ValueError as error:
            raise ConfigError(f"RTSP {error}") from None
    elif is_stream(source):
        raise ConfigError("VIDEO|RTSP: an address of another kind, expected rtsp://… or rtsps://…, or a video file")
    else:
        opened = FileSource(Path(source), realtime=False, key="VIDEO")
    try:
        for item in opened.frames():
            if isinstance(item, Frame):
                yield item
            elif item is not None and item.state in (CameraState.UNREACHABLE, CameraState.STALLED):
                raise ConfigError(f"the camera cannot be seen: {item.detail}")
    finally:
        opened.close()
