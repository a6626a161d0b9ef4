"""The boxes' door: how they enrol and renew (EST, RFC 7030), ask the time, fetch what is theirs, bring pictures.

Who has no certificate yet may ask for the root, for the time, and with a claim for a first certificate. Everything else
asks for a certificate that we have issued and not taken back, and a box acts only as itself.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from psycopg_pool import PoolTimeout

from aggregator.alerting.alerts import Publishing
from aggregator.api.dependencies import ConnectionDependency, Parts, PartsDependency
from aggregator.api.door import Door
from aggregator.api.guard import answer
from aggregator.api.head import HeadAsGet
from aggregator.api.pool_turns import Turns
from aggregator.api.server import Shown
from aggregator.domains.configurations import box_api as configurations
from aggregator.domains.evidence import api as evidence
from aggregator.domains.evidence import rendering_api as exports
from aggregator.domains.lists import box_api as lists
from aggregator.domains.operations.alert_probe import LatestProbe
from aggregator.domains.surveys import box_api as surveys
from aggregator.feed.hub import FeedHub
from aggregator.store import Database, audit
from aggregator.store.database import Connection
from aggregator.store.pictures import PictureStore
from aggregator.store.waker import FEED, Waker
from aggregator.trust import enrolment
from aggregator.trust.vault import Vault
from shared.errors import UnavailableError
from shared.ids import NAME_PATTERN
from shared.topics import Address
from shared.trust import SignedTime, TrustError, sign_time
from shared.trust.signed_time import NONCE_BYTES
from shared.trust.withdrawn import over_lists

_MOST_BYTES = 16 * 1024
_BODY_S = 15.0
_CONNECTIONS = 4
_CERTIFICATES = "application/pkcs7-mime; smime-type=certs-only"

router = APIRouter(tags=["boxes"])


def build(
    database: Database,
    vault: Vault,
    pictures: PictureStore,
    publishing: Publishing,
    data_dir: Path,
    admit: Callable[[Address], None],
) -> FastAPI:
    """The application of the boxes' port.

    Args:
        data_dir: has the secret that plates are hashed under.
        admit: sees to it that the broker knows a box, before the box hears that it is one.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with database.pool("gate", size=_CONNECTIONS) as pool:
            turns, hub, waker = Turns(_CONNECTIONS), FeedHub(database), Waker(database, FEED)
            app.state.parts = Parts(pool, turns, hub, waker, pictures, publishing, LatestProbe(publishing), _nothing)
            app.state.vault, app.state.admit, app.state.data_dir = vault, admit, data_dir
            app.state.list_turns = lists.ListTurns()
            yield

    app = FastAPI(title="Hawkline, the boxes' door", version=version("hawkline"), lifespan=lifespan, openapi_url=None)
    app.add_exception_handler(enrolment.RefusedError, answer(401, challenge=True))
    for fault in (TrustError, UnavailableError):  # of ours, not of the box that asks
        app.add_exception_handler(fault, answer(503))
    for error in (PoolTimeout, psycopg.OperationalError):
        app.add_exception_handler(error, answer(503, "the database does not answer; try again"))
    app.add_middleware(HeadAsGet)
    app.add_middleware(Door)
    app.include_router(router)
    for own in (evidence.bringing, exports.rendering, lists.fetching, configurations.fetching, surveys.answering):
        app.include_router(own, dependencies=[Depends(_only_its_own)])
    return app


async def _request(request: Request) -> x509.CertificateSigningRequest:
    """The PKCS 10 request of a body, base64 as EST wants it, or PEM."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise HTTPException(413, f"a request has at most {_MOST_BYTES} bytes")
    except TimeoutError:
        raise HTTPException(408, "the request does not come to its end") from None
    try:
        if bytes(body).lstrip().startswith(b"-----"):
            return x509.load_pem_x509_csr(bytes(body))
        return x509.load_der_x509_csr(base64.b64decode(b"".join(bytes(body).split()), validate=True))
    except Exception:  # noqa: BLE001 - it may come from anybody, and the library raises a dozen kinds
        raise HTTPException(400, "not a certificate request: expected PKCS 10, as base64 or PEM") from None


Nonce = Annotated[str, Query(pattern=f"^[0-9a-f]{{{2 * NONCE_BYTES}}}$")]
CsrDependency = Annotated[x509.CertificateSigningRequest, Depends(_request)]


def _certificates(certificates: list[x509.Certificate]) -> Response:
    content = pkcs7.serialize_certificates(certificates, Encoding.DER)
    return Response(
        base64.encodebytes(content), media_type=_CERTIFICATES, headers={"content-transfer-encoding": "base64"}
    )


@router.get("/.well-known/est/cacerts")
def ca_certificates(request: Request) -> Response:
    """The root and what it has issued to sign. Believe the root only if you know it from elsewhere."""
    vault: Vault = request.app.state.vault
    return _certificates([vault.root(), *(issuer.certificate for issuer in reversed(vault.issuers()))])


@router.post("/.well-known/est/simpleenroll")
async def enrol(
    request: Request,
    csr: CsrDependency,
    parts: PartsDependency,
    authorization: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """A first certificate, for a claim: HTTP Basic, the machine's serial number as user, the claim as password."""
    serial, code = _basic(authorization)

    def work(connection: Connection) -> enrolment.Issued | enrolment.RefusedError:
        issuer = request.app.state.vault.issuers()[-1]
        try:
            issued = enrolment.enrol(connection, issuer, code, serial, csr)
        except enrolment.RefusedError as error:  # what it has counted is kept
            if error.claimed:
                actor = audit.Actor("unknown machine", request.client.host if request.client else "")
                subject = f"{error.claimed.site}/{error.claimed.agent}"
                audit.record(connection, actor, "enrolment refused", subject, f"{serial}: {error}")
            return error
        _record(request, connection, issued, "enrolled")
        return issued

    issued = await parts.on_connection(work)
    if isinstance(issued, enrolment.RefusedError):
        raise issued
    await run_in_threadpool(request.app.state.admit, issued.address)
    return _certificates([issued.certificate])


