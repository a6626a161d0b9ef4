"""Arrays as PostgreSQL reads them.

psycopg writes them an element at a time, each through a regular expression: ten times as slow, and ingest has a dozen
of them in every transaction.
"""

from collections.abc import Iterable


def of_ints(values: Iterable[int]) -> str:
    """For `%(name)s::bigint[]`."""
    return "{" + ",".join(map(str, values)) + "}"


def of_plain(values: Iterable[str]) -> str:
    """For `%(name)s::text[]`, of texts without quotes and backslashes, such as multiranges."""
    return '{"' + '","'.join(listed) + '"}' if (listed := list(values)) else "{}"


def of_bytes(values: Iterable[bytes]) -> str:
    """For `%(name)s::bytea[]`."""
    return '{"' + '","'.join(f"\\\\x{value.hex()}" for value in listed) + '"}' if (listed := list(values)) else "{}"
