"""`hawkline place`: what lies above sites."""

from pathlib import Path
from typing import Annotated

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.tables import rows_of
from shared.errors import ConfigError
from shared.ids import check_name
from shared.output import Output, OutputOption, print_rows, say

app = typer.Typer(help="The tree of places: sites in stations, stations in districts.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="of the site or place")]
_COLUMNS = ("name", "above", "title")


@app.command("list", epilog="Example: hawkline place list -o csv")
def list_places(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List all places, and sites of boxes that lie in none."""
    print_rows(ApiClient(url).get("/api/v1/places", {}), output, (*_COLUMNS, "boxes"))


@app.command("put", epilog="Example: hawkline place put north --in station-3 --title 北村")
def put(
    name: NameArgument,
    above: Annotated[str | None, typer.Option("--in", help="the place that it lies in")] = None,
    top: Annotated[bool, typer.Option("--top", help="it lies in nothing")] = False,
    title: Annotated[str | None, typer.Option("--title", help="what people call it")] = None,
    url: options.UrlOption = options.URL,
) -> None:
    """Add a place, or move or rename it; what is not given stays as it is."""
    check_name(name, "name")
    if above and top:
        raise ConfigError("--in and --top: a place lies in one or in nothing")
    given = {"above": above} if above or top else {}
    ApiClient(url).change("PUT", f"/api/v1/places/{name}", {**given, **({} if title is None else {"title": title})})


@app.command("remove", epilog="Example: hawkline place remove north")
def remove(name: NameArgument, url: options.UrlOption = options.URL) -> None:
    """Take a place out of the tree. Sites, boxes and what they told stay."""
    check_name(name, "name")
    ApiClient(url).change("DELETE", f"/api/v1/places/{name}")


@app.command("import", epilog="Example: hawkline place import places.csv")
def import_places(
    file: Annotated[Path, typer.Argument(help="CSV with a head: name,above,title")],
    url: options.UrlOption = options.URL,
) -> None:
    """Add or move the places of a CSV file: name,above,title, a place behind the one that it lies in.

    Places that it does not name stay as they are; an empty cell says that a place lies in nothing, or has no title.
    """
    rows = _read(file)
    client = ApiClient(url)
    for line, row in rows:
        try:
            client.change(
                "PUT", f"/api/v1/places/{row['name']}", {"above": row["above"] or None, "title": row["title"]}
            )
        except ConfigError as error:
            raise ConfigError(f"{file}: line {line}: {error}; the lines before it are in") from None
    say(f"places: {len(rows)}")


def _read(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Rows with the numbers of their lines; all are looked at before the first is sent."""
    rows = rows_of(file, _COLUMNS)
    seen = set[str]()
    for line, row in rows:
        check_name(row["name"], f"{file}: line {line}: name")
        if row["name"] in seen:
            raise ConfigError(f"{file}: line {line}: {row['name']!r} stands in a line before")
        seen.add(row["name"])
        if row["above"]:
            check_name(row["above"], f"{file}: line {line}: above")
    return rows
