"""Bars of the whole way."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from provisioning.lab.targets import Target
from shared.errors import HawklineError
from shared.net import pick_free_port

_QUICK_S, _FULL_S = 15.0, 60.0


def measure(quick: bool) -> Iterator[Target]:
    """Runs the demo in a folder of its own and reads its summary."""
    from provisioning.lab.demo.run import DemoOptions, run_demo

    names = ("demo, camera to screen p99", "demo, events lost", "demo, events stored twice")
    with tempfile.TemporaryDirectory(prefix="hawkline-bench-") as folder:
        Path(folder).chmod(0o755)
        try:
            summary = run_demo(DemoOptions(Path(folder), pick_free_port(), _QUICK_S if quick else _FULL_S))
        except HawklineError as error:
            for name in names:
                yield Target(name, None, 0, "", note=str(error))
            return
    note = f"{summary['alerts']} alerts in {summary['seconds']:g} s"
    yield Target(names[0], summary["p99_ms"], 1000, "ms", note=note)
    yield Target(names[1], summary["lost"] + summary["waiting"], 0, "events", note=f"of {summary['numbered']}")
    yield Target(names[2], summary["duplicated"], 0, "events")
