"""Addresses: what may be listened on, and whether it is free."""

import contextlib
import ipaddress
import random
import socket
import ssl

from shared.errors import PortInUseError

_QUIET_PORTS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections."""
_given = set[int]()
"""Ports that this process was given: two that are picked before either is listened on must not be the same."""


def require_host(host: str, key: str) -> str:
    """Return `host` when it is a bare name or address.

    Raises:
        ValueError: it is more than that; what it is stays unsaid, for it may hold a password.
    """
    if not host or any(letter in "@/?#[]\\" or letter.isspace() for letter in host):
        raise ValueError(f"{key}: expected a host name or an IP address alone, such as alarm.example.org or 192.0.2.1")
    return host


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def own_address() -> str:
    """This machine's address towards other networks; empty where it has none. Nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
        try:
            towards.connect(("192.0.2.1", 9))  # of documentation, and nobody's (RFC 5737)
        except OSError:
            return ""
        return str(towards.getsockname()[0])


def require_loopback(host: str, key: str) -> str:
    """Return `host` when it names this machine alone.

    Without certificates no caller is asked who they are, so nothing listens or goes beyond loopback.

    Raises:
        ValueError: the host is not a loopback address; settings turn it into a ConfigError that names the file.
    """
    if host != "localhost":
        require_host(host, key)
    if is_loopback(host):
        return host
    raise ValueError(
        f"{key} = {host!r}: in plain text only loopback (127.0.0.1, ::1, localhost) is allowed; beyond it "
        "certificates are needed, which the table [trust] brings (docs/trust.md)"
    )


def require_free_port(host: str, port: int, key: str) -> None:
    """Fail early and clearly when a port is taken.

    Raises:
        PortInUseError: something listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUseError(
                f"{key} = {port}: another program listens on {host}:{port} ({error.strerror}); "
                "stop it or choose another port"
            ) from None


def pick_free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, and that neither an outgoing connection nor another call will be given."""
    for port in random.sample(_QUIET_PORTS, 200):
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            _given.add(port)
            return port
    _given.clear()
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_known(host: str) -> bool:
    """Whether a name leads to an address."""
    try:
        return bool(socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return False


def is_listening(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def speaks_tls(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether what listens there begins a TLS handshake; whose certificate it shows is not looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        # An alert is TLS, too: it wants a certificate of ours, or another name.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
