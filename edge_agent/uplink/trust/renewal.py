"""Keeps a running box one of ours: it asks the time where its clock is wrong, renews, and hears what was withdrawn."""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable

from edge_agent.uplink.trust.enrolment import Door, renew
from shared.errors import UnavailableError
from shared.trouble_log import TroubleLog
from shared.trust import TrustError
from shared.trust.tls import show

log = logging.getLogger(__name__)

_LOOK_S = 30.0
_REFUSED_S = 600.0
_WITHDRAWN_S, _WITHDRAWN_AGAIN_S = 3600.0, 300.0
"""So long after an answer, and after none, what is withdrawn is asked for again."""


class CertificateRenewal:
    """Owns the context with which the box connects; `run` has a thread of its own.

    Args:
        door: where to ask.
        on_renewed: connections shall be made anew.

    Raises:
        TrustError: the box has not enrolled.
    """

    def __init__(self, door: Door, on_renewed: Callable[[], None] = lambda: None) -> None:
        self._door, self.on_renewed = door, on_renewed
        self._stopping = threading.Event()
        self._away = TroubleLog(log)
        self._asked = False
        self._ask_withdrawn_s = float("-inf")
        self._acted_on = door.withdrawn.read().numbers()
        self._kept_back = TroubleLog(log)
        self._shown = door.identity().certificate
        self.context: ssl.SSLContext = door.context()
        """Shows the newest certificate with every new connection."""

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()

    def run(self) -> None:
        """Look now and then, until `stop`."""
        while not self._stopping.is_set():
            pause_s = _LOOK_S
            try:
                self.look()
            except UnavailableError as error:
                self._asked = False  # perhaps it is the clock, which may have jumped
                self._away.tell(f"{error}; trying on")
            except (TrustError, OSError) as error:
                self._asked = False
                log.error("the certificate cannot be renewed: %s", error)
                pause_s = _REFUSED_S
            else:
                self._away.over("the aggregator's door answers again")
            # A district that was switched on in one moment does not come back in one.
            self._stopping.wait(pause_s * random.uniform(0.7, 1.3))

    def look(self) -> None:
        """Do what is due.

        Raises:
            TrustError: refused.
            UnavailableError: the aggregator does not answer.
        """
        if not self._asked:
            self._door.ask_time()
            self._asked = True
        self._hear_what_is_withdrawn()
        credentials = self._door.identity()
        if credentials.certificate != self._shown:  # enrolled anew beside us
            self._show()
        counts = not any(map(self._door.withdrawn, credentials.issuers))
        if counts and self._door.clock.now() < credentials.renew_at:
            return
        renewed = renew(self._door)
        log.info("certificate renewed, holds until %s", f"{renewed.expires_at:%Y-%m-%d %H:%M}Z")
        self._show()

    def _hear_what_is_withdrawn(self) -> None:
        """Ask for it once an hour; whatever comes of that, certificates are renewed."""
        now_s = time.monotonic()
        if now_s < self._ask_withdrawn_s:
            return
        self._ask_withdrawn_s = now_s + _WITHDRAWN_AGAIN_S
        try:
            self._door.ask_withdrawn()
        except (TrustError, UnavailableError) as error:
            self._kept_back.tell(f"nobody has proven to us what is withdrawn: {error}; trying on")
        else:
            self._kept_back.over("what is withdrawn is proven to us again")
            self._ask_withdrawn_s = now_s + _WITHDRAWN_S
        known = self._door.withdrawn.read().numbers()
        if known - self._acted_on:
            log.warning("certificates of the centre were withdrawn: connecting anew")
            self.on_renewed()  # who shows one of them now has to be left
        self._acted_on = known

    def _show(self) -> None:
        show(self.context, self._door.identity_path)
        self._shown = self._door.identity().certificate
        self.on_renewed()
