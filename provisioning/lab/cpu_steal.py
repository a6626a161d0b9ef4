"""How much of the machine others had while something was measured: a virtual machine's time is given, and taken."""

from pathlib import Path

MOST = 0.05
"""With more than this stolen, a missed bar says nothing of us."""
_STAT = Path("/proc/stat")
_IDLE, _IOWAIT, _STEAL = 3, 4, 7


class Stolen:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._before = _ticks()

    def part(self) -> float:
        """Part of the processor time that was wanted and went to others, 0 to 1; 0 where the kernel does not tell."""
        passed = [now - before for now, before in zip(_ticks(), self._before, strict=True)]
        wanted = sum(passed) - passed[_IDLE] - passed[_IOWAIT]
        return round(passed[_STEAL] / wanted, 3) if wanted > 0 else 0.0


def verdict(met: bool, stolen: float) -> str:
    """`met`, `missed`, or `not measured` where it was missed and the machine was not ours.

    Args:
        met: whether the figure keeps its bar.
        stolen: `Stolen.part` of the time in which it was measured.
    """
    return "met" if met else "missed" if stolen <= MOST else "not measured"


def _ticks() -> list[int]:
    """User, nice, system, idle, iowait, irq, softirq and steal of all processors together (proc(5))."""
    try:
        line = _STAT.read_text().splitlines()[0].split()[1:9]
    except OSError:
        return [0] * 8
    return [int(field) for field in line]
