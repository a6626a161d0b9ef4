"""Which machine this is: the serial number that a claim is bound to."""

from pathlib import Path

from shared.errors import UnavailableError

_BOARD = Path("/sys/firmware/devicetree/base/serial-number")
"""Raspberry Pi and Jetson."""
_INSTALLATION = Path("/etc/machine-id")


def serial_number(board: Path = _BOARD, installation: Path = _INSTALLATION) -> str:
    """The board's serial number; where it has none, the number of the installation.

    Raises:
        UnavailableError: there is neither.
    """
    for path in (board, installation):
        try:
            found = path.read_text().strip("\0\n ")
        except OSError:
            continue
        if found:
            return found
    raise UnavailableError(f"{board}, {installation}: this machine has no serial number; name one with --serial")
