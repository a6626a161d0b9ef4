"""PostgreSQL's own programs, run on an installation's database."""

import os
import subprocess

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aggregator.embedded.postgres import program
from aggregator.store import Database


def run(name: str, database: Database, *arguments: str) -> int:
    """Run a program such as `psql` and wait for it; input and output are ours.

    Returns:
        Its exit code.

    Raises:
        UnavailableError: there is no such program.
    """
    info = {key: str(value) for key, value in conninfo_to_dict(database.dsn).items() if value is not None}
    # A command line is for everybody to read.
    password = info.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [program(name), f"--dbname={make_conninfo('', **info)}", *arguments]
    return subprocess.run(command, check=False, env=environment).returncode
