"""Signatures after the Standard Webhooks specification: HMAC-SHA256 over `id.timestamp.body`."""

import base64
import hashlib
import hmac


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Headers that let the receiver check origin, integrity and age of a delivery."""
    content = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
