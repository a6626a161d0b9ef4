"""Camera addresses hold passwords. Nothing that is logged, shown or sent does."""

import re

_USER_INFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s]*@")


def without_credentials(text: str) -> str:
    """The text with `user:password@` cut out of every URL in it."""
    return _USER_INFO.sub(lambda found: found["scheme"], text)
