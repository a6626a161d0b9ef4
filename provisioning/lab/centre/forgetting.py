"""Whether a plate that is on no list is anywhere: passages through a box and the centre, then a search of everything.

What is searched for cannot be found by chance but for short pieces: five letters and digits are in any gigabyte. So as
many plates that never passed are searched for beside them, and must be found as often.
"""

import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from aggregator.domains.lists.secret import deployment_secret
from aggregator.trust.control import BrokerControl
from aggregator.trust.roles import AGGREGATOR
from aggregator.trust.vault import Vault
from models.training import texts
from provisioning.lab.centre.gantry import BOX, approved, enrol, playing, render, render_empty, states, until
from provisioning.lab.local_site.people import signed_in
from provisioning.lab.local_site.trusted import TrustedAggregator
from provisioning.lab.rows import Row, judged
from shared.logs import VARIABLE
from shared.mqtt import Connection, Message
from shared.plates import KINDS, as_stamped
from shared.plates.hashing import box_key, month_of, month_secret, of_box, slow_hash

_SEED = 7000
_EVERYTHING = "hl/#"
_LISTED_EVERY = 20
_ENDS_S = 3600.0
_EVERY = 2
"""Of two pictures one is left, for the time: twelve a second are enough to read and to hit."""
_LOOKS = 4.0
"""A second: likewise."""
_RUN = re.compile(rb"(?:[0-9A-Z]|[\xe4-\xe9][\x80-\xbf]{2}){5,}")
"""What a plate can be a part of: letters, digits and provinces in UTF-8, five and more."""


@dataclass(slots=True)
class Pieces:
    """What is looked for of some plates.

    Attributes:
        whole: bytes that are nowhere by chance: the text, without its province, any five with it; all hashes.
        short: any five letters and digits of them.
    """

    whole: set[bytes] = field(default_factory=set)
    short: set[bytes] = field(default_factory=set)

    @classmethod
    def of(cls, plates: Sequence[str], secret: bytes, key: bytes) -> "Pieces":
        """Of these plates under these secrets."""
        found = cls()
        for plate in plates:
            slow = slow_hash(plate, secret)
            found.whole |= {plate.encode(), plate[1:].encode(), slow, of_box(slow, key)}
            found.whole |= {slow.hex().encode(), of_box(slow, key).hex().encode()}
            fives = {plate[at : at + 5] for at in range(len(plate) - 4)}
            # With a province they are nowhere by chance; embassies' plates begin with digits, as many a hash does.
            found.whole |= {five.encode() for five in fives if not five.isascii()}
            found.short |= {five.encode() for five in fives if five.isascii()}
        return found


def found_in(content: bytes, pieces: Pieces) -> tuple[set[bytes], int]:
    """Which whole pieces a content holds, and how many of the short ones."""
    whole, short = set[bytes](), set[bytes]()
    for run in _RUN.finditer(content):
        letters = re.findall(rb"[0-9A-Z]|[\xe4-\xe9][\x80-\xbf]{2}", run[0])
        for length in (5, 6, 7, 8):
            for at in range(len(letters) - length + 1):
                piece = b"".join(letters[at : at + length])
                if piece in pieces.whole:
                    whole.add(piece)
                if length == 5 and piece in pieces.short:
                    short.add(piece)
    hashes = {piece for piece in pieces.whole if len(piece) in (16, 32) and not _RUN.fullmatch(piece)}
    whole |= _hashes_in(content, hashes)
    return whole, len(short)


def _hashes_in(content: bytes, hashes: set[bytes]) -> set[bytes]:
    """By the first two bytes: every place of a file is looked at once."""
    starts = np.frombuffer(b"".join(sorted({piece[:2] for piece in hashes})), ">u2")
    there = np.frombuffer(content, np.uint8).astype(np.uint16)
    pairs = (there[:-1] << 8) | there[1:] if len(there) > 1 else there[:0]
    found = set[bytes]()
    for at in np.flatnonzero(np.isin(pairs, starts)):
        for length in (16, 32):
            piece = content[at : at + length]
            if piece in hashes:
                found.add(piece)
    return found


def measure(folder: Path, passages: int, vehicles: int) -> Iterator[Row]:
    """Play clips until so many vehicles have passed, then search.

    Args:
        folder: everything is written there.
        passages: at least.
        vehicles: of a clip. There is a camera a core, and each plays a clip of its own as often as it takes.
    """
    os.environ[VARIABLE] = "debug"
    box, clips = folder / "box", folder / "clips"
    box.mkdir()
    clips.mkdir()
    cameras = max(1, os.cpu_count() or 1)
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(cameras, get_context("spawn")))
        played = [clips / f"{n}.mkv" for n in range(cameras)]
        rendered = [pool.submit(render, _SEED + n, vehicles, clip, _EVERY) for n, clip in enumerate(played)]
        render_empty(clips / "empty.mkv")
        plates = [plate for clip in rendered for plate in _result(clip)]
        listed = plates[::_LISTED_EVERY]
        aggregator = TrustedAggregator(folder / "centre")
        aggregator.prepare()
        stack.callback(aggregator.stop)
        aggregator.start()
        listener = stack.enter_context(_Listener(aggregator, folder / "mqtt.bin"))
        passed = _drive(aggregator, box, played, listed, passages)
        aggregator.command("aggregator", "backup", "--config", str(aggregator.config), "--to", str(folder / "backup"))
    yield judged("passages", "told by the centre", passed >= passages * 0.99, f"{passed}", f"{len(plates)} plates")
    heard = listener.heard
    every = all(heard[channel] for channel in ("alarm", "bulk", "health", "state", "ack", "command"))
    said = ", ".join(f"{count} {channel}" for channel, count in sorted(heard.items()))
    yield judged("messages at the broker", "written down, of each channel", every, f"{heard.total()}", said)
    yield from _searched(folder, clips, plates, listed)


