"""What the centre wants of a box, by sections, and what the box says of each.

A section has a name, a version that only grows, and a body that its two ends alone understand. The centre sends a
section again until the box answers for its version: that it obeys, or that it cannot, and why. No broker keeps any of
it (docs/adr/0019).
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

ARMING, VIEWS, LISTS, EXPORTS, PARTITIONS = "arming", "views", "lists", "exports", "partitions"
CONFIGURATION, SURVEYS = "configuration", "surveys"
_Version = Annotated[int, Meta(ge=1, lt=2**62)]


class Armed(msgspec.Struct, frozen=True, array_like=True):
    """One line or zone of a camera, by their names: armed or not, whatever its scene file says."""

    camera: str
    name: str
    armed: bool


class Arming(msgspec.Struct, frozen=True):
    """Body of the section `arming`: all that was ordered. What is not in it is armed as configured on the box."""

    lines: tuple[Armed, ...] = ()


class ConfirmedView(msgspec.Struct, frozen=True, array_like=True):
    """A camera whose view a person confirmed at a moment, Unix milliseconds of the centre."""

    camera: str
    at_ms: Annotated[int, Meta(ge=0, lt=2**53)]


class Views(msgspec.Struct, frozen=True):
    """Body of the section `views`: what was confirmed last of each camera."""

    cameras: tuple[ConfirmedView, ...] = ()


class Lists(msgspec.Struct, frozen=True):
    """Body of the section `lists`: which watch list the box shall have. It fetches that from the boxes' door."""

    content: Annotated[str, Meta(max_length=64)] = ""


class WantedExport(msgspec.Struct, frozen=True, array_like=True):
    """A picture that shall leave the centre, in which nobody can be recognised.

    Attributes:
        number: of the export.
        sha256: of the picture as it was evidence.
        areas: left, top, right and bottom of what else is blurred, 0 to 1 of the picture's sides.
    """

    number: Annotated[int, Meta(ge=1, lt=2**62)]
    sha256: Annotated[bytes, Meta(min_length=32, max_length=32)]
    areas: Annotated[tuple[tuple[float, float, float, float], ...], Meta(max_length=64)] = ()


class Exports(msgspec.Struct, frozen=True):
    """Body of the section `exports`: pictures that the box renders once more, and brings to its door."""

    wanted: tuple[WantedExport, ...] = ()


class PartitionDeed(StrEnum):
    """What is ordered of a partition."""

    HOME = "home"
    AWAY = "away"
    NIGHT = "night"
    DISARM = "disarm"
    RESET = "reset"
    """Outputs fall silent, and what stays in alarm until a person has looked is let go."""
    TEST = "test"
    """An output sounds for two seconds; the partition's name is the output's then."""


class PartitionOrder(msgspec.Struct, frozen=True, array_like=True):
    """The newest order for a partition: it is obeyed once, and not where something was done there since.

    Attributes:
        number: of the order; they grow.
        partition: its name on the box; of a test, the output's.
        deed: what shall be done.
        deeds: how often something had been done at the box, as the centre knew when this was ordered.
        by: who ordered it.
        without: sensors that are bypassed for this arming.
    """

    number: Annotated[int, Meta(ge=1, lt=2**53)]
    partition: Annotated[str, Meta(max_length=64)]
    deed: PartitionDeed
    deeds: Annotated[int, Meta(ge=0, lt=2**53)]
    by: Annotated[str, Meta(max_length=64)]
    without: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


class BypassWay(StrEnum):
    """How long a sensor is left out."""

    ONCE = "once"
    """Until its partition is disarmed."""
    UNTIL_CLOSED = "until_closed"
    """Until it is as it should be; from then on it is watched."""
    UNTIL = "until"
    """Until a moment."""


class BypassOrder(msgspec.Struct, frozen=True, array_like=True):
    """A sensor that is left out.

    Attributes:
        number: of the bypass; one that the box has ended is not begun again.
        sensor: its name on the box.
        way: how long.
        until_ms: its end at the latest, Unix milliseconds.
        by: who ordered it.
        reason: why.
    """

    number: Annotated[int, Meta(ge=1, lt=2**53)]
    sensor: Annotated[str, Meta(max_length=64)]
    way: BypassWay
    until_ms: Annotated[int, Meta(ge=0, lt=2**53)]
    by: Annotated[str, Meta(max_length=64)]
    reason: Annotated[str, Meta(max_length=120)]


class Partitions(msgspec.Struct, frozen=True):
    """Body of the section `partitions`: the newest order for each, and all bypasses that hold."""

    orders: tuple[PartitionOrder, ...] = ()
    bypasses: tuple[BypassOrder, ...] = ()


class Configuration(msgspec.Struct, frozen=True):
    """Body of the section `configuration`: what the box shall watch. It fetches that from the boxes' door.

    Attributes:
        number: of the configuration; they grow, whatever a section's version does. 0: the box's own file again.
        content: its files (`shared.configuration.content_of`).
        over: the same of the files that lay on the box, as the centre knew it: what was changed there since stands.
    """

    number: Annotated[int, Meta(ge=0, lt=2**62)]
    content: Annotated[str, Meta(max_length=64)] = ""
    over: Annotated[str, Meta(max_length=64)] = ""


class WantedSurvey(msgspec.Struct, frozen=True, array_like=True):
    """A camera's newest picture that a planner waits for, and a scene to be tried on its last minute.

    Attributes:
        number: of the survey.
        camera: its name on the box.
        scene: as JSON (`shared.scene.Scene`); empty: none is tried.
    """

    number: Annotated[int, Meta(ge=1, lt=2**62)]
    camera: Annotated[str, Meta(max_length=64)]
    scene: Annotated[bytes, Meta(max_length=64 * 1024)] = b""


class Surveys(msgspec.Struct, frozen=True):
    """Body of the section `surveys`: what planners wait for. The box brings it to its door."""

    wanted: tuple[WantedSurvey, ...] = ()


class Section(msgspec.Struct, frozen=True):
    """One section as it shall be, whole."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    version: _Version
    body: msgspec.Raw


class DesiredState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sections that a box does not obey yet.

    Attributes:
        sections: each whole, and only what is newer than what the box has counts.
        version: of arming, for boxes of 0.1, which know nothing else; a centre of 0.1 sends only this.
        arming: the same.
    """

    version: Annotated[int, Meta(ge=0, lt=2**62)] = 0
    arming: tuple[Armed, ...] = ()
    sections: tuple[Section, ...] = ()

    @property
    def all_sections(self) -> tuple[Section, ...]:
        """With what a centre of 0.1 says."""
        if self.version and not self.sections:
            return (section(ARMING, self.version, Arming(self.arming)),)
        return self.sections


class SectionState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a box does about a section.

    Attributes:
        name: of the section.
        version: that it obeys; 0: none.
        refused: newer version that it cannot obey; 0: there is none.
        error: why it cannot, in words; or, where nothing is refused, why it does not yet.
    """

    name: str
    version: int = 0
    refused: int = 0
    error: str = ""


def section(name: str, version: int, body: Any) -> Section:
    """A section with its body encoded."""
    return Section(name, version, msgspec.Raw(msgspec.msgpack.encode(body)))
