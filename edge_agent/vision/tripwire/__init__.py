"""Pure geometry: tracks against lines and zones, in normalised coordinates."""

from edge_agent.vision.tripwire.judge import Crossing, TripwireJudge
from edge_agent.vision.tripwire.sighting import Sighting
from edge_agent.vision.tripwire.zones import Presence, ZoneJudge

__all__ = ["Crossing", "Presence", "Sighting", "TripwireJudge", "ZoneJudge"]
