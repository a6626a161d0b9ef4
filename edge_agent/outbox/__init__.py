"""Events wait here until the aggregator says that they are stored (docs/adr/0004)."""

from edge_agent.outbox.outbox import Outbox

__all__ = ["Outbox"]
