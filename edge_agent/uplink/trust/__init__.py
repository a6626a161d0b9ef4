"""How a box becomes one, proves it, and stays one: enrolment, renewal, and the time where it has no clock."""

from edge_agent.uplink.trust.enrolment import Door, enrol, renew
from edge_agent.uplink.trust.machine import serial_number
from edge_agent.uplink.trust.renewal import CertificateRenewal

__all__ = ["CertificateRenewal", "Door", "enrol", "renew", "serial_number"]
