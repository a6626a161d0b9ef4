"""A deployment with an authority and an open door, on loopback; what boxes and strangers do is up to the tests."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn

from aggregator import box_api
from aggregator.alerting.alerts import Publishing
from aggregator.api.server import server
from aggregator.store import Database
from aggregator.store.pictures import PictureStore
from aggregator.trust import authority, enrolment, register
from aggregator.trust.vault import SERVER, Vault, issuer_identifier
from edge_agent.uplink.trust import Door, enrol
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.net import pick_free_port
from shared.topics import Address
from shared.trust import Credentials, TrustClock, new_key, public_digest, server_context
from shared.trust.tls import show

SERIAL = "10000000a1b2c3d4"


class Deployment:
    """Vault, database and the boxes' door; `admit` hears of everybody who is let in."""

    def __init__(self, folder: Path, database: Database, admit: Callable[[Address], None] | None = None) -> None:
        self.folder, self.database = folder, database
        self.admitted: list[Address] = []
        self.vault = Vault(folder / "trust")
        now = datetime.now(UTC)
        self.vault.create("Trial", folder / "root.key", b"", now)
        self.vault.renew_services(("localhost", "127.0.0.1"), now)
        self.port = pick_free_port()
        self.url = f"https://localhost:{self.port}"
        self._app = box_api.build(
            database,
            self.vault,
            PictureStore(folder / "evidence"),
            Publishing(),
            folder,
            admit or self.admitted.append,
        )

    @contextmanager
    def open(self) -> Iterator["Deployment"]:
        """Serve."""
        self._tls = server_context(self.vault.credentials_path(SERVER), clients=self.vault.root())
        with serving(*server(self._app, "127.0.0.1", self.port, self._tls)):
            yield self

    def withdraw_issuer(self) -> Credentials:
        """Take back the one that signs, as `hawkline ca revoke` does; what was withdrawn."""
        gone, now = self.vault.issuers()[-1], datetime.now(UTC)
        self.vault.withdraw(gone.certificate.serial_number, self.folder / "root.key", b"", now)
        self.sign_lists()
        return gone

    def sign_lists(self) -> None:
        """Sign what is revoked, and show what counts."""
        now = datetime.now(UTC)
        with self.database.connect("test") as connection:
            self.vault.write_revoked(register.revoked(connection), now, register.boxes_revoked(connection))
        self.vault.renew_services(("localhost", "127.0.0.1"), now)
        show(self._tls, self.vault.credentials_path(SERVER))

    def claim(self, address: Address, serial: str = SERIAL) -> str:
        """Have a claim made."""
        with self.database.connect("test") as connection:
            return enrolment.make_claim(connection, address, serial, "a planner").code

    def door(self, name: str, clock: TrustClock | None = None) -> Door:
        """A box's own, which knows our root."""
        door = Door(self.url, self.folder / "boxes" / name, clock or TrustClock())
        door.folder.mkdir(parents=True, exist_ok=True)
        door.root_path.write_bytes(self.vault.root_path.read_bytes())
        return door

    def enrol(self, address: Address, clock: TrustClock | None = None) -> Door:
        """A box that has come in."""
        door = self.door(f"{address.site}.{address.agent}", clock)
        enrol(door, address, self.claim(address), SERIAL)
        return door

    def revoke(self, address: Address) -> None:
        """Take everything back."""
        with self.database.connect("test") as connection:
            enrolment.revoke(connection, address, "a planner", "stolen")

    def age(self, door: Door, address: Address, issued_at: datetime) -> Credentials:
        """Give a box, and the database, the certificate that it would have if it had enrolled then."""
        old, issuer = door.identity(), self.vault.issuers()[-1]
        certificate = authority.issue_box(issuer, address, old.key.public_key(), issued_at)
        aged = Credentials(old.key, certificate, old.issuers)
        aged.write(door.identity_path)
        with self.database.connect("test") as connection:
            connection.execute(
                "UPDATE devices SET expires_at = %s WHERE (site, agent) = (%s, %s)",
                (aged.expires_at, address.site, address.agent),
            )
            connection.execute("DELETE FROM certificates WHERE (site, agent) = (%s, %s)", (address.site, address.agent))
            connection.execute(
                "INSERT INTO certificates VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    *(issuer_identifier(certificate), certificate.serial_number, address.site, address.agent),
                    *(public_digest(old.key.public_key()), issued_at, aged.expires_at),
                ),
            )
        return aged

    def foreign(self, address: Address, folder: Path) -> Path:
        """Credentials for a box of ours, from a stranger's authority of the same name."""
        now = datetime.now(UTC)
        issuer = authority.new_issuer(authority.new_root("Trial", now), "Trial", now)
        key = new_key()
        Credentials(key, authority.issue_box(issuer, address, key.public_key(), now), (issuer.certificate,)).write(
            folder / "foreign.pem"
        )
        return folder / "foreign.pem"


@contextmanager
def whole_centre(folder: Path) -> Iterator[TrustedAggregator]:
    """A whole aggregator with certificates and mosquitto, prepared and not yet started; it is stopped at the end."""
    if not (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")):
        pytest.skip("mosquitto is missing (Debian: mosquitto)")
    folder.chmod(0o755)  # the embedded database may belong to another account
    centre = TrustedAggregator(folder / "centre")
    centre.prepare()
    try:
        yield centre
    finally:
        centre.stop()


@contextmanager
def serving(web: uvicorn.Server, listener: object) -> Iterator[None]:
    """Run a server on a thread."""
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]})
    thread.start()
    while not web.started:
        if not thread.is_alive():
            raise AssertionError("the server has not started")
        threading.Event().wait(0.02)
    yield
    web.should_exit = True
    thread.join(10)
