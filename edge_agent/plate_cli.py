"""`hawkline plate`: read plates in pictures, draw one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.credentials import is_stream
from shared.errors import ConfigError, HawklineError
from shared.output import Output, OutputOption, emit, print_rows, say, to_json

if TYPE_CHECKING:
    from models.plate import Plate, PlateReader, Reading
    from models.plate.finder import Picture
    from shared.plates import Kind

_VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".ts", ".h264", ".h265", ".m4v"}
_COLUMNS = ("file", "read", "text", "score", "color", "layout", "valid", "ms")
_VOTED = ("track", "from_s", "to_s", "looks", "read", "text", "score", "color", "layout")
app = typer.Typer(help="Plates: read them in pictures, draw them.", no_args_is_help=True)

ProviderOption = Annotated[
    list[str] | None, typer.Option("--provider", help="ONNX Runtime execution provider, best first; repeat it")
]


@app.command(epilog="Example: hawkline plate read gate.jpg -o json")
def read(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="JPEG or PNG files", show_default=False)],
    crop: Annotated[bool, typer.Option("--crop", help="the pictures are plates already")] = False,
    provider: ProviderOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read the plates of pictures, nearest and surest first. Exit code 2 when a file could not be read."""
    from models.onnx_session import CPU
    from models.plate import PlateReader

    reader = PlateReader.shipped(provider or CPU)
    rows: list[dict[str, object]] = []
    failed = 0
    for path in images:
        try:
            picture = _load(path)
        except HawklineError as error:
            failed += 1
            say(f"error: {error}")
            if output is Output.JSON:
                emit(to_json({"file": str(path), "plates": [], "ms": None, "error": str(error)}))
            continue
        began = time.perf_counter()
        plates = [_of_crop(reader, picture)] if crop else [_of_scene(plate) for plate in reader.read(picture)]
        took = round((time.perf_counter() - began) * 1000, 2)
        for plate in plates:
            plate["read"] = float(str(plate["score"])) >= reader.calibration.threshold
        if output is Output.JSON:
            emit(to_json({"file": str(path), "plates": plates, "ms": took}))
            continue
        told = plates or [{"read": False}]
        rows += [{key: ({"file": str(path), "ms": took} | plate).get(key) for key in _COLUMNS} for plate in told]
    if output is Output.CSV or (output is Output.TABLE and rows):
        print_rows(rows, output, _COLUMNS)
    if output is Output.TABLE and rows:
        say(f'read: score {reader.calibration.threshold:g} or more, so that a single look is right; less is "unread"')
    if failed:
        raise typer.Exit(2)


