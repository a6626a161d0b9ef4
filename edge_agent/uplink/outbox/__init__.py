"""Events wait here until the aggregator says that they are stored (docs/adr/0004, 0016)."""

from edge_agent.uplink.outbox.intake import Intake
from edge_agent.uplink.outbox.outbox import Outbox

__all__ = ["Intake", "Outbox"]
