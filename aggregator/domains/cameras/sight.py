"""What is the matter with a camera's picture: each fault is a condition of its camera."""

from collections.abc import Iterator
from typing import NamedTuple

from aggregator.ingest.heartbeat_parsing import unnulled
from aggregator.signals.declarations import Condition
from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from shared.events import SightChanged, SightFault


class _Told(NamedTuple):
    """How a fault is told.

    Attributes:
        urgent: it may hide who comes: behind an armed line it is an alarm with that line's priority.
        rings_after_s: what many cameras have at once has one cause, such as fog, and takes so long to be seen as such.
        many: see `Condition`.
    """

    zh: str
    en: str
    urgent: bool = False
    rings_after_s: float = 30.0
    many: int = 5


_HIDES, _SLOWLY = 10.0, 300.0
_TOLD = {
    SightFault.FROZEN: _Told("画面冻结", "Picture frozen", True, _HIDES),
    SightFault.DARK: _Told("画面过暗", "Picture too dark", True, _HIDES),
    SightFault.GLARING: _Told("画面过亮", "Picture too bright", True, _HIDES),
    SightFault.COVERED: _Told("镜头被遮挡", "Camera covered", True, _HIDES),
    SightFault.MOVED: _Told("摄像机移位", "Camera moved", True, _HIDES),
    SightFault.BLURRED: _Told("画面模糊", "Picture out of focus", True, _HIDES),
    SightFault.DIRTY: _Told("镜头脏污", "Lens dirty"),
    SightFault.COLOUR: _Told("画面偏色", "Colour lost"),
    SightFault.NOISE: _Told("画面噪声", "Picture noisy"),
    SightFault.STRIPES: _Told("画面条纹", "Stripes in the picture"),
    SightFault.PLAIN: _Told("画面无特征", "Nothing in the picture to judge it by"),
    SightFault.INFRARED: _Told("红外滤光片未切换", "Infrared by day"),
    SightFault.FAINT: _Told("画面发白(雾或水汽)", "Picture faint: fog or damp", False, _SLOWLY),
}


_HARMLESS = frozenset((SightFault.DIRTY, SightFault.COLOUR, SightFault.INFRARED))
"""Beside these the camera watches."""


def condition_of(fault: SightFault) -> str:
    """Its name."""
    return f"sight_{fault.label}"


CONDITIONS = tuple(
    Condition(
        condition_of(fault),
        3 if told.urgent else 4,
        told.zh,
        told.en,
        clears_itself=True,
        rings_after_s=told.rings_after_s,
        many=told.many,
        many_here=0 if told.urgent else 2,
        hides=fault not in _HARMLESS,
    )
    for fault, told in _TOLD.items()
)


def judged(occurrence: Occurrence, subject: Subject, priority: int) -> Iterator[Signal]:
    """What a fault means.

    Args:
        occurrence: a `SightChanged`.
        subject: its camera.
        priority: the most urgent of its armed lines; 0 where there is none.
    """
    event = occurrence.event
    assert isinstance(event, SightChanged)  # noqa: S101 - the judge of no others
    active = event.active and not event.expected
    yield Signal(
        subject=subject,
        condition=condition_of(event.fault),
        active=active,
        at=occurrence.event_at,
        priority=priority if _TOLD[event.fault].urgent else 0,
        origin=occurrence.member,
        detail={"why": unnulled(event.detail), "figure": event.figure / 1000} if active else {},
    )
