"""Long answers: few at a time, and none that its client does not read."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Send

log = logging.getLogger(__name__)

AT_ONCE = 4
_STALLED_S = 30.0


class Streams:
    """How many long answers are under way.

    Args:
        at_once: more are told to come later.
        stalled_s: a reader that takes nothing for so long is left.
    """

    def __init__(self, at_once: int = AT_ONCE, stalled_s: float = _STALLED_S) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._stalled_s = stalled_s

    def answer(self, parts: AsyncGenerator[bytes, None], media_type: str) -> StreamingResponse:
        """Stream parts as they are asked for.

        Raises:
            HTTPException: 503, too many are under way.
        """
        if not self._free.acquire(blocking=False):
            raise HTTPException(503, "too many long answers are under way; try again later", {"retry-after": "30"})
        return _Stream(parts, media_type, self._free, self._stalled_s)


class _Stream(StreamingResponse):
    def __init__(
        self,
        parts: AsyncGenerator[bytes, None],
        media_type: str,
        free: threading.BoundedSemaphore,
        stalled_s: float,
    ) -> None:
        super().__init__(parts, media_type=media_type)
        self._parts, self._slot, self._stalled_s = parts, free, stalled_s

    async def stream_response(self, send: Send) -> None:
        async def patient(message: "dict[str, object]") -> None:
            async with asyncio.timeout(self._stalled_s):
                await send(message)

        try:
            async with aclosing(self._parts):  # what they keep on the disk goes now, not when memory is tidied
                await super().stream_response(patient)  # type: ignore[arg-type]
        except TimeoutError:  # the connection is closed, for its answer has no end
            log.warning("a long answer was given up: its reader took nothing for %.0f s", self._stalled_s)
        finally:
            self._slot.release()
