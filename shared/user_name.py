"""Who runs this process, by name where there is one: in a container a user number often has none."""

import os
import pwd


def user_name() -> str:
    """For records: the name that the environment or the system knows, else `user 12345`."""
    for variable in ("LOGNAME", "USER"):
        if name := os.environ.get(variable, "").strip():
            return name[:64]
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
