"""What a box says of itself, within bounds: the one place where heartbeats and births are read.

A box may be broken, or another's by now. What it says is cut to what tables, sums and calendars hold before it goes
anywhere, so that no word of one box can keep the others from being noted. What is cut says less, never more: an order
beyond all bounds was never given, so none is obeyed.
"""

import math
from typing import Final

from msgspec.structs import replace

from shared.desired import SectionState
from shared.envelope import MAX_BATCH_BYTES, MAX_SEQUENCE, decode_message
from shared.errors import WireError
from shared.events import BoxState, CameraHealth, ConfigurationHealth, Health, LookHealth

MOST_CAMERAS: Final = 64
"""Of one box."""
LONGEST_NAME: Final = 200
_MOST_SECTIONS: Final = 16
_LONGEST_STATE: Final = 32
_LONGEST_DETAIL: Final = 500
_LONGEST_VERSION: Final = 64
_MOST: Final = MAX_SEQUENCE
_MOST_REAL: Final = 1e12
"""Of seconds, frames a second, loads: more than there can be, less than any column holds."""


def heartbeat(payload: bytes) -> Health:
    """A heartbeat as a box sent it.

    Raises:
        WireError: it is not a heartbeat.
    """
    health = decode_message(_short(payload), Health)
    temperature_c = health.cpu_temperature_c
    return replace(
        health,
        at_ms=_within(health.at_ms, -_MOST, _MOST),
        uptime_s=_real(health.uptime_s),
        cameras=tuple(map(_camera, health.cameras[:MOST_CAMERAS])),
        waiting_alarm=_count(health.waiting_alarm),
        waiting_bulk=_count(health.waiting_bulk),
        pictures_waiting=_count(health.pictures_waiting),
        disk_free_bytes=_count(health.disk_free_bytes),
        throttled=text(health.throttled, _LONGEST_DETAIL),
        card_wear=_count(health.card_wear),
        cpu_temperature_c=_real(temperature_c) if temperature_c is not None and math.isfinite(temperature_c) else None,
        load_1m=_real(health.load_1m),
        order=_version(health.order),
        outbox_damages=_count(health.outbox_damages),
        outbox=text(health.outbox, _LONGEST_DETAIL),
        outbox_since_ms=_within(health.outbox_since_ms, -_MOST, _MOST),
        pictures_given_up=_count(health.pictures_given_up),
        sections=tuple(map(_section, health.sections[:_MOST_SECTIONS])),
        looks=_looks(health.looks) if health.looks else None,
        configuration=_configuration(health.configuration) if health.configuration else None,
    )


def birth(payload: bytes) -> BoxState:
    """A birth or will as a box sent it.

    Raises:
        WireError: it is neither.
    """
    state = decode_message(_short(payload), BoxState)
    if not math.isfinite(state.health_interval_s):  # bounds say nothing of what is no number
        raise WireError("value", f"health_interval_s is {state.health_interval_s}: expected 1 to 3600")
    return replace(state, at_ms=_within(state.at_ms, -_MOST, _MOST), version=text(state.version, _LONGEST_VERSION))


def text(said: str, longest: int) -> str:
    """The beginning of what was said, without what a database's text does not hold."""
    return unnulled(said[:longest])[:longest]


def unnulled(said: str) -> str:
    """PostgreSQL's text holds no NUL."""
    return said.replace("\0", "\\0")


def _camera(camera: CameraHealth) -> CameraHealth:
    return replace(
        camera,
        name=text(camera.name, LONGEST_NAME),
        state=text(camera.state, _LONGEST_STATE),
        fps=_real(camera.fps),
        dropped=_count(camera.dropped),
        frames=_count(camera.frames),
        last_frame_ms=_within(camera.last_frame_ms, -_MOST, _MOST),
        detail=text(camera.detail, _LONGEST_DETAIL),
        damaged=_count(camera.damaged),
        lost=_count(camera.lost),
        sight=text(camera.sight, _LONGEST_DETAIL),
    )


def _looks(looks: LookHealth) -> LookHealth:
    why, took_ms = text(looks.why, _LONGEST_DETAIL), _real(looks.took_ms)
    return LookHealth(looks.looking, why, _count(looks.looks), _count(looks.refused), took_ms)


def _configuration(said: ConfigurationHealth) -> ConfigurationHealth:
    changed = tuple(text(name, LONGEST_NAME) for name in said.changed[:MOST_CAMERAS])
    return ConfigurationHealth(_version(said.number), text(said.content, LONGEST_NAME), changed, _version(said.tried))


def _section(state: SectionState) -> SectionState:
    return SectionState(
        text(state.name, _LONGEST_STATE * 2),
        _version(state.version),
        _version(state.refused),
        text(state.error, _LONGEST_DETAIL),
    )


def _version(number: int) -> int:
    """What is beyond all bounds was never given, so none is obeyed."""
    return number if 0 <= number < _MOST else 0


def _short(payload: bytes) -> bytes:
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError("oversized", f"more than {MAX_BATCH_BYTES} bytes")
    return payload


def _count(number: int) -> int:
    """A number of things. Below none there is none."""
    return _within(number, 0, _MOST)


def _within(number: int, least: int, most: int) -> int:
    return max(least, min(number, most))


def _real(number: float) -> float:
    """0 where it is no number."""
    return max(-_MOST_REAL, min(number, _MOST_REAL)) if math.isfinite(number) else 0.0
