"""The section of the configuration: fetched, proven, tried in a life of its own, kept or gone back from."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from edge_agent.configuration.store import InForce, LacksPasswordsError, Store
from edge_agent.configuration.trial import Trial, Verdict
from edge_agent.orders.desired import NotYetError, SectionError
from edge_agent.orders.errand import NEVER_S, Errand
from edge_agent.uplink.own_door import GoneError, RefusedError
from shared import desired
from shared.clock import Clock
from shared.configuration import SentConfiguration, content_of
from shared.envelope import decode_message
from shared.errors import ConfigError, UnavailableError, WireError
from shared.events import ConfigurationHealth
from shared.trust.sealed import public_part

log = logging.getLogger(__name__)

_PAUSES_S = 1.0, 60.0
_CARD_S = 30.0
_SETTLES_S = 60.0
"""Cameras of a life that has just begun may not be there yet: what they do now says nothing of how they were."""


class ConfigurationCentre(Protocol):
    """What is used of the door."""

    def fetch(self, number: int) -> SentConfiguration:
        """A configuration of this box."""

    def tell_sealing_key(self, public: bytes) -> None:
        """Say to which key passwords of this box are sealed."""


CameraStates = Mapping[str, tuple[bool, str]]
"""Of each camera whether it gives pictures, and what is the matter."""


class Configuration:
    """The configuration of this life of the agent, and the next one's. `run` has a thread of its own.

    Args:
        store: has them on the disk.
        in_force: that of this life.
        centre: is asked for others.
        settled: the section can be tried again.
        clock: a steady one.
    """

    name = desired.CONFIGURATION

    def __init__(
        self,
        store: Store,
        in_force: InForce,
        centre: ConfigurationCentre,
        settled: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store, self._in_force, self._centre, self._settled, self._clock = store, in_force, centre, settled, clock
        self._lock = threading.Lock()
        self._errand = Errand("the configuration", self.look, _PAUSES_S)
        self.run, self.stop = self._errand.run, self._errand.stop
        self._began_s = clock.monotonic_s()
        cameras, within_s = [each.settings.name for each in in_force.cameras], in_force.settings.health.trial_s
        self._trial = Trial(in_force.saw, cameras, self._began_s, within_s) if in_force.tried else None
        self._wanted: desired.Configuration | None = None
        self._is_here = False
        """What is wanted lies in the store, and can be tried."""
        self._lacks = ""
        """Why it waits for another."""
        self._not_before_s = self._began_s
        """After the card took nothing."""
        self._key_told = False

    def obey(self, body: bytes) -> None:
        """Have what is wanted.

        Raises:
            SectionError: it was tried and gone back from, cannot be, or what was changed here stands against it.
            NotYetError: it is fetched, or tried.
            WireError: the body is none of this section.
        """
        wanted = decode_message(body, desired.Configuration)
        refused, why = self._store.refused
        if wanted.number == refused:
            raise SectionError(why)
        if wanted.number == self._in_force.number and self._trial is None:
            return
        if self._trial is not None and wanted.number < self._in_force.number:  # from before a restart
            raise NotYetError("a newer one is being tried")
        if wanted.number < self._store.newest:  # it went back from that; or the centre counts anew
            raise NotYetError(f"a newer one, {self._store.newest}, was sent here: expected one that is newer still")
        if wanted.number == self._in_force.number:
            raise NotYetError("it is being tried")
        if self._in_force.changed and wanted.over != self._in_force.content:
            files = ", ".join(self._in_force.changed)
            raise SectionError(f"somebody has changed {files} at the box: look at that first, then send again")
        with self._lock:
            is_new = self._wanted is None or self._wanted.number != wanted.number
            self._wanted = wanted
            if is_new:
                self._is_here, self._lacks = False, ""
            waits = self._lacks or "it is fetched"
        if is_new:
            self._errand.stir()
        raise NotYetError(waits)

    def look(self) -> float:
        """Do what is due with the centre; that is all until more is wanted.

        Raises:
            UnavailableError: it does not answer.
            OSError: the card takes nothing.
        """
        if not self._key_told:
            try:
                self._centre.tell_sealing_key(public_part(self._store.sealing_key()))
            except (GoneError, RefusedError) as error:  # a centre of before: it sends no configuration either
                log.info("the centre takes no key for passwords: %s", error)
            self._key_told = True
        with self._lock:
            wanted = self._wanted
            if wanted is None or self._is_here or self._lacks:
                return NEVER_S
        try:
            sent = self._centre.fetch(wanted.number)
            if sent.number != wanted.number or content_of(sent.files) != wanted.content:
                raise UnavailableError("the centre gives another configuration than the one that is wanted")
        except GoneError as error:  # a newer one is on its way
            log.info("%s", error)
            return NEVER_S
        except (WireError, RefusedError) as error:
            raise UnavailableError(str(error)) from None
        if self._errand.is_stopping:  # the next life fetches for itself
            return NEVER_S
        self._store.put(sent)
        with self._lock:
            self._is_here = self._wanted is not None and self._wanted.number == sent.number
        return NEVER_S

    def begins_anew(self, cameras: CameraStates) -> bool:
        """Whether this life of the agent shall end, for another configuration; asked again and again.

        Args:
            cameras: how they do.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._not_before_s:
            return False
        if self._trial is not None:
            verdict = self._trial.judge(now_s, cameras)
            if verdict is None:
                return False
            return self._end_trial(*verdict)
        with self._lock:
            wanted = self._wanted if self._is_here else None
        if wanted is None:
            return False
        saw = [name for name, (sees, _) in cameras.items() if sees]
        if len(saw) < len(cameras) and now_s - self._began_s < _SETTLES_S:
            return False
        return self._begin_trial(wanted.number, saw)

    def health(self) -> ConfigurationHealth | None:
        """What the heartbeat says of it."""
        if not self._store.was_sent:
            return None
        ours = self._in_force
        tried = ours.number if self._trial else 0
        return ConfigurationHealth(0 if tried else ours.number, ours.content, ours.changed, tried)

    def _begin_trial(self, number: int, saw: Sequence[str]) -> bool:
        try:
            self._store.try_out(number, saw)
        except LacksPasswordsError as error:
            log.error("configuration %d waits: %s", number, error)
            with self._lock:
                self._is_here, self._lacks = False, str(error)
        except OSError as error:
            self._wait_for_the_card(error)
            return False
        except ConfigError as error:
            log.error("configuration %d cannot be: %s", number, error)
            with self._lock:
                self._wanted, self._is_here = None, False
        else:
            log.info("configuration %d is tried: cameras stop, and begin anew", number)
            return True
        self._settled()
        return False

    def _wait_for_the_card(self, error: OSError) -> None:
        log.error("the card does not take what becomes of a configuration, which is tried again: %s", error)
        self._not_before_s = self._clock.monotonic_s() + _CARD_S

    def _end_trial(self, verdict: Verdict, why: str) -> bool:
        if verdict is Verdict.GO_BACK:
            self._store.undo(why)
            return True
        try:
            self._store.keep()
        except OSError as error:
            self._wait_for_the_card(error)
            return False
        self._trial = None
        log.info("configuration %d is kept", self._in_force.number)
        self._settled()
        return False
