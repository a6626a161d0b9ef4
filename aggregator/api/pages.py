"""Pages of the console that other distributions bring: which there are, and their files."""

import logging
from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from aggregator.api.principal import Anybody
from aggregator.signals.declarations import domains

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", tags=["pages"])
_FOLDER = "/pages"


class PageRow(BaseModel):
    """A page: its name, which is its address, its words for the navigation, and the module that shows it."""

    name: str
    words: dict[Literal["zh", "en"], str]
    place: int
    right: str
    module: str


@router.get("/pages")
def pages(who: Anybody) -> list[PageRow]:
    """Pages that other distributions bring, and they may see; the console finds its own without this."""
    return [
        PageRow(
            name=page.name,
            words={"zh": page.words["zh"], "en": page.words["en"]},
            place=page.place,
            right=page.right,
            module=f"{_FOLDER}/{page.name}/page.js",
        )
        for page in domains().pages
        if page.right in who.rights
    ]


def serve(app: FastAPI) -> None:
    """Serve the files of all pages. One whose files are not there says so in the console; all else goes on."""
    for page in domains().pages:
        package, _, folder = page.folder.partition(":")
        try:
            files = StaticFiles(packages=[(package, folder)])
        except (AssertionError, ImportError, ValueError) as error:
            log.error("page %r cannot be served: %r is no folder of a package: %s", page.name, page.folder, error)
            continue
        if not files.lookup_path("page.js")[1]:
            log.error("page %r cannot be shown: there is no page.js in %r", page.name, page.folder)
        app.mount(f"{_FOLDER}/{page.name}", files, name=f"page-{page.name}")
