"""Names of sites, boxes, cameras and lines, and the numbers that outlive a restart."""

import re
import secrets

from shared.errors import ConfigError

NAME_RULE = "1 to 32 lower-case letters, digits or hyphens, starting with a letter or digit"
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"
"""As OpenAPI says it. Where Python matches it, a line break may stand behind: there it is `WHOLE_NAME`."""
WHOLE_NAME = NAME_PATTERN.replace("$", r"\Z")
_NAME = re.compile(WHOLE_NAME)


def check_name(value: str, what: str) -> str:
    """Return `value` when it can be part of a topic.

    Raises:
        ConfigError: it holds anything but lower-case letters, digits and hyphens, or is too long.
    """
    if not _NAME.match(value):
        raise ConfigError(f"{what} {value!r}: expected {NAME_RULE}")
    return value


def new_epoch() -> int:
    """A random 32-bit number that tells one outbox file from every other of the same box."""
    return secrets.randbits(32) or 1
