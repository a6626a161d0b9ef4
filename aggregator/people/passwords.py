"""Passwords as Argon2id keeps them: slow and wide on purpose, so that few are looked at once."""

import secrets
from functools import cache

import argon2

_COMMON = "password", "12345678", "87654321", "qwerty", "abcdefg", "iloveyou", "woaini", "hawkline"
_NAMED = 4
"""Letters of a name that are no accident in a password."""
LEAST, MOST = 10, 200
"""Letters of a password."""
_HASHER = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
"""64 MiB and some 0.2 s each."""


@cache
def nobodys() -> str:
    """Looked at where there is no such account: that takes as long. Making it the first time takes as long again."""
    return _HASHER.hash(secrets.token_hex())


def objection(name: str, password: str) -> str:
    """Why a password is not taken; empty: it is."""
    if not LEAST <= len(password) <= MOST:
        return f"expected {LEAST} to {MOST} characters"
    plain = password.casefold()
    if len(set(password)) < 5 or any(common in plain for common in _COMMON):
        return "too easy to guess: do not repeat one letter, and take nothing like password1234"
    if len(name) >= _NAMED and name.casefold() in plain:
        return "too easy to guess: leave the name out"
    return ""


def hashed(password: str) -> str:
    """What is kept of a password. Takes 64 MiB and 0.2 s."""
    return _HASHER.hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether it is the password; the same time goes by where nothing is kept."""
    try:
        return _HASHER.verify(kept or nobodys(), password) and bool(kept)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
