"""`python -m aggregator.service_main NAME CONFIG`: body of one supervised process."""

import os
import signal
import sys
from pathlib import Path

from aggregator.config import load_aggregator_settings
from aggregator.services import DSN_VARIABLE, SERVICES, YIELDING
from shared.logs import log_to_stderr


def main() -> None:
    """Run the named service until standard input closes."""
    name, config = sys.argv[1:]
    # Ctrl+C goes to the whole group; the supervisor alone decides who leaves when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr(name)
    if name in YIELDING:
        os.nice(YIELDING[name])
    SERVICES[name](load_aggregator_settings(Path(config)), os.environ[DSN_VARIABLE])


if __name__ == "__main__":
    main()
