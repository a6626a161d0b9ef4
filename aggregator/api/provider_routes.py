"""Where a browser goes to the provider of identities, and where it comes back from there."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from aggregator.api.recognition import cookie_of
from aggregator.api.refusals import Refusals
from aggregator.api.sign_in import SignIn
from aggregator.api.sign_in_page import PROVIDER_BACK_PAGE, PROVIDER_PAGE, go_on_page
from aggregator.api.sign_in_routes import caller_of
from aggregator.people import vouching
from aggregator.people.identity_provider import IdentityProvider, ProviderError, Question
from aggregator.people.sealing import SealError
from aggregator.people.sign_in_limits import place_of
from aggregator.store.errors import RefusedError
from shared.trouble_log import TroubleLog

_COOKIE = "__Host-hawkline-provider"
_ASKED, _ASKED_S = "question to the provider of identities", 600
_LONGEST = 4096
_AWAY = "统一登录暂时不可用，请用本地帐号 · the provider does not answer; use an account of here"
_LATER = "尝试太多，请稍后再试 · too many tries: wait a minute"
_ANEW = "请重新登录 · begin again"
_REFUSED = "登录被拒绝，请联系管理员 · refused; ask an administrator"
_COUNTED = "\0provider"
"""By which tries in vain are counted; no name holds it."""
_USED = 4096
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
    async def leave(request: Request) -> Response:
        try:
            address, question = await provider.ask()
        except ProviderError as error:
            _trouble.tell(f"identity provider: {error}")
            refusals: Refusals = request.app.state.refusals
            address = caller_of(request).address
            await refusals.note(request.app.state.parts, "identity provider", address, "not asked", str(error)[:500])
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

    used = OrderedDict[str, None]()

    async def _received(request: Request, state: str, code: str, error: str) -> Response:
        parts, caller = request.app.state.parts, caller_of(request)
        source = place_of(caller.address)
        if sign_in.limits.wait_s(_COUNTED, source, known=True) > 0:
            return sign_in.page(_LATER, 429, {"retry-after": "60"})
        try:
            asked = sign_in.sealer.open_text(_ASKED, cookie_of(request.headers, _COOKIE) or "", _Asked)
        except SealError:
            return sign_in.page(_ANEW, 401)
        late = time.time() - asked.at_s > _ASKED_S
        if asked.question.state != state or state in used or late or not (code or error):
            return sign_in.page(_ANEW, 401)
        used[state] = None
        while len(used) > _USED:
            used.popitem(last=False)
        sign_in.limits.begun(_COUNTED, source, known=True)
        try:
            if error:
                raise ProviderError(f"it answers {error[:100]!r}")
            vouched = await provider.answer(asked.question, code)
            answer = await sign_in.enter(parts, caller, partial(vouching.welcome, vouched=vouched), go_on_page())
            if answer is None:
                raise ProviderError(f"{vouched.name}: none of their groups may do anything here")
        except (ProviderError, RefusedError) as refusal:
            _trouble.tell("identity provider: a sign-in was refused; the audit says why")
            refusals: Refusals = request.app.state.refusals
            await refusals.note(parts, "identity provider", caller.address, "sign-in refused", str(refusal)[:500])
            return sign_in.page(_REFUSED, 403)
        sign_in.limits.succeeded(_COUNTED, source, known=True)
        return answer

    return router