@app.command(epilog="Example: hawkline plate watch lane.mp4 -o json")
def watch(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="of a lane or gate", show_default=False)],
    every: Annotated[bool, typer.Option("--unread", help="also print vehicles that stayed unread")] = False,
    provider: ProviderOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read the plates of what drives by in a video: one row a vehicle, voted over all looks at it."""
    from edge_agent.camera.sources.file import FileSource
    from edge_agent.frames import Frame
    from edge_agent.vision.pipeline import Pipeline
    from edge_agent.vision.plate import PassageReader
    from models.onnx_session import CPU
    from models.plate import PlateReader
    from shared.scene import Scene

    if is_stream(video):
        raise ConfigError("VIDEO: an address, expected a video file; record a piece of it, or let an agent watch it")
    if video.is_dir():
        raise ConfigError(f"VIDEO = {str(video)!r}: a folder; name one video file")
    source, pipeline = FileSource(video, realtime=False, key="VIDEO"), Pipeline(Scene())
    passing = PassageReader(PlateReader.shipped(provider or CPU))
    passages, frames = [], 0
    for item in source.frames():
        if isinstance(item, Frame):
            frames += 1
            pipeline.pass_over(item)
            part = passing.wants(item.grey, pipeline.time_s)
            passages += passing.step(None if part is None else item.colour(), part, pipeline.time_s)
    passages += passing.end()
    if frames < 2:
        raise ConfigError(f"VIDEO = {str(video)!r}: a still picture; read it with `hawkline plate read`")
    rows = [
        {
            "track": passage.track,
            "from_s": round(passage.from_s, 2),
            "to_s": round(passage.to_s, 2),
            "looks": passage.looks,
            "read": passage.reading is not None,
            "text": passage.reading.text if passage.reading else None,
            "score": round(passage.score, 4),
            "color": passage.reading.colour if passage.reading else None,
            "layout": passage.reading.layout if passage.reading else None,
        }
        for passage in passages
        if passage.reading or every
    ]
    if rows or output is not Output.TABLE:
        print_rows(rows, output, _VOTED)
    read = len(passages) - sum(passage.reading is None for passage in passages)
    say(f"{frames} frames, plates seen on {len(passages)} vehicles, {read} of them read")
    if read < len(passages) and not every:
        say("--unread lists the others too")


@app.command(epilog="Example: hawkline plate kinds")
def kinds(output: OutputOption = Output.TABLE) -> None:
    """The kinds of plates of GA 36, with a text of each: `plate render TEXT --kind NAME` draws it."""
    from shared.plates import KINDS

    print_rows(
        [
            {
                "name": kind.name,
                "class": kind.plate_class,
                "color": kind.colour,
                "layout": kind.layout,
                "size_mm": "x".join(str(side) for side in kind.size_mm),
                "example": kind.example,
            }
            for kind in KINDS
        ],
        output,
    )


@app.command(epilog="Example: hawkline plate render 皖A12345 --out plate.png")
def render(
    text: Annotated[str, typer.Argument(help="what the plate says", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="PNG file to write")] = Path("plate.png"),
    kind: Annotated[
        str | None, typer.Option("--kind", help="which kind, where the text fits several", show_default=False)
    ] = None,
    worn: Annotated[bool, typer.Option("--worn", help="as a recogniser gets it: dirty, turned, badly lit")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="of shades and augmentation")] = 1,
) -> None:
    """Draw a plate to GA 36."""
    import cv2
    import numpy as np

    from models.training import augmentation, plate_face

    chosen = _kind(text, kind)
    if out.suffix.lower() != ".png" or out.is_dir():
        raise ConfigError(f"--out {str(out)!r}: expected the name of a .png file")
    rng = np.random.default_rng(seed)
    try:
        picture = plate_face.draw(chosen, text, rng)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        raise ConfigError(f"{error}; templates of characters come from the folder HAWKLINE_DATA") from None
    if worn:
        picture = augmentation.crop(picture, rng)
    done, encoded = cv2.imencode(".png", picture)
    try:
        out.write_bytes(encoded.tobytes() if done else b"")
    except OSError as error:
        raise ConfigError(f"--out {str(out)!r}: {error.strerror}") from None
    emit(f"{out}: {text}, {chosen.name}, {picture.shape[1]} by {picture.shape[0]} pixels")


def _load(path: Path) -> "Picture":
    """A picture from its file.

    Raises:
        ConfigError: it is not a picture, whatever is wrong with it: the others are read all the same.
    """
    from models.picture import PictureError, decode

    try:
        if is_stream(path):
            raise ConfigError("IMAGE: an address, expected a picture's file")
        if path.is_dir():
            raise ConfigError(f"{path}: a folder; name its pictures, such as {path}/*.jpg")
        if path.suffix.lower() in _VIDEOS:
            raise ConfigError(f"{path}: a video; read it with `hawkline plate watch`")
        picture = decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except PictureError as error:
        raise ConfigError(f"{path}: {error}") from None
    if picture.cut:
        say(f"{path}: this JPEG ends before its end; read as far as it goes")
    return picture.pixels


def _of_scene(plate: "Plate") -> dict[str, object]:
    return _told(
        plate.reading,
        [round(side, 1) for side in plate.found.box],
        [[round(x, 1), round(y, 1)] for x, y in plate.found.corners.tolist()],
    )


def _of_crop(reader: "PlateReader", picture: "Picture") -> dict[str, object]:
    high, wide = picture.shape[:2]
    corners = [[0, 0], [wide, 0], [wide, high], [0, high]]
    return _told(reader.read_crop(picture), [0, 0, wide, high], corners)


def _told(reading: "Reading", box: list[float] | list[int], corners: object) -> dict[str, object]:
    return {
        "text": reading.text,
        "score": round(reading.score, 4),
        "box": box,
        "corners": corners,
        "color": reading.colour,
        "layout": reading.layout,
        "valid": reading.valid,
        "alternatives": [{"text": text, "score": round(score, 4)} for text, score in reading.alternatives],
    }


def _kind(text: str, name: str | None) -> "Kind":
    from shared.plates import KINDS, kinds_of

    fits = kinds_of(text)
    written = text.upper().replace("·", "").replace(" ", "")
    if not fits and kinds_of(written):
        raise ConfigError(f"{text!r}: write it as {written!r}, in capitals and without a dot")
    if not fits:
        raise ConfigError(
            f"{text!r} is no text of GA 36, such as 皖A12345; `hawkline plate kinds` lists one of each kind"
        )
    if name is None:
        return fits[0]
    for kind in fits:
        if kind.name == name:
            return kind
    if name not in {kind.name for kind in KINDS}:
        raise ConfigError(f"--kind {name!r}: no such kind; `hawkline plate kinds` lists them")
    raise ConfigError(f"--kind {name!r}: {text!r} fits " + " or ".join(repr(kind.name) for kind in fits))
