"""The lists of plates that are in force on this box: fetched, proven, kept, told to the cameras, and gone at their end.

What time it is the centre says (`shared.trust.signed_time`); from then on it is known by what goes on evenly since the
machine was booted, whatever its clock is set to. After a restart of the machine the lists rest until it is known again:
else a list would hold for as long as the box was off longer than was approved.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography import x509

from edge_agent.orders.desired import NotYetError, SectionError
from edge_agent.orders.errand import NEVER_S, Errand
from edge_agent.sealing import BY_RIGHTS, AnotherMachineError, SealedError, Sealing
from shared import desired
from shared.clock import KnownTime, boot_s
from shared.envelope import decode_message
from shared.errors import UnavailableError, WireError
from shared.files import write_secret
from shared.plates.watchlist import ListPart, Watchlist, decode_watchlist, read_parts
from shared.topics import Address
from shared.trust import TrustError
from shared.trust.withdrawn import Check

log = logging.getLogger(__name__)

_ASK_TIME_S = 3600.0
_PAUSES_S = 1.0, 30.0


class Centre(Protocol):
    """What is used of the boxes' door."""

    @property
    def withdrawn(self) -> Check:
        """What root and issuers have taken back."""

    def root(self) -> x509.Certificate:
        """Whom we believe."""

    def told_time(self) -> KnownTime:
        """What time it is, signed."""

    def fetch_watchlist(self) -> bytes:
        """The box's watch list as it shall be now."""


@dataclass(frozen=True, slots=True)
class HeldLists:
    """What the cameras compare with.

    Attributes:
        secret: of the month.
        key: of this box.
        parts: the lists that have not ended.
        known: what time it is; None while that is not known, and the lists rest.
    """

    secret: bytes
    key: bytes
    parts: tuple[ListPart, ...]
    known: KnownTime | None


class _Kept(msgspec.Struct, frozen=True):
    """When the time was told last, and in which boot."""

    boot: str
    at_ms: int
    boot_s: float


