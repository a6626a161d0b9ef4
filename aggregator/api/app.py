"""Assembles the HTTP application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout

from aggregator.alerting.alerts import AlertClearedError, AlertNotFoundError, Publishing
from aggregator.api import alerts, arming, boxes, counts, coverage, evidence, feed, operations, places, record
from aggregator.api.guard import LoopbackGuard, refuse_unknown_parameters
from aggregator.api.parts import Parts
from aggregator.feed.hub import FeedHub
from aggregator.store import Database
from aggregator.store.counts import ZoneError
from aggregator.store.errors import TooMuchError
from aggregator.store.pictures import PictureStore
from aggregator.store.places import PlaceError, UnknownPlaceError
from aggregator.store.waker import FEED, Waker

CONSOLE = Path(__file__).parents[1] / "console" / "dist"


def build(database: Database, pictures: PictureStore, publishing: Publishing, console: Path = CONSOLE) -> FastAPI:
    """The application; it connects when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub = FeedHub(database)
        with database.pool("api", size=8) as pool:
            app.state.parts = Parts(pool, hub, Waker(database, FEED), pictures, publishing)
            hub.start(asyncio.get_running_loop())
            yield
            hub.stop()

    app = FastAPI(
        title="Hawkline",
        version=version("hawkline"),
        summary="Alerts of watched lines, the boxes that watch them, and the pictures that prove it.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.add_middleware(LoopbackGuard)
    app.add_exception_handler(AlertNotFoundError, _answer(404))
    app.add_exception_handler(AlertClearedError, _answer(409))
    app.add_exception_handler(PlaceError, _answer(409))
    for nonsense in (UnknownPlaceError, ZoneError, TooMuchError):
        app.add_exception_handler(nonsense, _answer(422))
    # It is an operational error too, but the database does answer.
    app.add_exception_handler(psycopg.errors.QueryCanceled, _answer(422, "it would take too long: ask for less"))
    for error in (PoolTimeout, psycopg.OperationalError):
        app.add_exception_handler(error, _answer(503, "the database does not answer; try again"))
    for part in (alerts, arming, boxes, counts, coverage, evidence, feed, operations, places, record):
        app.include_router(part.router, dependencies=[Depends(refuse_unknown_parameters)])
    if console.is_dir():
        app.mount("/", StaticFiles(directory=console, html=True), name="console")
    return app


def _answer(status: int, detail: str = "") -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    """A handler that answers with the error's own words, or with `detail`."""

    async def handler(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": detail or str(error)}, status_code=status)

    return handler