def _result(clip: "Future[list[str]]") -> list[str]:
    return clip.result()


class _Listener:
    """Writes down every message at the broker, which no service of ours may: the broker is told to let this one."""

    def __init__(self, aggregator: TrustedAggregator, path: Path) -> None:
        self._file, self._lock = path.open("wb"), threading.Lock()
        self._broker = "localhost", aggregator.broker_port
        self._vault = Vault(aggregator.folder / "data" / "trust")
        self.heard = Counter[str]()
        """Messages by the last part of their topic."""
        self._connection = Connection(
            "forgetting-bench",
            *self._broker,
            subscriptions=[(_EVERYTHING, 1)],
            on_message=self._hear,
            on_up=lambda: None,
            on_down=lambda _reason: None,
            tls=self._vault.context("aggregator"),
        )

    def __enter__(self) -> "_Listener":
        control = BrokerControl(*self._broker, self._vault.context("broker-admin"))
        control.start()
        allowed = {"acltype": "subscribePattern", "topic": _EVERYTHING, "priority": 0, "allow": True}
        try:
            control.apply([{"command": "addRoleACL", "rolename": AGGREGATOR, **allowed}])
        finally:
            control.stop()
        self._connection.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.stop()
        self._file.close()

    def _hear(self, message: Message) -> None:
        with self._lock:
            self.heard[message.topic.rpartition("/")[2]] += 1
            self._file.write(message.topic.encode() + b"\n" + message.payload + b"\n")
            self._file.flush()


def _drive(
    aggregator: TrustedAggregator, box: Path, clips: Sequence[Path], listed: Sequence[str], passages: int
) -> int:
    with ExitStack() as stack:
        empty = [clips[0].with_name("empty.mkv")] * len(clips)
        agent = playing(aggregator, box, empty, "empty", realtime=False)
        enrol(aggregator, box)
        asks = stack.enter_context(signed_in(aggregator, "asks", "list-requester"))
        decides = stack.enter_context(signed_in(aggregator, "decides", "list-approver"))
        agent.start()
        until(lambda: bool(aggregator.http.get("/api/v1/checkpoints").json()), "the lanes are known")
        number = approved(asks, decides, listed)
        until(lambda: states(asks, f"/lists/{number}/boxes") == ["held"], "the box holds the list")
        agent.stop()
        play, passed = 0, 0
        while passed < passages:
            agent = playing(aggregator, box, clips, f"play-{play}", realtime=False, looks=_LOOKS)
            agent.start()
            until(partial(_have_ended, agent.log, len(clips)), "the clips have ended", _ENDS_S)
            time.sleep(3.0)  # what was told last is on its way
            agent.stop()
            play, passed = play + 1, _passed(aggregator)
        return passed


def _have_ended(log: Path, clips: int) -> bool:
    return log.read_text(errors="replace").count("its file ended") >= clips


def _passed(aggregator: TrustedAggregator) -> int:
    told = aggregator.http.get("/api/v1/checkpoints").json()
    return sum(lane["passed"] for checkpoint in told for lane in checkpoint["lanes"])


def _searched(folder: Path, clips: Path, plates: Sequence[str], listed: Sequence[str]) -> Iterator[Row]:
    deployment, month = deployment_secret(folder / "centre" / "data"), month_of(datetime.now(UTC))
    secret, key = month_secret(deployment, month), box_key(deployment, month, BOX)
    named, rng = set(listed), np.random.default_rng(_SEED)
    others = sorted(set(plates) - named)
    never = set[str]()
    while len(never) < len(others):
        kind = KINDS[int(rng.integers(len(KINDS)))]
        never |= {as_stamped(texts.draw(kind, rng))} - set(plates)
    hunted = {"no list names it": others, "never passed": sorted(never), "listed": sorted(named)}
    pieces = {name: Pieces.of(some, secret, key) for name, some in hunted.items()}
    whole, short = dict.fromkeys(pieces, 0), dict.fromkeys(pieces, 0)
    files, size, where = 0, 0, set[str]()
    shutil.rmtree(clips)
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        files, size = files + 1, size + len(content)
        for name, some in pieces.items():
            those, few = found_in(content, some)
            whole[name] += len(those)
            short[name] += few
            if those and name == "no list names it":
                where.add(str(path.relative_to(folder)))
    said = f"{files} files, {size / 2**20:.0f} MiB"
    note = f"{said}; in {', '.join(sorted(where))}" if where else said
    yield judged(
        "whole, or hashed",
        "plates that no list names",
        not whole["no list names it"],
        str(whole["no list names it"]),
        note,
    )
    yield judged(
        "whole, or hashed",
        "listed ones: the search can find",
        whole["listed"] > 0,
        str(whole["listed"]),
        "hashes on the box and at the centre",
    )
    chance = short["never passed"]
    near = abs(short["no list names it"] - chance) <= 4 * max(1.0, chance) ** 0.5
    said = f"{chance} of as many plates that never passed"
    yield judged("five letters and digits", "plates that no list names", near, str(short["no list names it"]), said)
