"""What happens when somebody signs in: a password, then what their role asks for besides, then a session."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from fastapi import HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from aggregator.api.dependencies import Parts
from aggregator.api.password_turns import BusyError, PasswordTurns
from aggregator.api.recognition import Recognition
from aggregator.api.session import BROWSER_COOKIE, COOKIE
from aggregator.api.sign_in_page import code_page, recovery_codes_page, set_up_page, sign_in_page
from aggregator.people import accounts, grants, passwords, second_step, sessions
from aggregator.people.accounts import Known
from aggregator.people.grants import Holder
from aggregator.people.sealing import Sealer, SealError
from aggregator.people.sign_in_limits import SignInLimits, place_of
from aggregator.people.vouching import Welcome
from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.store.errors import ConflictError

LONGEST_NAME = 64
_LONGEST_CODE = 64
_BROWSER_S = 180 * 24 * 3600
_BEGUN_S = 300
"""So long after the first step the second may be made."""
_BEGUN, _PROPOSED = "first step of a sign-in", "second step that was proposed"
_CODE = "\0code"
"""Behind a name, where tries of codes are counted: no name holds it."""
WRONG = "帐号或密码不对 · wrong name or password"
_WAIT = "尝试太多，请等 {minutes} 分钟 · too many tries: wait {minutes} min"
BUSY = "登录太多，请稍后再试 · too many sign in at once; try again"
_WRONG_CODE = "数字不对，或已用过：等下一组 · not the code, or used before: wait for the next"
_OVER = "时间到了，请重新登录 · it took too long: sign in again"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request to sign in comes from.

    Attributes:
        browser: what a browser keeps in which somebody has signed in before.
        agent: what it calls itself.
    """

    address: str
    browser: str | None
    agent: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is known of who says that name."""

    name: str
    account: Known | None
    knows_browser: bool
    source: str


@dataclass(frozen=True, slots=True)
class _Begun:
    """A session that has begun."""

    kept: str
    until_s: float
    browser: str


@dataclass(frozen=True, slots=True)
class _FirstStep:
    """That somebody has given their password, as their browser brings it back, sealed.

    Attributes:
        password: digest of what we keep of the password that was given.
        secret: that their phone is shown now; empty: it has one.
    """

    name: str
    password: str
    at_s: float
    secret: str


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A secret that somebody has been shown for their phone.

    Attributes:
        account: mark of the account as it was then: what has been set up meanwhile is not overwritten.
    """

    name: str
    account: str
    at_s: float
    secret: str


class _SecondStepNeededError(Exception):
    """Their role asks for it."""


