"""Where a browser goes to the provider of identities, and where it comes back from there."""

import logging
import time
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from aggregator.api.recognition import cookie_of
from aggregator.api.sign_in import SignIn
from aggregator.api.sign_in_page import PROVIDER_BACK_PAGE, PROVIDER_PAGE, go_on_page
from aggregator.api.sign_in_routes import caller_of
from aggregator.people import vouching
from aggregator.people.identity_provider import IdentityProvider, ProviderError, Question
from aggregator.people.sealing import SealError
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.errors import RefusedError
from shared.trouble_log import TroubleLog

_COOKIE = "__Host-hawkline-provider"
_ASKED, _ASKED_S = "question to the provider of identities", 600
_LONGEST = 4096
_AWAY = "统一登录暂时不可用，请用本地帐号 · the provider does not answer; use an account of here"
_ANEW = "请重新登录 · begin again"
_REFUSED = "登录被拒绝，请联系管理员 · refused; ask an administrator"
_trouble = TroubleLog(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a browser brings back with it."""

    at_s: float
    question: Question


def routes(sign_in: SignIn, provider: IdentityProvider) -> APIRouter:
    """To the provider, and back."""
    router = APIRouter(include_in_schema=False)

    @router.get(PROVIDER_PAGE)
    async def leave() -> Response:
        try:
            address, question = await provider.ask()
        except ProviderError as error:
            _trouble.tell(f"identity provider: {error}")
            return sign_in.page(_AWAY, 503)
        answer = RedirectResponse(address, 303)
        kept = sign_in.sealer.seal_text(_ASKED, _Asked(time.time(), question))
        # Lax: the browser comes back from another site, and has to bring it.
        answer.set_cookie(_COOKIE, kept, _ASKED_S, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    @router.get(PROVIDER_BACK_PAGE)
    async def come_back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        answer = await _received(request, state, code[:_LONGEST], error)
        answer.delete_cookie(_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    async def _received(request: Request, state: str, code: str, error: str) -> Response:
        parts, caller = request.app.state.parts, caller_of(request)
        try:
            asked = sign_in.sealer.open_text(_ASKED, cookie_of(request.headers, _COOKIE) or "", _Asked)
        except SealError:
            return sign_in.page(_ANEW, 401)
        if asked.question.state != state or time.time() - asked.at_s > _ASKED_S or not (code or error):
            return sign_in.page(_ANEW, 401)
        try:
            if error:
                raise ProviderError(f"it answers {error[:100]!r}")
            vouched = await provider.answer(asked.question, code)
            return await sign_in.enter(parts, caller, partial(vouching.welcome, vouched=vouched), go_on_page())
        except (ProviderError, RefusedError) as refusal:
            _trouble.tell(f"identity provider: {refusal}")
            said, actor = str(refusal)[:500], audit.Actor("identity provider", caller.address)

            def note(connection: Connection) -> None:
                audit.record(connection, actor, "sign-in refused", "", said)

            await parts.on_connection(note)
            return sign_in.page(_REFUSED, 403)

    return router
