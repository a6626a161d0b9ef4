"""Keeps trust in step: the broker knows whom the database names, revocation lists never run out, services renew."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.store import audit
from aggregator.store.database import Connection
from aggregator.trust import authority, mosquitto, roles
from aggregator.trust.control import BrokerControl
from aggregator.trust.enrolment import SQL, STORED
from aggregator.trust.register import boxes_revoked, register_services, revoked
from aggregator.trust.vault import Vault
from shared.errors import HawklineError, UnavailableError
from shared.topics import Address
from shared.trouble_log import TroubleLog
from shared.trust import common_name

log = logging.getLogger(__name__)

_ALL_S = 600.0
"""So often everything that the broker knows is looked through, not only what has changed."""
_SIGN_EVERY = timedelta(days=1)
_RENEW_S = 3600.0
_ISSUER_LEFT = timedelta(days=365)
_ITSELF = audit.Actor("the centre itself", "this machine")


class BrokerAccess:
    """Looks after broker and vault: a job of the process that admits boxes.

    Args:
        control: speaks to the broker as its administrator.
        broker_folder: where mosquitto's process id is found.
        names: host names and addresses of our servers.
    """

    def __init__(self, vault: Vault, control: BrokerControl, broker_folder: Path, names: Sequence[str]) -> None:
        self._vault, self._control = vault, control
        self._folder, self._names = broker_folder, tuple(names)
        self._lock = threading.Lock()
        self._known: dict[str, datetime | None] | None = None
        """Boxes that the broker knows, as far as we know, and since which enrolment; None: just let in."""
        self._looked = False
        self._life = 0
        """Of the control connection, in which that was found out."""
        self._all_s = self._renew_s = 0.0
        self._signed: tuple[datetime, object] | None = None
        """When revocation lists were signed last, and for what."""
        self._ageing = TroubleLog(log)

    def admit(self, address: Address) -> None:
        """See to it that the broker knows a box, before the box comes; from any thread.

        When the broker does not answer, it is told as soon as it does.
        """
        name = common_name(address)
        with self._lock:
            if self._known is not None and name in self._known and self._life == self._control.lives:
                return
            try:
                if not self._control.is_up:  # a box that enrols does not wait for a broker
                    raise UnavailableError("the broker does not answer its administrator")
                self._control.apply(roles.add_box(address))
            except UnavailableError as error:
                log.warning("%s/%s: %s; it is let in later", address.site, address.agent, error)
                return
            if self._known is not None:
                self._known[name] = None

    def turn(self, connection: Connection) -> None:
        """Renew, sign, let in and put out; where one fails the others are done all the same.

        Raises:
            HawklineError: the first that failed, such as when the broker does not answer.
            OSError: the same, of files.
        """
        failed = [error for work in (self._renew, self._sign, self._sync) if (error := _tried(work, connection))]
        if any(isinstance(error, UnavailableError) for error in failed):
            self._known = None
        if failed:
            raise failed[0]

    def _sync(self, connection: Connection) -> None:
        """Let in and put out."""
        self._control.await_up()
        # With the lock held: a box that is enrolled meanwhile is let in behind us, and not put out again.
        with self._lock:
            wanted = admitted_boxes(connection)
            added, removed = self._step(self._known, wanted) if self._known is not None else (0, 0)
            if self._known is None or self._life != self._control.lives or time.monotonic() >= self._all_s:
                self._life = self._control.lives
                self._control.apply(roles.renew_admin())
                more = sync(self._control, list(wanted))
                added, removed = added + more[0], removed + more[1]
                if not self._looked:  # while we were away, a box may have taken another's place
                    replaced = [Address(row["site"], row["agent"]) for row in connection.execute(SQL["replaced"])]
                    self._control.apply([each for one in replaced for each in roles.renew_box(one)])
                    self._looked = True
                self._all_s = time.monotonic() + _ALL_S
            self._known = {common_name(address): enrolled_at for address, enrolled_at in wanted.items()}
        if added or removed:
            log.info("broker: %d boxes let in, %d put out", added, removed)

    def _step(self, known: dict[str, datetime | None], wanted: dict[Address, datetime]) -> tuple[int, int]:
        """Tell the broker what has changed since the last look. Who has enrolled anew is put out first: another
        machine may still be there under the name, with a certificate that was revoked."""
        new = {
            common_name(address): address
            for address, since in wanted.items()
            if known.get(common_name(address)) != since
        }
        names = {common_name(address) for address in wanted}
        gone = sorted(name for name, since in known.items() if name not in names or (name in new and since is not None))
        fresh = [name for name in sorted(new) if name in gone or name not in known]
        if gone:
            self._control.apply([command for name in gone for command in roles.remove_box(name)])
            # Behind it: a session that ends may leave a last will.
            self._control.clear([topic for name in gone for topic in roles.retained(name)])
        if fresh:
            self._control.apply([command for name in fresh for command in roles.add_box(new[name])])
        return len(fresh), len(gone)

    def _sign(self, connection: Connection) -> None:
        """Sign revocation lists where something was revoked, and every day."""
        now, newest = datetime.now(UTC), connection.execute(SQL["newest_revoked"]).fetchone()
        what = newest, self._vault.issuer_files(), self._vault.root_list_stamp()
        # A clock that was set back counts as a day: lists of the future hold for no client.
        if self._signed and self._signed[1] == what and timedelta(0) <= now - self._signed[0] < _SIGN_EVERY:
            return
        for issuer in self._vault.forget_expired(now):
            name, until = issuer.certificate.subject.rfc4514_string(), issuer.expires_at
            self._note(connection, "issuer's key deleted", name, f"expired {until:%Y-%m-%d}")
        self._vault.write_revoked(revoked(connection), now, boxes_revoked(connection))
        self._signed = now, what
        connection.execute(SQL["forget_certificates"], {"stored": STORED})
        connection.execute(SQL["forget_service_certificates"])
        connection.execute(SQL["forget_kept_revocations"], {"longest": authority.SERVICE_LIFE})
        mosquitto.reload(self._folder)

    @staticmethod
    def _note(connection: Connection, what: str, subject: str, detail: str) -> None:
        with connection.transaction():
            audit.record(connection, _ITSELF, what, subject, detail)

    def _renew(self, connection: Connection) -> None:
        """Renew what broker, HTTP ports and services show."""
        if time.monotonic() < self._renew_s:
            return
        renewed = self._vault.renew_services(self._names, datetime.now(UTC))
        self._renew_s = time.monotonic() + _RENEW_S
        # Also what was issued before there was a database to tell.
        register_services(connection, self._vault, renewed, _ITSELF)
        if renewed:
            log.info("certificates renewed: %s", ", ".join(renewed))
            mosquitto.reload(self._folder)
        until = self._vault.issuers()[-1].expires_at
        if until - datetime.now(UTC) < _ISSUER_LEFT:
            self._ageing.tell(
                f"the issuer holds until {until:%Y-%m-%d}, and nothing longer than it: hawkline ca rotate"
            )


def _tried(work: Callable[[Connection], None], connection: Connection) -> HawklineError | OSError | None:
    try:
        work(connection)
    except (HawklineError, OSError) as error:
        return error
    return None


def admitted_boxes(connection: Connection) -> dict[Address, datetime]:
    """Whom the broker shall let in, and since when they are who they are."""
    rows = connection.execute(SQL["admitted"]).fetchall()
    return {Address(row["site"], row["agent"]): row["enrolled_at"] for row in rows}


def sync(control: BrokerControl, wanted: Sequence[Address]) -> tuple[int, int]:
    """Make a broker know exactly these boxes; tells how many were let in and how many put out.

    Raises:
        UnavailableError: the broker does not answer, or has refused something.
    """
    clients, known = control.boxes()
    commands, added, removed = roles.difference(wanted, clients, known)
    control.apply([command for of_box in commands for command in of_box])
    names = {common_name(address) for address in wanted}
    gone = {name for name in (*clients, *known) if roles.is_box(name)} - names
    control.clear([topic for name in sorted(gone) for topic in roles.retained(name)])
    return added, removed
