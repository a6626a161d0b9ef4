"""What questions may come to."""

from shared.errors import HawklineError


class TooMuchError(HawklineError):
    """The answer would be too large, or take too long."""
