"""What FFmpeg's failures mean for the installer who set up the camera, in words, never with the address."""

import errno
import socket

import av

from edge_agent.address import CameraAddress
from edge_agent.camera.sources.camera_identity import CameraIdentityError
from shared.credentials import PERCENT

_REACH_TIMEOUT_S = 3.0
_OF_NUMBER = {
    errno.ECONNREFUSED: "refuses the connection: nothing speaks RTSP at this port",
    errno.ETIMEDOUT: "does not answer",
    errno.EHOSTUNREACH: "cannot be reached: no way to this host",
    errno.ENETUNREACH: "cannot be reached: this machine has no network to it",
    errno.ECONNRESET: "ends the connection",
    errno.EPIPE: "ends the connection",
    errno.EACCES: "must not be reached from here (a firewall of this machine)",
    errno.EPERM: "must not be reached from here (a firewall of this machine)",
    errno.EIO: "answers, but not as a camera does",
    errno.EPROTONOSUPPORT: 'does not offer this way of transport; try transport = "tcp"',
}


def in_words(error: Exception) -> str:
    """A failure as a predicate: what the camera does or does not."""
    if isinstance(error, CameraIdentityError):
        return error.said
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "refuses user and password"
    if isinstance(error, av.error.HTTPForbiddenError):
        return "refuses this user: not allowed to see this stream"
    if isinstance(error, av.error.HTTPNotFoundError):
        return "has no stream at this path"
    if isinstance(error, av.error.HTTPClientError):
        return "refuses the request; look at the path"
    if isinstance(error, av.error.HTTPServerError):
        return "says that it has an error of its own"
    if isinstance(error, av.error.ExitError):
        return "does not answer in time"
    if isinstance(error, (av.error.InvalidDataError, av.error.EOFError, av.error.PatchWelcomeError)):
        return "answers, but with nothing that can be read as video"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "is of a protocol that is not known here"
    said = getattr(error, "strerror", None) or type(error).__name__
    return _OF_NUMBER.get(getattr(error, "errno", None) or 0) or f"cannot be opened ({said})"


def unreachable(address: CameraAddress) -> str | None:
    """Why nothing listens at a camera's address, None where something does. FFmpeg calls half of it an I/O error."""
    try:
        with socket.create_connection((address.host, address.port), timeout=_REACH_TIMEOUT_S):
            return None
    except (socket.gaierror, UnicodeError):
        return f"the name {address.host} is not found; correct the host, or this machine's DNS"
    except TimeoutError:
        return _OF_NUMBER[errno.ETIMEDOUT]
    except OSError as error:
        return in_words(error)


def advice(address: CameraAddress, said: str) -> str:
    """What else to look at; about letters of the password only where they may be the reason."""
    if address.odd:
        return f"{said}; letters with a meaning in an address were taken as the password's: {PERCENT}"
    if address.has_user and "user and password" in said:
        return f"{said}; are they right? {PERCENT}"
    return said
