"""What a stream may cost the box: pixels, codecs, memory."""

import multiprocessing
import resource
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.camera.sources import bounds, decoder
from edge_agent.camera.sources.bounds import LIVE_CODECS
from edge_agent.camera.sources.decoder import NoVideoError, PictureDecoder, choose_video
from edge_agent.camera.sources.file import FileSource
from edge_agent.camera.worker import _limit_memory
from shared.errors import ConfigError

SMALL, LARGE = (96, 64), (640, 480)


def encoded(size: tuple[int, int], count: int = 5, codec: str = "libx264") -> list[bytes]:
    """Packets of grey pictures, the first one a key frame with its sets."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = *size, "yuv420p"  # type: ignore[attr-defined]
    context.time_base, context.framerate = Fraction(1, 10), Fraction(10)  # type: ignore[assignment,attr-defined]
    context.options = {"bf": "0", "tune": "zerolatency"} if codec == "libx264" else {}
    packets = []
    for number in range(count):
        picture = np.full((size[1], size[0], 3), 40 * number, np.uint8)
        packets += context.encode(av.VideoFrame.from_ndarray(picture, format="bgr24"))  # type: ignore[attr-defined]
    return [bytes(packet) for packet in [*packets, *context.encode(None)]]  # type: ignore[attr-defined]


def film(path: Path, packets: list[bytes]) -> Path:
    path.write_bytes(b"".join(packets))
    return path


def test_a_size_beyond_every_camera_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = film(tmp_path / "large.h264", encoded(LARGE))
    monkeypatch.setattr(decoder, "MOST_PIXELS", 640 * 480 - 1)
    with av.open(str(large)) as opened, pytest.raises(NoVideoError, match=r"640 by 480 pixels, expected .* smaller"):
        choose_video(opened.streams.video)
    with pytest.raises(ConfigError, match="640 by 480"):
        FileSource(large, realtime=False)


def test_a_size_that_grows_in_the_middle_of_a_stream_is_not_decoded_and_what_follows_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bounds.DECODER, "max_pixels", "100000")
    path = film(tmp_path / "grows.h264", [*encoded(SMALL), *encoded(LARGE), *encoded(SMALL)])
    with av.open(str(path)) as opened:
        stream = choose_video(opened.streams.video)
        watched, shapes = PictureDecoder(stream, threads=False), []
        for number, packet in enumerate(opened.demux(stream)):
            shapes += [each.picture.width for each in watched.decode(packet, number / 10)]
    assert set(shapes) == {SMALL[0]}
    assert len(shapes) >= 5


def test_of_a_network_camera_only_what_network_cameras_send_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="bgr24")))
        out.mux(stream.encode(None))
    with av.open(str(path)) as opened:
        assert choose_video(opened.streams.video).codec_context.name == "ffv1", "a file is the installer's own"
        with pytest.raises(NoVideoError, match="coded as ffv1, expected av1, h264, hevc"):
            choose_video(opened.streams.video, LIVE_CODECS)


def _ask_for(megabytes: int, answer: "multiprocessing.SimpleQueue[str]") -> None:
    _limit_memory(512 * 2**20)
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    assert soft > 512 * 2**20
    try:
        np.ones(megabytes * 2**20, np.uint8)
        answer.put("taken")
    except MemoryError:
        answer.put("refused")


@pytest.mark.parametrize(("megabytes", "said"), [(32, "taken"), (1024, "refused")])
def test_the_process_of_a_camera_has_so_much_memory_and_no_more(megabytes: int, said: str) -> None:
    context = multiprocessing.get_context("spawn")
    answer = context.SimpleQueue()
    process = context.Process(target=_ask_for, args=(megabytes, answer))
    process.start()
    process.join(60)
    assert answer.get() == said
