"""Pages of the console that other distributions bring: which there are, and their files."""

from typing import Literal

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from aggregator.signals.domain import DomainError, domains

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
def pages() -> list[PageRow]:
    """Pages that other distributions bring; the console finds its own without this."""
    return [
        PageRow(
            name=page.name,
            words={"zh": page.words["zh"], "en": page.words["en"]},
            place=page.place,
            right=page.right,
            module=f"{_FOLDER}/{page.name}/page.js",
        )
        for page in domains().pages
    ]


def serve(app: FastAPI) -> None:
    """Serve the files of all pages.

    Raises:
        DomainError: a page has no such folder, or no name in a language.
    """
    for page in domains().pages:
        if missing := {"zh", "en"} - page.words.keys():
            raise DomainError(f"page {page.name!r}: words: {', '.join(sorted(missing))} is missing")
        package, _, folder = page.folder.partition(":")
        try:
            files = StaticFiles(packages=[(package, folder)])
        except (AssertionError, ImportError, ValueError) as error:
            raise DomainError(f"page {page.name!r}: {page.folder!r} is no folder of a package: {error}") from None
        app.mount(f"{_FOLDER}/{page.name}", files, name=f"page-{page.name}")
