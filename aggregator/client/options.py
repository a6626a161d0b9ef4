"""Options that the questions share."""

from typing import Annotated

import typer

UrlOption = Annotated[str, typer.Option("--url", envvar="HAWKLINE_URL", help="the aggregator's API")]
PlaceOption = Annotated[
    str | None, typer.Option("--place", help="a site, or a place above sites (hawkline place list)")
]
SiteOption = Annotated[str | None, typer.Option("--site", help="name of a site")]
AgentOption = Annotated[str | None, typer.Option("--agent", help="name of a box")]
CameraOption = Annotated[str | None, typer.Option("--camera", help="name of a camera")]
LineOption = Annotated[str | None, typer.Option("--line", help="name of a line or zone")]
ObjectOption = Annotated[
    list[str] | None,
    typer.Option("--object", help="what it was: person, vehicle, two_wheeler, animal, unknown …; again for more"),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="90m, 8h, 2d, 02:00, yesterday, 昨天 22:00, or 2026-11-20T08:00 (local)")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="the same")]

URL = "http://127.0.0.1:8420"