@router.post("/.well-known/est/simplereenroll")
async def renew(request: Request, csr: CsrDependency, parts: PartsDependency, shown: Shown) -> Response:
    """The next certificate: for a box that shows the one before, or, when that has expired, signs with its key."""

    def work(connection: Connection) -> enrolment.Issued:
        issuer = request.app.state.vault.issuers()[-1]
        issued = enrolment.renew(connection, issuer, csr, _alive(request, shown))
        _record(request, connection, issued, "certificate renewed")
        return issued

    issued = await parts.on_connection(work)
    await run_in_threadpool(request.app.state.admit, issued.address)
    return _certificates([issued.certificate])


@router.get("/api/v1/time")
def tell_time(request: Request, nonce: Nonce) -> dict[str, int | str]:
    """What time it is, signed together with the asker's nonce by a service that the root vouches for."""
    return _told(sign_time(request.app.state.vault.time_signer(), bytes.fromhex(nonce), datetime.now(UTC)))


def _told(signed: SignedTime) -> dict[str, int | str]:
    return {
        "time_ms": signed.time_ms,
        "signature": base64.b64encode(signed.signature).decode(),
        "certificate": base64.b64encode(signed.certificate).decode(),
    }


@router.get("/api/v1/withdrawn")
def tell_withdrawn(request: Request, nonce: Nonce) -> dict[str, int | str]:
    """What root and issuers have taken back and boxes must not believe any more: lists (PEM) that prove themselves.

    Who signs the time signs them, too, over the asker's nonce: none was kept back.
    """
    vault: Vault = request.app.state.vault
    if not vault.withdrawn_path.is_file():
        raise UnavailableError("no list has been signed yet; try again in a minute")
    lists = vault.withdrawn_path.read_bytes()
    signed = sign_time(vault.time_signer(), over_lists(bytes.fromhex(nonce), lists), datetime.now(UTC))
    return {"lists": base64.b64encode(lists).decode(), **_told(signed)}


@router.get("/api/v1/self")
def tell_self(request: Request, connection: ConnectionDependency, shown: Shown) -> dict[str, str]:
    """Who has connected, as far as its certificate says so and still counts."""
    alive = _shown(request, shown)
    address = enrolment.admit(connection, alive)
    return {"site": address.site, "agent": address.agent, "expires_at": alive.not_valid_after_utc.isoformat()}


def _record(request: Request, connection: Connection, issued: enrolment.Issued, what: str) -> None:
    name = f"{issued.address.site}/{issued.address.agent}"
    actor = audit.Actor(f"box {name}", request.client.host if request.client else "")
    audit.record(connection, actor, what, name, f"certificate {issued.certificate.serial_number:x}")


async def _only_its_own(
    request: Request,
    parts: PartsDependency,
    shown: Shown,
    site: Annotated[str, Query(pattern=NAME_PATTERN)],
    agent: Annotated[str, Query(pattern=NAME_PATTERN)],
) -> None:
    """A box speaks for itself alone. Its picture may be long in coming: no connection waits for it."""
    alive = _shown(request, shown)
    address = await parts.on_connection(lambda connection: enrolment.admit(connection, alive))
    # A picture may be a quarter of an hour in coming, and its box revoked meanwhile: asked while it comes, and behind.
    request.state.admit_again = lambda connection: enrolment.admit(connection, _shown(request, shown))
    if address != Address(site, agent):
        raise HTTPException(403, f"the certificate is for {address.site}/{address.agent}")


def _alive(request: Request, shown: x509.Certificate | None) -> x509.Certificate | None:
    """What was shown in the handshake may have expired since, and its issuer been withdrawn.

    Raises:
        RefusedError: it has.
    """
    if shown is None:
        return None
    if shown.not_valid_after_utc <= datetime.now(UTC):
        raise enrolment.RefusedError("the certificate has expired while the connection was open; connect again")
    if not request.app.state.vault.has_issued(shown):
        raise enrolment.RefusedError("the certificate's issuer was withdrawn, or is not known here; renew by the key")
    return shown


def _shown(request: Request, shown: x509.Certificate | None) -> x509.Certificate:
    """The same, of a box that has to have one.

    Raises:
        RefusedError: it has none, or it does not count.
    """
    alive = _alive(request, shown)
    if alive is None:
        raise enrolment.RefusedError("show the certificate of a box")
    return alive


def _basic(header: str | None) -> tuple[str, str]:
    """User and password."""
    scheme, _, text = (header or "").partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        user, colon, password = "", "", ""
    if not colon:
        raise enrolment.RefusedError("bring a claim: HTTP Basic, the serial number as user, the claim as password")
    return user, password


def _nothing() -> None:
    """Boxes have no rights that are remembered."""
