"""What people and programs are refused."""

from aggregator.store.errors import ConflictError, MissingError, SenselessError


class NoAccountError(MissingError):
    """There is no such account, key, role, grant or session."""


class AccountError(ConflictError):
    """It cannot be changed so."""


class PasswordError(SenselessError):
    """The password is not taken."""
