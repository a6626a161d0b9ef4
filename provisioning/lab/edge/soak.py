"""A camera that does all of it in turn, watched by a camera process for as long as one likes, against the truth."""

import multiprocessing
import resource
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.camera.sources.synthetic import SyntheticScene
from edge_agent.camera.worker import EventSeen, Status, run_camera
from edge_agent.config import Camera, CameraSettings, RtspCamera
from provisioning.lab.edge.faulty_camera import Behaviour, FaultyCamera
from shared.events import CameraState
from shared.scene import Scene, Tripwire

LINE = Tripwire("fence", [(0.05, 0.8), (0.95, 0.8)])
_PHASE_S = 60.0
_SETTLE_S = 35.0
"""What was damaged half a minute ago still counts."""
_BLIND_S = 3.0
"""What crosses so soon before or after nothing was sent cannot be asked for."""
_WITHIN_S = 2.0
_SEED = 5

Good = {CameraState.WATCHING}
PHASES: tuple[tuple[str, Behaviour, set[CameraState]], ...] = (
    ("even", Behaviour(), Good),
    ("one picture in 30 broken", Behaviour(bad_every=30), Good),
    ("bursts of 10", Behaviour(burst=10), Good),
    ("stamps jump an hour ahead", Behaviour(stamp_jump_s=3600.0), Good),
    ("another size", Behaviour(size=(480, 270)), Good),
    ("one picture in 10 broken", Behaviour(bad_every=10), {CameraState.DEGRADED}),
    ("bursts of 25", Behaviour(burst=25), Good),
    ("stamps jump back", Behaviour(stamp_jump_s=-1800.0), Good),
    ("silence", Behaviour(silent=True), {CameraState.STALLED, CameraState.UNREACHABLE}),
    ("stamps at double speed", Behaviour(stamp_rate=2.0), Good),
    ("one picture in 12 lost", Behaviour(lost_every=12), {CameraState.DEGRADED}),
    ("stamps that stand still", Behaviour(stamp_rate=0.0), Good),
)


def behave(time_s: float) -> Behaviour:
    """What the camera does at a moment."""
    return PHASES[int(time_s // _PHASE_S) % len(PHASES)][1]


@dataclass(slots=True)
class Account:
    """What was seen of a soak, and what should have been."""

    truth: int = 0
    found: int = 0
    twice: int = 0
    false: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    wrong_states: Counter[str] = field(default_factory=Counter)
    growth_mib: float = 0.0
    """From the peak of the first round to that of the last."""
    connections: int = 0


class _Watched:
    """One life of the camera's process, and what it said."""

    def __init__(self, url: str) -> None:
        self.crossings: list[float] = []
        self.states: list[tuple[float, CameraState]] = []
        settings = CameraSettings(name="soak", scene=Path("soak.toml"), source=RtspCamera(url=url))
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        camera = Camera(settings, Scene([LINE]))
        self.process = context.Process(target=run_camera, args=(camera, "soak", theirs), daemon=True)
        self.process.start()
        theirs.close()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                report = self._ours.recv()
                if isinstance(report, EventSeen):
                    self.crossings.append(report.met_at_s)
                elif isinstance(report, Status):
                    self.states.append((time.time(), report.state))
        except (EOFError, OSError):
            return

    def memory_mib(self) -> float:
        """Resident memory of the process now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20

    def end(self) -> None:
        self._ours.send("leave")
        self.process.join(15)
        if self.process.is_alive():
            self.process.kill()


def soak(seconds: float) -> Iterator[Account]:
    """Watch for so long; gives the account after each round of the phases, and at the end."""
    scene = SyntheticScene("fence", _SEED)
    camera = FaultyCamera(scene.draw, behave)
    watched = _Watched(camera.url)
    round_s = _PHASE_S * len(PHASES)
    peaks = [0.0]
    """Of the memory, in each round."""
    try:
        while camera.now_s() < seconds:
            time.sleep(1.0)
            if camera.now_s() > round_s * len(peaks):
                yield _judged(scene, camera, watched, peaks)
                peaks.append(0.0)
            peaks[-1] = max(peaks[-1], watched.memory_mib())
        yield _judged(scene, camera, watched, peaks)
    finally:
        watched.end()
        camera.close()


def _judged(scene: SyntheticScene, camera: FaultyCamera, watched: _Watched, peaks: list[float]) -> Account:
    until_s = camera.now_s() - 10
    account = Account(connections=camera.connections)
    left = [crossing - camera.began_at_s for crossing in watched.crossings]
    for true in scene.truth(LINE, until_s):
        near = [crossing for crossing in left if abs(crossing - true.time_s) <= _WITHIN_S]
        for crossing in near:
            left.remove(crossing)
        if true.time_s < _SETTLE_S / 2 or _is_blind(true.time_s):
            continue
        account.truth += 1
        account.found += bool(near)
        account.twice += max(0, len(near) - 1)
        if not near:
            account.missed[_phase(true.time_s)[0]] += 1
    account.false = sum(crossing <= until_s for crossing in left)
    for at_s, state in ((at_s - camera.began_at_s, state) for at_s, state in list(watched.states)):
        name, _, right = _phase(at_s)
        if at_s % _PHASE_S > _SETTLE_S and state not in right:
            account.wrong_states[f"{name}: {state.label}"] += 1
    account.growth_mib = peaks[-1] - peaks[0]
    return account


def _phase(time_s: float) -> tuple[str, Behaviour, set[CameraState]]:
    return PHASES[int(time_s // _PHASE_S) % len(PHASES)]


def _is_blind(time_s: float) -> bool:
    return any(behave(max(0.0, time_s + off_s)).silent for off_s in (-_BLIND_S - 7, 0.0, _BLIND_S))
