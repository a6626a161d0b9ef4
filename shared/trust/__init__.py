"""Who is who: names in certificates, keys that never leave their machine, connections that believe no clock blindly.

Only what boxes and centre share. Who may issue certificates, and to whom, is decided in `aggregator.trust`.
"""

from shared.trust.identity import SERVICE_PREFIX, TrustError, address_of, common_name, is_service, urn
from shared.trust.keys import Credentials, new_key, new_request, public_digest
from shared.trust.signed_time import SignedTime, TrustClock, read_signed_time, sign_time
from shared.trust.tls import client_context, read_root, server_context
from shared.trust.withdrawn import WithdrawnFile, read_withdrawn

__all__ = [
    "SERVICE_PREFIX",
    "Credentials",
    "SignedTime",
    "TrustClock",
    "TrustError",
    "WithdrawnFile",
    "address_of",
    "client_context",
    "common_name",
    "is_service",
    "new_key",
    "new_request",
    "public_digest",
    "read_root",
    "read_signed_time",
    "read_withdrawn",
    "server_context",
    "sign_time",
    "urn",
]
