"""Whom we believe outside: the machine's certificates, those of SSL_CERT_FILE, or the one that a key `ca` names."""

import ssl
from pathlib import Path

import httpx


def outside_context(ca: Path | None) -> ssl.SSLContext:
    """For connections to a server of others.

    Args:
        ca: a PEM file that alone is believed; None believes whom the machine does.

    Raises:
        OSError: the file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    if ca is not None:
        return ssl.create_default_context(cafile=ca)
    paths = ssl.get_default_verify_paths()  # hears SSL_CERT_FILE and SSL_CERT_DIR
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return ssl.create_default_context()
    return httpx.create_ssl_context(trust_env=False)  # a machine without a store: those that httpx brings along
