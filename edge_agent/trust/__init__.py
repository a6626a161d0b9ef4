"""How a box becomes one, proves it, and stays one: enrolment, renewal, and the time where it has no clock."""

from edge_agent.trust.enrolment import Door, enrol, renew
from edge_agent.trust.keeper import TrustKeeper
from edge_agent.trust.machine import serial_number

__all__ = ["Door", "TrustKeeper", "enrol", "renew", "serial_number"]