@dataclass(slots=True)
class SignIn:
    """How people come in, and what of that they change themselves.

    Attributes:
        clock: seconds since 1970.
    """

    recognition: Recognition
    sealer: Sealer
    limits: SignInLimits = field(default_factory=SignInLimits)
    turns: PasswordTurns = field(default_factory=PasswordTurns)
    clock: Callable[[], float] = time.time
    provider_name: str = ""

    async def attempt(self, parts: Parts, caller: Caller, name: str, password: str) -> Response:
        """Answer to a name and a password: the same, and after the same time, whatever is wrong with them."""
        looked = await parts.on_connection(partial(_look, name, caller))
        if wait := self._wait(name, looked):
            return self.page(*wait)
        # Counted before it is looked at: many that come at once do not all come before the first that failed.
        self.limits.begun(name, looked.source, known=looked.knows_browser)
        kept = looked.account.password if looked.account else ""
        try:
            fits = await self._fits(kept, password, known=looked.knows_browser)
        except BusyError:
            return self.page(BUSY, 503, {"retry-after": "5"})
        if not fits or looked.account is None:
            actor = audit.Actor(name[:LONGEST_NAME], caller.address)
            await parts.on_connection(partial(audit.record, actor=actor, what="sign-in refused", subject=""))
            return self.page(WRONG, 401)
        self.limits.succeeded(name, looked.source, known=looked.knows_browser)
        if looked.account.has_second_step:
            return code_page(self._sealed(looked.account, ""), "")
        try:
            begun = await parts.on_connection(partial(_begin, looked, caller))
        except _SecondStepNeededError:
            secret = second_step.new_secret()
            return set_up_page(self._sealed(looked.account, secret), second_step.drawn(name, secret), secret, "")
        return self.page(WRONG, 401) if begun is None else _enter(RedirectResponse("/", 303), begun)

    async def finish(self, parts: Parts, caller: Caller, sealed: str, code: str) -> Response:
        """Answer to the code of the second step; where that is being set up, with recovery codes."""
        try:
            step = self._open(sealed)
        except SealError:
            return self.page(_OVER, 401)
        looked = await parts.on_connection(partial(_look, step.name, caller))
        again = partial(code_page, sealed)
        if step.secret:
            again = partial(set_up_page, sealed, second_step.drawn(step.name, step.secret), step.secret)
        if wait := self._wait(step.name + _CODE, looked):
            return again(*wait)
        self.limits.begun(step.name + _CODE, looked.source, known=looked.knows_browser)
        passed, codes = await parts.on_connection(partial(self._pass, step, looked, caller, code[:_LONGEST_CODE]))
        if passed is None:
            return again(_WRONG_CODE, 401)
        self.limits.succeeded(step.name + _CODE, looked.source, known=looked.knows_browser)
        return _enter(recovery_codes_page(codes) if codes else RedirectResponse("/", 303), passed)

    async def enter(
        self, parts: Parts, caller: Caller, welcome: Callable[[Connection], Welcome], answer: Response
    ) -> Response | None:
        """Let in whom a provider of identities vouches for; None: they may do nothing here any more.

        By which browser they come says nothing: it brings no cookie of ours from another site, and there are no tries
        of theirs to be counted here.

        Args:
            welcome: finds or makes their account.
            answer: that takes them on.
        """

        def work(connection: Connection) -> tuple[str, float] | None:
            found, begun = welcome(connection), None
            if found.may_enter:
                begun = sessions.begin(
                    connection, grants.identity(connection, Holder(account=found.name)), caller.address, caller.agent
                )
                audit.record(connection, audit.Actor(found.name, caller.address), "signed in", "", caller.agent)
            if found.objections:
                actor = audit.Actor("identity provider", caller.address)
                audit.record(connection, actor, "role not given", found.name, "; ".join(found.objections))
            return (begun[0], begun[1].timestamp()) if begun else None

        begun = await parts.on_connection(work)
        self.recognition.forget()
        if begun is None:
            return None
        keep(answer, COOKIE, begun[0], int(begun[1] - time.time()))
        return answer

    async def change_password(self, parts: Parts, actor: audit.Actor, old: str, new: str, session: bytes) -> None:
        """Give who asks another password, if they know the old one; their other sessions end.

        Raises:
            HTTPException: 403, the old one is another; 429, too many tries; 503, too many are looked at.
            PasswordError: the new one is not taken.
        """
        await self.require_password(parts, actor, old, session)
        try:
            async with self.turns.one(known=True):
                kept = await run_in_threadpool(accounts.kept, actor.who, new)
        except BusyError:
            raise _busy() from None

        def change(connection: Connection) -> None:
            accounts.set_password(connection, actor.who, kept, but=session)
            audit.record(connection, actor, "password changed", actor.who)

        await parts.on_connection(change)
        self.recognition.forget()

    async def require_password(self, parts: Parts, actor: audit.Actor, password: str, session: bytes) -> Known:
        """See to it that who asks knows their password: a page that was left open is nobody's.

        Raises:
            HTTPException: 403, it is another; 429, too many tries; 503, too many are looked at.
        """
        name, source = actor.who, f"session {session.hex()}"
        self._require_no_wait(name, source)
        account = await parts.on_connection(partial(accounts.find, name=name))
        if account is None or not account.password:
            raise HTTPException(403, "there is no password here: the provider of identities has it")
        self.limits.begun(name, source, known=True)
        try:
            fits = await self._fits(account.password, password, known=True)
        except BusyError:
            raise _busy() from None
        if not fits:
            await parts.on_connection(partial(audit.record, actor=actor, what="password refused", subject=""))
            raise HTTPException(403, "the password is another")
        self.limits.succeeded(name, source, known=True)
        return account

    async def require_code(self, parts: Parts, actor: audit.Actor, code: str, session: bytes) -> None:
        """See to it that who asks has their phone, or a recovery code.

        Raises:
            HTTPException: 403, it is not their code; 429, too many tries.
        """
        name, source = actor.who + _CODE, f"session {session.hex()}"
        self._require_no_wait(name, source)
        self.limits.begun(name, source, known=True)
        taken = partial(second_step.is_passed, sealer=self.sealer, name=actor.who, code=code, at_s=self.clock())
        if not await parts.on_connection(taken):
            await parts.on_connection(partial(audit.record, actor=actor, what="second step refused", subject=""))
            raise HTTPException(403, "not the code of your phone, or used before: wait for the next")
        self.limits.succeeded(name, source, known=True)

    def propose(self, account: Known) -> tuple[str, str]:
        """A secret for a phone; returns it, and the same sealed, to be brought back with the phone's code."""
        secret = second_step.new_secret()
        proposal = _Proposal(account.name, _mark(account), self.clock(), secret)
        return secret, self.sealer.seal_text(_PROPOSED, proposal)

    def set_up(self, connection: Connection, name: str, sealed: str, code: str) -> list[str]:
        """Set a second step up that was proposed; returns recovery codes.

        Raises:
            ConflictError: it was proposed too long ago, or before the account changed, or the code is another.
        """
        grants.hold(connection, name)
        account = accounts.find_unchanged(connection, name)
        try:
            proposal = self.sealer.open_text(_PROPOSED, sealed, _Proposal)
        except SealError:
            proposal = None
        late = proposal is None or self.clock() - proposal.at_s > _BEGUN_S
        if proposal is None or late or account is None or (proposal.name, proposal.account) != (name, _mark(account)):
            raise ConflictError("it was proposed too long ago, or has been set up meanwhile: begin again")
        step = second_step.step_of(proposal.secret, code, self.clock())
        if step is None:
            raise ConflictError("not the code that the phone shows now: type the next")
        return second_step.set_up(connection, self.sealer, name, proposal.secret, step)

    def forgive(self, name: str) -> None:
        """Let an account try again at once, from everywhere."""
        self.limits.forgive(name)
        self.limits.forgive(name + _CODE)

    def page(
        self, complaint: str, status: int = 200, headers: dict[str, str] | None = None, *, first: bool = False
    ) -> HTMLResponse:
        """Where one signs in, with what was wrong."""
        return sign_in_page(complaint, status, headers, first=first, provider=self.provider_name)

    async def _fits(self, kept: str, password: str, *, known: bool) -> bool:
        async with self.turns.one(known=known):
            return await run_in_threadpool(passwords.fits, kept, password[: passwords.MOST + 1])

    def _wait(self, counted: str, looked: _Looked) -> tuple[str, int, dict[str, str]] | None:
        """What a page says to who has tried too often."""
        wait_s = self.limits.wait_s(counted, looked.source, known=looked.knows_browser)
        if wait_s <= 0:
            return None
        said = _WAIT.format(minutes=max(1, round(wait_s / 60)))
        return said, 429, {"retry-after": str(max(1, round(wait_s)))}

    def _require_no_wait(self, counted: str, source: str) -> None:
        if (wait_s := self.limits.wait_s(counted, source, known=True)) > 0:
            raise HTTPException(429, "too many tries; wait", {"retry-after": str(max(1, round(wait_s)))})

    def _sealed(self, account: Known, secret: str) -> str:
        return self.sealer.seal_text(_BEGUN, _FirstStep(account.name, _mark(account), self.clock(), secret))

    def _open(self, sealed: str) -> _FirstStep:
        """A first step that was made.

        Raises:
            SealError: it was not, or too long ago.
        """
        step = self.sealer.open_text(_BEGUN, sealed, _FirstStep)
        if not 0 <= self.clock() - step.at_s <= _BEGUN_S:
            raise SealError(_BEGUN)
        return step

    def _pass(
        self, step: _FirstStep, looked: _Looked, caller: Caller, code: str, connection: Connection
    ) -> tuple[_Begun | None, list[str]]:
        """Take a code and begin a session; None where it is not taken, or the account has changed since."""
        grants.hold(connection, step.name)
        account, now_s = accounts.find_unchanged(connection, step.name), self.clock()
        codes: list[str] = []
        taken = account is not None and _mark(account) == step.password
        if taken and step.secret:
            found = second_step.step_of(step.secret, code, now_s)
            taken = found is not None
            if found is not None:
                codes = second_step.set_up(connection, self.sealer, step.name, step.secret, found)
        elif taken:
            taken = second_step.is_passed(connection, self.sealer, step.name, code, now_s)
        actor = audit.Actor(step.name, caller.address)
        if not taken:
            audit.record(connection, actor, "second step refused", "")
            return None, []
        begun = _begin_session(looked, caller, connection)
        if codes:
            audit.record(connection, actor, "second step set up", "")
        return begun, codes


