"""`hawkline view`: what a camera shall see."""

from typing import Annotated
from urllib.parse import quote

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from shared.output import say

app = typer.Typer(help="What cameras shall see.", no_args_is_help=True)


@app.callback()
def view() -> None:
    """What cameras shall see."""


@app.command("confirm", epilog="Example: hawkline view confirm north gate road")
def confirm(
    site: Annotated[str, typer.Argument(help="the site of the box")],
    agent: Annotated[str, typer.Argument(help="the box")],
    camera: Annotated[str, typer.Argument(help="its camera")],
    url: options.UrlOption = options.URL,
) -> None:
    """Confirm that a camera sees now what it shall see: after it was turned or its focus set, `sight_moved` ends so.

    Look at its picture, and at its lines in it, before.
    """
    path = f"/api/v1/boxes/{quote(site, safe='')}/{quote(agent, safe='')}/views"
    done = ApiClient(url).change("PUT", path, {"camera": camera})
    who = f"{site}/{agent}/{camera}: confirmed by {done['confirmed_by']}"
    say(f"{who}; the box looks at the view for ten seconds and learns it, unless something covers it")
