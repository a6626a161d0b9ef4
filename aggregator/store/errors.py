"""What a question or a change may come to. The API answers each kind with the status that stands here."""

from typing import ClassVar

from shared.errors import HawklineError


class RefusedError(HawklineError):
    """It is not done, and the caller can do something about it."""

    status: ClassVar[int]
    """Of an HTTP answer."""


class MissingError(RefusedError):
    """What was asked for is not there."""

    status = 404


class NotYoursError(RefusedError):
    """They who ask may not."""

    status = 403


class ConflictError(RefusedError):
    """It contradicts what is there."""

    status = 409


class SenselessError(RefusedError):
    """It makes no sense as it was asked."""

    status = 422


class TooMuchError(SenselessError):
    """The answer would be too large, or take too long."""
