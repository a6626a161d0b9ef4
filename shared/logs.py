"""Where every process of ours logs to, and how much."""

import logging
import os
import sys

VARIABLE = "HAWKLINE_LOG"
"""Environment: `debug`, `info` (without it), `warning` or `error`."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log_to_stderr(name: str | None = None) -> None:
    """Log from now on, each line with its time, its level and who says it.

    Args:
        name: of the process; None: each module by its own.
    """
    who = "%(name)s" if name is None else name.replace("%", "%%")
    level = _LEVELS.get(os.environ.get(VARIABLE, "info").lower(), logging.INFO)
    logging.basicConfig(level=level, stream=sys.stderr, format=f"%(asctime)s %(levelname)s {who}: %(message)s")
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))
