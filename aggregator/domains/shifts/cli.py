"""`hawkline post`: where people stand; they sign on and hand over on the page."""

from typing import Annotated

import typer

from aggregator.client import options
from aggregator.client.client import ApiClient
from aggregator.client.moments import local
from shared.ids import check_name
from shared.output import Output, OutputOption, print_rows

app = typer.Typer(help="Where people stand: posts, who is on, what was handed over.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="of the post", show_default=False)]


@app.command("list", epilog="Example: hawkline post list")
def list_posts(url: options.UrlOption = options.URL, output: OutputOption = Output.TABLE) -> None:
    """List posts, and who is on."""
    rows = ApiClient(url).get("/api/v1/posts", {})
    shown = [{**row, "on": ", ".join(each["who"] for each in row["on"])} for row in rows]
    print_rows(rows if output is Output.JSON else shown, output, ("name", "title", "place", "on"))


@app.command(epilog="Example: hawkline post put north-desk --in north --title 北区值班室")
def put(
    name: NameArgument,
    place: Annotated[str, typer.Option("--in", help="place whose alerts it answers for", show_default=False)],
    title: Annotated[str, typer.Option("--title", help="what people call it")] = "",
    url: options.UrlOption = options.URL,
) -> None:
    """Add a post, or change it."""
    check_name(name, "NAME")
    ApiClient(url).change("PUT", f"/api/v1/posts/{name}", {"place": place, "title": title})


@app.command(epilog="Example: hawkline post remove north-desk")
def remove(name: NameArgument, url: options.UrlOption = options.URL) -> None:
    """Forget a post at which nobody stands, and its shifts; the audit keeps what was handed over."""
    check_name(name, "NAME")
    ApiClient(url).change("DELETE", f"/api/v1/posts/{name}")


@app.command(epilog="Example: hawkline post shifts north-desk -o csv")
def shifts(
    name: NameArgument,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="the newest so many")] = 50,
    url: options.UrlOption = options.URL,
    output: OutputOption = Output.TABLE,
) -> None:
    """List who stood there, and what they handed over."""
    check_name(name, "NAME")
    rows = ApiClient(url).get(f"/api/v1/posts/{name}/shifts", {"limit": limit})
    shown = [
        {
            **row,
            "began_at": local(row["began_at"]),
            "ended_at": local(row["ended_at"]) if row["ended_at"] else "",
            "open_alerts": len(row["open_alerts"]),
        }
        for row in rows
    ]
    columns = ("id", "who", "began_at", "ended_at", "ended_by", "open_alerts", "note")
    print_rows(rows if output is Output.JSON else shown, output, columns)
