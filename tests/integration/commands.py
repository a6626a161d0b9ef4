"""Commands in this process: a process for each would cost a second of a core, and show the same."""

from typing import NamedTuple
from unittest.mock import patch

import typer
from typer.testing import CliRunner

from aggregator.client.client import ApiClient
from shared.errors import HawklineError


class Done(NamedTuple):
    """How a command ended; attributes as those of a process that was run."""

    returncode: int
    stdout: str
    stderr: str


def done(app: typer.Typer, *words: object) -> Done:
    """Run a command to its end.

    Args:
        app: of its noun.
        words: behind the noun.
    """
    ended = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(ended.exception, HawklineError):  # as `hawkline` itself tells it
        return Done(2, ended.stdout, f"{ended.stderr}error: {ended.exception}\n")
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Done(ended.exit_code, ended.stdout, ended.stderr)


def told(app: typer.Typer, *words: object, code: int = 0) -> str:
    """What a command prints, and says on the side.

    Args:
        app: of its noun.
        words: behind the noun.
        code: with which it ends.
    """
    made, real = list[ApiClient](), ApiClient.__init__

    def noted(client: ApiClient, url: str) -> None:
        real(client, url)
        made.append(client)

    with patch.object(ApiClient, "__init__", noted):
        found, out, err = done(app, *words)
    for client in made:  # whose connections end with a process otherwise
        client._http.close()
    assert found == code, out + err
    return out + err
