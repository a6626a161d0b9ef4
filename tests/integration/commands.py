"""Commands in this process: a process for each would cost a second of a core, and show the same."""

from unittest.mock import patch

import typer
from typer.testing import CliRunner

from aggregator.client.client import ApiClient
from shared.errors import HawklineError


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
        done = CliRunner().invoke(app, [str(word) for word in words])
    for client in made:  # whose connections end with a process otherwise
        client._http.close()
    failed, text = done.exception, done.output
    found = done.exit_code
    if isinstance(failed, HawklineError):  # as `hawkline` itself tells it
        found, text = 2, f"{text}error: {failed}"
    elif failed is not None and not isinstance(failed, SystemExit):
        raise failed
    assert found == code, text
    return text