def _look(name: str, caller: Caller, connection: Connection) -> _Looked:
    hashed = sessions.digest(caller.browser) if caller.browser else None
    known = hashed is not None and sessions.knows_browser(connection, hashed, name)
    source = f"browser {hashed.hex()}" if known and hashed else place_of(caller.address)
    return _Looked(name, accounts.find(connection, name), known, source)


def _begin(looked: _Looked, caller: Caller, connection: Connection) -> _Begun | None:
    """Begin a session of who has given their password.

    Returns:
        None where the password was changed, or the account disabled, while it was looked at.

    Raises:
        _SecondStepNeededError: a role of theirs needs one, and they have none yet.
    """
    account = accounts.find_unchanged(connection, looked.name)
    if account is None or account != looked.account:
        return None
    if grants.requires_second_step(connection, account.name):
        raise _SecondStepNeededError
    return _begin_session(looked, caller, connection)


def _begin_session(looked: _Looked, caller: Caller, connection: Connection) -> _Begun:
    # What somebody may have put into the browser before is not what it is known by from now on.
    browser = caller.browser if looked.knows_browser and caller.browser else sessions.secret()
    who = grants.identity(connection, Holder(account=looked.name))
    kept, until = sessions.begin(connection, who, caller.address, caller.agent)
    sessions.know_browser(connection, sessions.digest(browser), looked.name)
    audit.record(connection, audit.Actor(looked.name, caller.address), "signed in", "", caller.agent)
    return _Begun(kept, until.timestamp(), browser)


def _enter(answer: Response, begun: _Begun) -> Response:
    keep(answer, COOKIE, begun.kept, int(begun.until_s - time.time()))
    keep(answer, BROWSER_COOKIE, begun.browser, _BROWSER_S)
    return answer


def keep(answer: Response, name: str, value: str, lasts_s: int) -> None:
    """Let a browser keep something for us, and send it from our own pages only."""
    answer.set_cookie(name, value, max_age=lasts_s, path="/", secure=True, httponly=True, samesite="strict")


def _mark(account: Known) -> str:
    """Tells whether a password, or a second step, has changed since."""
    return hashlib.sha256(f"{account.password} {account.second_step_at}".encode()).hexdigest()


def _busy() -> HTTPException:
    return HTTPException(503, "too many passwords are looked at; try again", {"retry-after": "5"})
