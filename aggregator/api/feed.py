"""The feed over server-sent events."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from aggregator.api.dependencies import Parts, PartsDependency
from aggregator.api.principal import Alerts, identity_of
from aggregator.api.session import SESSION, Session
from aggregator.feed import log as feed_log
from aggregator.feed.message import Message
from aggregator.people.principal import Identity
from aggregator.people.rights import Right
from aggregator.store.database import Connection
from aggregator.store.places import sites_of
from aggregator.store.scope import NOWHERE

router = APIRouter(prefix="/api/v1", tags=["feed"])
_RIGHTS = {feed_log.ALERT: Right.ALERTS_READ, feed_log.BOX: Right.BOXES_READ}
_LOOK_S = 5.0
"""So often it is looked whether somebody may still hear the feed, and of which sites."""

_Sites = frozenset[str] | None


@dataclass(slots=True)
class _Ear:
    """What somebody may hear.

    Attributes:
        sites: by topic; None is all of them, and the centre itself.
        of_kind: the same for alerts of kinds that are theirs in more places than others are.
    """

    sites: dict[str, _Sites]
    of_kind: dict[str, _Sites] = field(default_factory=dict)
    cuts: bool = False
    _together: dict[tuple[str, ...], _Sites] = field(default_factory=dict)
    """Sites of alerts of these kinds, as they were asked for."""

    def hear(self, message: Message) -> bytes:
        theirs = self.sites.get(message.topic, frozenset())
        if self.of_kind and message.kinds:
            theirs = self._of_kinds(theirs, message.kinds)
        if theirs is None:
            return message.whole
        if message.sites is None or theirs.isdisjoint(message.sites):
            return b""
        return message.whole if message.sites <= theirs else message.cut

    def _of_kinds(self, theirs: _Sites, kinds: tuple[str, ...]) -> _Sites:
        if kinds not in self._together:
            for kind in kinds:
                more = self.of_kind.get(kind, frozenset())
                theirs = None if theirs is None or more is None else theirs | more
            self._together[kinds] = theirs
        return self._together[kinds]

    def learn(self, sites: dict[str, _Sites], of_kind: dict[str, _Sites]) -> None:
        """From now on it hears of these."""
        self.sites, self.of_kind, self._together = sites, of_kind, {}
        self.cuts = any(each is not None for each in sites.values())


@router.get(
    "/feed",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def feed(
    request: Request,
    parts: PartsDependency,
    who: Alerts,  # noqa: ARG001 - the right to hear anything at all
    last_event_id: Annotated[str | None, Header(description="resume behind this message")] = None,
    after: Annotated[int | None, Query(ge=0, le=2**62, description="as Last-Event-ID, for a first connect")] = None,
) -> StreamingResponse:
    """Events `alert` and `box` as they happen, `ping` in pauses, `reset` when the place to resume is gone.

    Of what lies in no place of theirs nobody hears. To whom has signed in, `session` says for how long, and `ended` is
    the last when that is over.
    """
    resume = int(last_event_id) if last_event_id and last_event_id.isdigit() and len(last_event_id) < 19 else after
    session: Session | None = request.scope.get(SESSION)
    ear = _Ear({})
    await _learn(parts, identity_of(request), ear)
    messages = parts.hub.stream(resume, ear)
    return StreamingResponse(
        messages if session is None else _while_it_holds(parts, messages, session, ear),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _learn(parts: Parts, identity: Identity, ear: _Ear) -> None:
    scopes = {topic: identity.scope_of(right) or NOWHERE for topic, right in _RIGHTS.items()}
    if all(scope.is_everywhere for scope in scopes.values()):
        ear.learn(dict.fromkeys(scopes), {})
        return
    kinds = {kind for _, kind in scopes[feed_log.ALERT].narrow}

    def look(connection: Connection) -> tuple[dict[str, _Sites], dict[str, _Sites]]:
        sites = {topic: sites_of(connection, scope) for topic, scope in scopes.items()}
        return sites, {kind: sites_of(connection, scopes[feed_log.ALERT].of_kinds({kind})) for kind in kinds}

    ear.learn(*await parts.on_connection(look))


async def _while_it_holds(
    parts: Parts, messages: AsyncGenerator[bytes, None], session: Session, ear: _Ear
) -> AsyncIterator[bytes]:
    """The feed of a session ends with it, at the next ping at the latest: no page goes on listening that may not."""
    if session.until_s is not None:
        yield b'event: session\ndata: {"ends_in_s": %d}\n\n' % max(0, session.until_s - time.time())
    looked_s = time.monotonic()
    async with aclosing(messages):
        async for part in messages:
            if not session.holds():
                yield b"event: ended\ndata: {}\n\n"
                return
            if time.monotonic() - looked_s >= _LOOK_S:
                looked_s = time.monotonic()
                identity = await session.renewed()
                if identity is None:
                    yield b"event: ended\ndata: {}\n\n"
                    return
                await _learn(parts, identity, ear)
            yield part
