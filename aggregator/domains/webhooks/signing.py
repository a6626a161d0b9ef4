"""Signatures after the Standard Webhooks specification, by its own library: receivers have one in every language."""

from datetime import UTC, datetime

from standardwebhooks import Webhook


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Headers that let the receiver check origin, integrity and age of a delivery.

    Args:
        secret: the key is its UTF-8 bytes, as they stand in the configuration.
    """
    at = datetime.fromtimestamp(timestamp_s, tz=UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": Webhook(secret.encode()).sign(message_id, at, body.decode()),
    }
