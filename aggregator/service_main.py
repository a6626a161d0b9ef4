"""`python -m aggregator.service_main NAME CONFIG`: body of one supervised process."""

import logging
import os
import signal
import sys
from pathlib import Path

from aggregator.config import load_aggregator_settings
from aggregator.services import DSN_VARIABLE, SERVICES, YIELDING


def main() -> None:
    """Run the named service until standard input closes."""
    name, config = sys.argv[1:]
    # Ctrl+C goes to the whole group; the supervisor alone decides who leaves when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=f"%(asctime)s %(levelname)s {name}: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if name in YIELDING:
        os.nice(YIELDING[name])
    SERVICES[name](load_aggregator_settings(Path(config)), os.environ[DSN_VARIABLE])


if __name__ == "__main__":
    main()
