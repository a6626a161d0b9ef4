"""A checkpoint's box of our own: two lanes, and a camera that plays a clip; enrolled at a trusted aggregator."""

import csv
import io
from pathlib import Path

from provisioning.lab.edge.traffic import lane_line
from provisioning.lab.local_site.processes import PartProcess
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.topics import Address

BOX = Address("north", "gantry")
LANES = "\n".join(
    f'[[cameras.checkpoint.lanes]]\nname = "lane {lane}"\nline = [[{a:.4f}, {b:.4f}], [{c:.4f}, {d:.4f}]]'
    for lane in (0, 1)
    for (a, b), (c, d) in [lane_line(lane)]
)
"""Of rendered traffic, as a configuration has them."""
_AGENT = """site = "north"
agent = "gantry"
data_dir = "data"

[trust]
url = "{door}"

[broker]
port = {port}

[health]
interval_s = 1.0

[[cameras]]
name = "road"
scene = "scene.toml"
source = {{ kind = "file", path = "{clip}", realtime = {realtime} }}

[cameras.checkpoint]
{lanes}
"""


def playing(aggregator: TrustedAggregator, folder: Path, clip: Path, name: str, *, realtime: bool) -> PartProcess:
    """The box, configured to play a clip; it is not started.

    Args:
        folder: of the box; its logs lie in `logs`.
        name: of the log.
        realtime: at the pace it was filmed.
    """
    said = {"door": aggregator.door_url, "port": aggregator.box_port, "clip": clip, "lanes": LANES}
    (folder / "agent.toml").write_text(_AGENT.format(**said, realtime=str(realtime).lower()))
    (folder / "scene.toml").write_text("")
    arguments = ["agent", "run", "--config", str(folder / "agent.toml")]
    return PartProcess("agent", arguments, folder / "logs" / f"{name}.log")


def enrol(aggregator: TrustedAggregator, folder: Path) -> None:
    """Have the box come in; it is configured by now."""
    listed = folder / "boxes.csv"
    listed.write_text(f"site,agent,serial\n{BOX.site},{BOX.agent},1234\n")
    claims = aggregator.command("device", "claim", "--file", str(listed), "-o", "csv")
    (claim,) = csv.DictReader(io.StringIO(claims))
    said = ("--serial", "1234", "--claim", claim["code"], "--fingerprint", claim["fingerprint"])
    aggregator.command("agent", "enrol", "--config", str(folder / "agent.toml"), *said)
