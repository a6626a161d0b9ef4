"""Pure geometry: tracks against lines, in normalised coordinates."""

from edge_agent.tripwire.judge import Crossing, TripwireJudge

__all__ = ["Crossing", "TripwireJudge"]
