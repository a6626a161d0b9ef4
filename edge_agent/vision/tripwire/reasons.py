"""Why what met a line or zone is not told, in words for the planner who asks."""

from enum import Enum


class Why(Enum):
    """A reason."""

    DIRECTION = "the line counts the other way only"
    SIZE = "it is lower or taller than the line's min_height and max_height"
    DEBOUNCE = "the same thing was counted less than debounce_s before"
    NOWHERE = "it went nowhere, as leaves, rain and light do: less than its own width, or to and fro"
    PART = "it is a part of something that looks saw, such as its beam or spray"
    OTHER = "looks are sure that it is none of the line's objects"
    ECHO = "a piece of what crossed just before, its beam or its shadow"
