"""Camera addresses hold passwords, before the host or behind it. Nothing that is logged, shown or sent does."""

from shared.credentials import without_credentials

__all__ = ["without_credentials"]
