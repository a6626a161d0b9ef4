"""Named blocks of the `.sql` files: `-- name: lock_cursors`."""

import re
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (?P<name>\w+)\s*$", re.MULTILINE)


def load_queries(package: str, file: str = "queries.sql") -> dict[str, LiteralString]:
    """Read one file of a package.

    Args:
        package: nearly always the caller's own: `__package__`.
        file: within its folder.

    Returns:
        Statement by name. They are our own text, so psycopg may treat them as literals.
    """
    text = resources.files(package).joinpath(file).read_text("utf-8")
    parts = _NAME.split(text)
    return {
        name: cast("LiteralString", body.strip().rstrip(";"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
