"""How a box becomes one, proves it, and stays one: enrolment, renewal, and the time where it has no clock."""

from edge_agent.uplink.trust.enrolment import Door, enrol, renew
from edge_agent.uplink.trust.keeper import CertificateKeeper
from edge_agent.uplink.trust.machine import serial_number

__all__ = ["CertificateKeeper", "Door", "enrol", "renew", "serial_number"]
