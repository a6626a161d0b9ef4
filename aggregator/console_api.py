"""The HTTP application for people and their programs: API, feed, console. Boxes have another one (`box_api`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name

import psycopg
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout

from aggregator.alerting.alerts import Publishing
from aggregator.api import feed, pages, provider_routes, sign_in_routes
from aggregator.api.audited import CHANGES, is_audited
from aggregator.api.browser_headers import BrowserHeaders
from aggregator.api.dependencies import Parts
from aggregator.api.door import Door
from aggregator.api.first_token import FirstToken
from aggregator.api.guard import REFUSALS, LoopbackGuard, answer, explain, refuse_unknown_parameters
from aggregator.api.head import HeadAsGet
from aggregator.api.pool_turns import Turns
from aggregator.api.principal import right_of
from aggregator.api.recognition import Recognition, RecognitionGuard
from aggregator.api.refusals import Refusals
from aggregator.api.sign_in import SignIn
from aggregator.domains.configurations.box_api import fetching
from aggregator.domains.evidence.api import bringing
from aggregator.domains.evidence.rendering_api import rendering
from aggregator.domains.operations.alert_probe import LatestProbe
from aggregator.domains.surveys.box_api import answering
from aggregator.feed.hub import FeedHub
from aggregator.people import passwords
from aggregator.people.identity_provider import IdentityProvider, ProviderRules
from aggregator.people.sealing import Sealer
from aggregator.signals.declarations import domains
from aggregator.store import Database
from aggregator.store.errors import ConflictError, MissingError, NotYoursError, SenselessError
from aggregator.store.pictures import PictureStore
from aggregator.store.waker import FEED, Waker
from shared.errors import ConfigError

CONSOLE = Path(__file__).parent / "console" / "dist"


@dataclass(frozen=True, slots=True)
class Guarded:
    """What an application needs that is not for this machine alone.

    Attributes:
        token: who has it makes the first account.
        sealer: of what we keep, or let others keep for us, that only we read.
        url: of the boxes' door.
        fingerprint: SHA-256 of the root certificate.
        provider: of identities; None: there are accounts of here alone.
    """

    token: FirstToken
    sealer: Sealer
    url: str
    fingerprint: str
    provider: ProviderRules | None = None


def build(
    database: Database,
    pictures: PictureStore,
    publishing: Publishing,
    console: Path = CONSOLE,
    guarded: Guarded | None = None,
    connections: int = 8,
) -> FastAPI:
    """The application; it connects when it starts.

    Args:
        connections: to the database, at most; a request takes one, and waits for its turn.
        guarded: None serves this machine alone, and boxes of a trial bring their pictures here.
    """

    recognition = Recognition(guarded.token) if guarded else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        turns = Turns(connections)
        hub = FeedHub(database, others=turns.asked)
        with database.pool("api", size=connections) as pool:
            rights_changed = recognition.forget if recognition else _nothing
            app.state.parts = Parts(
                *(pool, turns, hub, Waker(database, FEED), pictures, publishing, LatestProbe(publishing)),
                rights_changed,
            )
            if recognition:
                await asyncio.to_thread(passwords.nobodys)  # made by the first stranger it would tell something
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
    app.state.door = guarded
    if recognition and guarded:
        app.state.refusals = Refusals()
        sign_in = app.state.sign_in = SignIn(recognition, guarded.sealer)
        app.add_middleware(RecognitionGuard, recognition=recognition)
        app.include_router(sign_in_routes.routes(sign_in))
        if guarded.provider:
            sign_in.provider_name = guarded.provider.label
            app.include_router(provider_routes.routes(sign_in, IdentityProvider(guarded.provider)))
    else:
        app.add_middleware(LoopbackGuard)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Door)
    app.add_middleware(BrowserHeaders, secure=bool(guarded))
    app.add_exception_handler(RequestValidationError, explain)
    for refused in (MissingError, NotYoursError, ConflictError, SenselessError):
        app.add_exception_handler(refused, answer(refused.status))
    app.add_exception_handler(ConfigError, answer(422))
    # It is an operational error too, but the database does answer.
    app.add_exception_handler(psycopg.errors.QueryCanceled, answer(422, "it would take too long: ask for less"))
    for error in (PoolTimeout, psycopg.OperationalError):
        app.add_exception_handler(error, answer(503, "the database does not answer; try again"))
    ours = [resolve_name(name) for name in domains().routers]
    of_boxes = () if guarded else (bringing, rendering, fetching, answering)
    for router in (feed.router, pages.router, *ours, *of_boxes):
        # What boxes bring is no change by people.
        for route in () if router in of_boxes else router.routes:
            if CHANGES & getattr(route, "methods", set()) and not is_audited(route.endpoint):
                raise TypeError(f"{route.path}: what changes something has to be `audited`")
            if isinstance(route, APIRoute) and right_of(route.dependant) == "":
                raise TypeError(f"{route.path}: it has to say which right it needs (`aggregator.api.principal`)")
        app.include_router(router, dependencies=[Depends(refuse_unknown_parameters)], responses=REFUSALS)
    pages.serve(app)
    if console.is_dir():
        app.mount("/", StaticFiles(directory=console, html=True), name="console")
    return app


def _nothing() -> None:
    """On a trial nobody has rights that could change."""
