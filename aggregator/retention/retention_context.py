"""What deleting takes besides the database."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.config import AggregatorSettings
from aggregator.store.audit import audit_key
from aggregator.store.pictures import PictureStore


@dataclass(frozen=True, slots=True)
class RetentionContext:
    """Given to a domain that deletes.

    Attributes:
        pictures: where their files are.
        key: signs where the audit goes on when its beginning is deleted.
    """

    pictures: PictureStore
    key: Callable[[], Ed25519PrivateKey]


def means(settings: AggregatorSettings) -> RetentionContext:
    """Those of an installation."""
    return RetentionContext(settings.open_pictures(), partial(audit_key, settings.data_dir))
