"""Camera addresses hold passwords, before the host or behind it. Nothing that is logged, shown or sent does."""

import re

_URL = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s'\"]*@)?(?P<host>[^/\s'\"?#]*)[^\s'\"]*")


def without_credentials(text: str) -> str:
    """The text with every URL in it cut down to scheme, host and port."""
    return _URL.sub(lambda found: f"{found['scheme']}{found['host']}", text)
