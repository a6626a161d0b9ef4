"""Renders exports, each in a process of its own, which ends behind it.

The model's memory is not held for what happens once a week, and a decoder that crashes ends no agent.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from edge_agent.camera.picture_maker import encoded
from edge_agent.orders.exports import Area, RenderError
from edge_agent.vision.people_veil import PeopleVeil
from models.picture import PictureError, decode
from shared.errors import HawklineError

_RENDER_S = 120.0
"""On the slowest box it takes ten."""
_NICENESS = 15


def render_apart(jpeg: bytes, areas: Sequence[Area]) -> bytes:
    """Render in a process of its own, which takes what the cameras leave.

    Raises:
        RenderError: it cannot be done.
    """
    context = multiprocessing.get_context("spawn")
    try:
        ours, theirs = context.Pipe()
        process = context.Process(target=_render, args=(theirs, jpeg, tuple(areas)), daemon=True)
        process.start()
    except OSError as error:
        raise RenderError(f"no process can be started that renders: {error}") from None
    found: bytes | RenderError
    try:
        theirs.close()
        found = ours.recv() if ours.poll(_RENDER_S) else RenderError(f"it took longer than {_RENDER_S:.0f} s")
    except (EOFError, OSError):
        process.join()
        found = RenderError(f"the process that renders ended with exit code {process.exitcode}")
    finally:
        ours.close()
        process.kill()
        process.join()
    if isinstance(found, RenderError):
        raise found
    return bytes(found)


def _render(pipe: Connection, jpeg: bytes, areas: Sequence[Area]) -> None:
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):  # where memory ends, this ends before any camera does
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        pipe.send(rendered(jpeg, areas))
    except RenderError as error:
        pipe.send(error)


def rendered(jpeg: bytes, areas: Sequence[Area]) -> bytes:
    """A JPEG in which the people, and what lies in some areas, are unrecognisable.

    Args:
        jpeg: in which no plate can be read that hit no list.
        areas: 0 to 1 of its sides.

    Raises:
        RenderError: it cannot be read, or nothing can look for people in it.
    """
    cv2.setNumThreads(1)
    try:
        picture = decode(jpeg).pixels
        return encoded(PeopleVeil.shipped().cover(picture, areas))
    except (HawklineError, PictureError, RuntimeError, MemoryError, cv2.error) as error:
        raise RenderError(f"people in it cannot be blurred: {error}") from None
