"""Whether a configuration is kept: when cameras come back as well as they were before it, within two minutes or so."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Final

STEADY_S: Final = 10.0
"""So long they have to be there together: a camera's first picture is no proof that its process stays."""


class Verdict(Enum):
    """What becomes of a configuration that is tried."""

    KEEP = "keep"
    GO_BACK = "go back"


class Trial:
    """The judge of one configuration in one life of the agent. It does no input or output.

    Cameras that gave pictures before and are in it have to give some again. Where none of those is in it, because all
    were renamed, one at least of those that are in it has to. A camera that is new may yet have to be mounted.

    Args:
        saw: cameras that gave pictures before.
        cameras: of the configuration.
        began_s: when its life began, on a steady clock.
        within_s: they have to be there.
    """

    def __init__(self, saw: Collection[str], cameras: Collection[str], began_s: float, within_s: float) -> None:
        self._needed = sorted(set(saw) & set(cameras))
        self._any_of = sorted(cameras) if saw and not self._needed else []
        self._began_s, self._within_s = began_s, within_s
        self._steady_since_s: float | None = None

    def judge(self, now_s: float, does: Mapping[str, tuple[bool, str]]) -> tuple[Verdict, str] | None:
        """What is to be done now; None: wait.

        Args:
            now_s: on the same clock.
            does: of each camera whether it gives pictures, and what is the matter.

        Returns:
            The verdict, and why it goes back.
        """
        missing = [name for name in self._needed if not does.get(name, (False, ""))[0]]
        if self._any_of and not any(sees for sees, _ in does.values()):
            missing = self._any_of
        if not missing:
            if self._steady_since_s is None:
                self._steady_since_s = now_s
            if now_s - self._steady_since_s >= STEADY_S:
                return Verdict.KEEP, ""
        else:
            self._steady_since_s = None
        if now_s - self._began_s < self._within_s:
            return None
        told = "; ".join(f"{name}: {does.get(name, (False, ''))[1] or 'no pictures'}" for name in missing)
        said = f"cameras that gave pictures before do not within {self._within_s:.0f} s"
        return Verdict.GO_BACK, f"{said}: {told or 'unsteady'}"