class Watchlists:
    """All lists of this box. `run` has a thread of its own; the rest may be called from any.

    Args:
        folder: keeps them.
        box: whose they are.
        centre: is asked for them.
        boot: tells this boot of the machine from others.
        held: called with each change.
        settled: the section can be tried again.
        compares: the box is a checkpoint: it knows the time before it is told of a list.
        sealing: how they are kept.
    """

    name = desired.LISTS

    def __init__(
        self,
        folder: Path,
        box: Address,
        centre: Centre,
        boot: str,
        held: Callable[[HeldLists], None],
        settled: Callable[[], None],
        *,
        compares: bool = False,
        sealing: Sealing = BY_RIGHTS,
    ) -> None:
        self._path, self._time_path = folder / "lists.bin", folder / "lists.time"
        self._box, self._centre, self._boot, self._tell, self._settled = box, centre, boot, held, settled
        self._lock = threading.Lock()
        self._errand = Errand("lists", self.look, _PAUSES_S, self._until_an_end_s)
        self.run, self.stop = self._errand.run, self._errand.stop
        self._compares, self._sealing = compares, sealing
        self._wanted: str | None = None
        self._refused: tuple[str, str] | None = None
        self._watchlist: Watchlist | None = None
        self._parts: tuple[ListPart, ...] = ()
        self._content = ""
        self._known = self._kept_time()
        self._is_unkept = False
        """The disk has not taken what is in force."""
        self._unopened = self._path.is_file()
        """What lies there has not been opened yet: a TPM may take its time, and cameras wait for none."""
        self._open_kept(first=True)

    @property
    def held(self) -> HeldLists:
        """What is in force now."""
        with self._lock:
            watchlist = self._watchlist
            secret, key = (watchlist.secret, watchlist.key) if watchlist else (b"", b"")
            return HeldLists(secret, key, self._parts, self._known)

    def obey(self, body: bytes) -> None:
        """Have the lists that a section names.

        Raises:
            SectionError: what the centre gave is not its own.
            NotYetError: they have not come yet, or nobody has told what time it is.
            WireError: the body is none of this section.
        """
        wanted = decode_message(body, desired.Lists).content
        with self._lock:
            if self._refused and self._refused[0] == wanted:
                raise SectionError(self._refused[1])
            is_new, self._wanted = wanted != self._wanted, wanted
            here, known = wanted == self._content and not self._unopened, self._known is not None
        if here and (known or not wanted):
            return
        if is_new:  # or it is tried already, with pauses
            self._errand.stir()
        raise NotYetError("they are fetched" if not here else "what time it is has not been told since the restart")

    def look(self) -> float:
        """Do what is due: fetch what is wanted, ask the time, forget what has ended.

        Returns:
            Seconds after which it should be called again, if nothing happens before.

        Raises:
            UnavailableError: the centre does not answer, or other lists came than those that are wanted.
        """
        self._open_kept()
        self._drop_ended()
        if not self._is_ours():
            return NEVER_S
        if self._is_unkept:
            self._keep()
        self._fetch()
        with self._lock:
            age_s = boot_s() - self._known.boot_s if self._known else _ASK_TIME_S
        if age_s >= _ASK_TIME_S:
            self._learn_time()
            age_s = 0.0
        return _PAUSES_S[1] if self._is_unkept or self._unopened else _ASK_TIME_S - age_s

    def _is_ours(self) -> bool:
        """Whether anything was ever wanted of lists here: most boxes are no checkpoint."""
        with self._lock:
            return self._compares or self._wanted is not None or bool(self._content) or self._unopened

    def _learn_time(self) -> None:
        try:
            known = self._centre.told_time()
        except TrustError as error:
            raise UnavailableError(str(error)) from None
        with self._lock:
            self._known = known
        try:
            write_secret(self._time_path, msgspec.json.encode(_Kept(self._boot, known.at_ms, known.boot_s)))
        except OSError as error:  # then the next life of the agent asks anew
            log.error("what time it is cannot be kept: %s", error)
        self._changed()

    def _fetch(self) -> None:
        with self._lock:
            wanted, there = self._wanted, self._content
            is_there = wanted == there and not self._unopened
            if wanted is None or is_there or (self._refused and self._refused[0] == wanted):
                return
        if not wanted:
            self._take(None, ())
            return
        if self._known is None:
            self._learn_time()
        try:
            content = self._centre.fetch_watchlist()
        except TrustError as error:  # a certificate that is about to be renewed, perhaps
            raise UnavailableError(str(error)) from None
        try:
            watchlist = decode_watchlist(content)
            parts = read_parts(watchlist, self._box, self._centre.root(), self._centre.withdrawn)
        except (TrustError, WireError) as error:
            log.error("the lists that the centre gives are not taken: %s", error)
            with self._lock:
                self._refused = wanted, str(error)
            self._settled()
            return
        self._take(watchlist, tuple(parts))
        if watchlist.content != wanted:
            raise UnavailableError("the lists have changed meanwhile, and the section that says so is on its way")

    def _take(self, watchlist: Watchlist | None, parts: tuple[ListPart, ...]) -> None:
        with self._lock:
            self._watchlist, self._parts, self._refused, self._unopened = watchlist, parts, None, False
            self._content = watchlist.content if watchlist else ""
        self._keep()
        log.info("%d lists of %d plates are in force", len(parts), sum(len(part.entries) for part in parts))
        self._changed()

    def _keep(self) -> None:
        """Write down what is in force. Where the disk does not take it, that holds all the same, and is tried again."""
        with self._lock:
            watchlist = self._watchlist
        try:
            if watchlist is None:
                self._path.unlink(missing_ok=True)
            else:
                write_secret(self._path, self._sealing.seal(msgspec.msgpack.encode(watchlist)))
            self._is_unkept = False
        except (OSError, SealedError) as error:
            if not self._is_unkept:
                log.error("the lists cannot be kept, and what was kept before still is: %s", error)
            self._is_unkept = True

    def _changed(self) -> None:
        self._tell(self.held)
        self._settled()

    def _drop_ended(self) -> None:
        """Forget what has ended, here and on the disk."""
        with self._lock:
            watchlist, known = self._watchlist, self._known
            if watchlist is None or known is None:
                return
            now_ms = known.now_ms()
            kept = [place for place, part in enumerate(self._parts) if now_ms < part.until_ms]
            if len(kept) == len(self._parts):
                return
            ended = [part.number for part in self._parts if now_ms >= part.until_ms]
            self._parts = tuple(self._parts[place] for place in kept)
            watchlist = msgspec.structs.replace(watchlist, parts=tuple(watchlist.parts[place] for place in kept))
            self._watchlist = watchlist
        self._keep()
        log.info("lists %s have ended, and are forgotten", ", ".join(map(str, ended)))
        self._tell(self.held)

    def _until_an_end_s(self) -> float:
        with self._lock:
            if self._known is None or not self._parts:
                return NEVER_S
            now_ms = self._known.now_ms()
            return max(0.0, min(part.until_ms for part in self._parts) - now_ms) / 1000

    def _open_kept(self, *, first: bool = False) -> None:
        """Take what was kept in an earlier life. What the TPM does not open now is tried again with each look.

        Args:
            first: at the agent's start, where nobody is told yet, and what is sealed waits for the first look.
        """
        if not self._unopened:
            return
        try:
            kept = self._path.read_bytes()
            if first and self._sealing.is_sealed(kept):
                return
            watchlist = decode_watchlist(self._sealing.open(kept))
            parts = tuple(read_parts(watchlist, self._box, self._centre.root(), self._centre.withdrawn))
        except FileNotFoundError:
            self._unopened = False
        except AnotherMachineError as error:
            self._give_up(error)
        except SealedError as error:
            log.warning("%s waits: %s", self._path, error)
        except (OSError, WireError, TrustError) as error:
            self._give_up(error)
        else:
            with self._lock:
                self._watchlist, self._parts, self._content = watchlist, parts, watchlist.content
                self._unopened = False
            self._is_unkept = self._sealing.improves(kept)
            if first:
                self._drop_ended()
            else:
                self._changed()

    def _give_up(self, why: Exception) -> None:
        """What lies there is of no use, and goes from the disk with the next look."""
        log.error("%s cannot be used, so the lists are fetched anew: %s", self._path, why)
        self._unopened, self._is_unkept = False, True

    def _kept_time(self) -> KnownTime | None:
        try:
            kept = msgspec.json.decode(self._time_path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return None
        return KnownTime(kept.at_ms, kept.boot_s) if kept.boot == self._boot else None
