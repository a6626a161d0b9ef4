"""Looks at a picture each second or two whether it can be judged by, and keeps what is usual through restarts."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.config import Camera
from edge_agent.frames import Doubt, Frame
from edge_agent.vision.sight import Change, Memory, SightJudge, UnreadableMemory, pack, sight_picture, unpack
from shared import schedule
from shared.events import CameraState, SightFault
from shared.files import write_secret

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_DOUBTED_S = 10.0
"""A picture that was decoded in part is judged only when no other came for so long."""
_KEPT_EVERY_S, _NEWS_KEPT_EVERY_S = 6 * 3600.0, 900.0
"""A card bears some hundred kilobytes four times a day for longer than it lasts."""
_LOOKED_AT_S, _LOOKED_AT_MOST_S = 10.0, 60.0
"""A view that a person confirms is looked at for so long before it is believed, and for so long at most."""
_SOUND_EVERY_S = 10.0

_BLINDING = frozenset((SightFault.FROZEN, SightFault.DARK, SightFault.GLARING, SightFault.COVERED, SightFault.BLURRED))
_IMPAIRING = frozenset((SightFault.MOVED, SightFault.FAINT, SightFault.NOISE, SightFault.STRIPES, SightFault.PLAIN))
"""What is left out, such as a picture without colour, hides nobody."""


@dataclass(frozen=True, slots=True)
class SightChange:
    """A fault that is certain from now on, or over.

    Attributes:
        change: which, and by how much.
        expected: the camera's configuration says that it is so; it is known, and rings nobody.
        detail: more of it, for people.
        before: the last frame that showed nothing amiss; None when it is over, or where there was none.
    """

    change: Change
    expected: bool
    detail: str
    before: Frame | None


class SightWatch:
    """Of one camera.

    Args:
        camera: its settings say what is normal.
    """

    def __init__(self, camera: Camera) -> None:
        self._settings, self._zone = camera.settings.sight, ZoneInfo(camera.scene.timezone)
        self._dark = [schedule.parse_span(text) for text in self._settings.dark]
        self._path = camera.folder / f"{camera.settings.name}.sight" if camera.folder else None
        self._key = hashlib.sha256(msgspec.json.encode(camera.settings.source, enc_hook=str)).digest()
        self._confirmed_ms = self._wanted_ms = 0
        """When a person confirmed the view that is known, and when one did last."""
        self._judge = SightJudge(self._kept())
        self._taken_s: float | None = None
        self._saved_s = self._sound_s = 0.0
        self._saved_appearances = len(self._judge.memory.appearances)
        self._saved_active = set(self._judge.active)
        self._sound: Frame | None = None
        self._expected: dict[SightFault, bool] = {}
        self._away_since_s: float | None = None
        self._asked: tuple[int, float] = 0, 0.0
        """The newest confirmation that was heard of, and when, in media time."""

    def see(self, frame: Frame, time_s: float) -> Iterator[SightChange]:
        """Take a frame; `time_s` is media time, which grows. Most frames are only looked at by their time."""
        waited_s = _EVERY_S if self._taken_s is None else time_s - self._taken_s
        if waited_s < _EVERY_S or (frame.doubt is not Doubt.NONE and waited_s < _DOUBTED_S):
            return
        self._taken_s = time_s
        if not self._judge.wants(time_s):
            return
        yield from self._obey(time_s)
        here = datetime.fromtimestamp(frame.captured_at_s, tz=UTC).astimezone(self._zone)
        for change in self._judge.step(sight_picture(frame), time_s, here.hour):
            if not change.active:
                self._expected.pop(change.fault, None)
                self._away_since_s = None if change.fault is SightFault.MOVED else self._away_since_s
                yield SightChange(change, False, "", None)
        for fault, figure in self._judge.active.items():
            expected = self._is_expected(fault, here, time_s)
            if self._expected.get(fault) is not expected:
                self._expected[fault] = expected
                yield SightChange(Change(fault, True, figure), expected, self._detail(fault, figure), self._sound)
        if not self._judge.suspected and not self._judge.stands_still and time_s - self._sound_s >= _SOUND_EVERY_S:
            self._sound, self._sound_s = frame, time_s
        grew = len(self._judge.memory.appearances) != self._saved_appearances
        since_s = time_s - self._saved_s
        # What is amiss is kept as well: after a restart it is neither over nor found once more.
        news = self._judge.active.keys() != self._saved_active and since_s > _NEWS_KEPT_EVERY_S
        if grew or news or since_s > _KEPT_EVERY_S:
            self._saved_s = time_s
            self.keep()

    def confirm(self, at_ms: int) -> None:
        """A person says that the camera sees what it shall see; from any thread, and as often as one likes."""
        self._wanted_ms = max(self._wanted_ms, at_ms)

    def _obey(self, time_s: float) -> Iterator[SightChange]:
        """Forget what was usual before a person confirmed what is seen now, once that has proved to be a view."""
        if self._wanted_ms <= self._confirmed_ms or _BLINDING & self._judge.active.keys() or self._judge.stands_still:
            return  # what is seen through a cover is no view; it waits
        if self._asked[0] != self._wanted_ms:
            self._asked = self._wanted_ms, time_s
        # A cover that came a moment ago is not certain yet. Of a view that is another one, looks may say anything.
        asked_s = self._asked[1]
        if time_s - max(asked_s, self._judge.blinded_s) < _LOOKED_AT_S and time_s - asked_s < _LOOKED_AT_MOST_S:
            return
        self._confirmed_ms = self._wanted_ms
        self._away_since_s = None
        for change in self._judge.forget():
            self._expected.pop(change.fault, None)
            yield SightChange(change, False, "the view was confirmed", None)
        self.keep()

    @property
    def state(self) -> tuple[CameraState, str]:
        """What the camera's state is as far as its pictures tell, and why."""
        told = {fault: f"{fault.label}, as is usual here" for fault, usual in self._expected.items() if usual}
        said = ", ".join(told.get(fault, fault.label) for fault in self._judge.active)
        if _BLINDING & self._judge.active.keys():
            return CameraState.BLIND, said
        # One that may be steered does not see its lines meanwhile, whether that is told or not.
        usual = {fault for fault, is_so in self._expected.items() if is_so} - {SightFault.MOVED}
        if _IMPAIRING & self._judge.active.keys() - usual:
            return CameraState.IMPAIRED, said
        return CameraState.WATCHING, said

    @property
    def told(self) -> str:
        """For the heartbeat: what is the matter; `clear`; empty while the view is not known."""
        if not self._judge.is_judging:
            return ""
        return ",".join(fault.label for fault in self._judge.active if not self._expected.get(fault)) or "clear"

    def keep(self) -> None:
        """Write down what is usual."""
        if self._path is None:
            return
        self._saved_appearances = len(self._judge.memory.appearances)
        self._saved_active = set(self._judge.active)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            memory = self._key + self._confirmed_ms.to_bytes(8, "big") + pack(self._judge.memory)
            write_secret(self._path, memory)
        except OSError as error:
            log.error("what the camera usually sees cannot be kept: %s", error)

    def _kept(self) -> Memory | None:
        """What an earlier life of this camera knew; of another source it says nothing."""
        if self._path is None:
            return None
        try:
            kept = self._path.read_bytes()
            begin = len(self._key)
            if not kept.startswith(self._key):
                return None
            memory = unpack(kept[begin + 8 :])
            self._confirmed_ms = int.from_bytes(kept[begin : begin + 8], "big")
            return memory
        except FileNotFoundError:
            return None
        except (OSError, UnreadableMemory) as error:
            log.error("%s: %s; what the camera usually sees is learnt anew", self._path, error)
            return None

    def _is_expected(self, fault: SightFault, here: datetime, time_s: float) -> bool:
        if fault is SightFault.MOVED:
            self._away_since_s = time_s if self._away_since_s is None else self._away_since_s
            return time_s - self._away_since_s < self._settings.away_s
        if fault is SightFault.DARK:
            return bool(self._dark) and schedule.covers(self._dark, here)
        return fault is SightFault.PLAIN and self._settings.plain

    def _detail(self, fault: SightFault, figure: float) -> str:
        if fault is SightFault.MOVED:
            right, down = self._judge.shift
            ways = (right, "right", "left"), (down, "down", "up")
            went = [f"{100 * abs(by):.0f} % {one if by > 0 else other}" for by, one, other in ways if abs(by) >= 0.005]
            return f"by {' and '.join(went)} (of the width)" if went else ""
        if fault is SightFault.FROZEN:
            return f"for {figure:.0f} s"
        return f"{100 * figure:.0f} % of the usual view is gone" if fault is SightFault.COVERED else ""
