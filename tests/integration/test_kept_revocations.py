"""A restore to before a theft: what was revoked since stays revoked where the lists were kept."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.store import Database, audit
from aggregator.trust import authority, enrolment, register
from aggregator.trust.vault import Vault
from edge_agent.uplink.trust import enrol, renew
from shared.topics import Address
from shared.trust import Credentials, common_name, new_request
from shared.trust.withdrawn import bundle, read_withdrawn
from tests.integration.test_upkeep import empty_database, hawkline, written
from tests.integration.trusted import SERIAL, Deployment

GATE, YARD, POST, HALL = (Address("north", name) for name in ("gate", "yard", "post", "hall"))
TRUST = '[broker]\nkind = "mosquitto"\n[trust]\nnames = ["localhost"]\nhost = "127.0.0.1"\n'


def with_trust(config: Path, data_dir: str, dsn: str) -> Path:
    written(config, data_dir, dsn)
    config.write_text(config.read_text() + TRUST)
    return config


@pytest.fixture
def centre(tmp_path: Path, database: Database) -> Iterator[Deployment]:
    (tmp_path / "here").mkdir()
    with Deployment(tmp_path / "here", database).open() as deployment:
        yield deployment


def states(database: Database) -> dict[str, bool]:
    """Which boxes are revoked."""
    with database.connect("test") as connection:
        rows = connection.execute("SELECT agent, revoked_at IS NOT NULL AS revoked FROM devices").fetchall()
    return {row["agent"]: row["revoked"] for row in rows}


def test_boxes_services_and_issuers_stay_revoked(centre: Deployment, server_dsn: str, tmp_path: Path) -> None:
    words, backup, kept = tmp_path / "words", tmp_path / "backup", tmp_path / "kept"
    words.write_text("a passphrase that somebody keeps\n")
    for box in (GATE, HALL):
        centre.enrol(box)
    yard = centre.enrol(YARD)
    here = with_trust(tmp_path / "here.toml", "here", centre.database.dsn)
    done = hawkline(here, "backup", "--to", str(backup), "--passphrase-file", str(words))
    assert done.returncode == 0, done.stderr

    # After the backup: one box is stolen, one after it has renewed, one that has enrolled since; and a server.
    renew(yard)
    post = centre.enrol(POST)
    for box in (GATE, YARD, POST):
        centre.revoke(box)
    server = authority.new_server(centre.vault.issuers()[0], "server", ("localhost",), datetime.now(UTC))
    with centre.database.connect("test") as connection:
        register.register(connection, server.certificate)
        register.revoke(connection, server.certificate.serial_number, "a planner", "stolen")
    centre.sign_lists()
    kept.mkdir()
    shutil.copy(centre.vault.revoked_path, kept)
    stranger = authority.new_issuer(authority.new_root("Trial", datetime.now(UTC)), "Trial", datetime.now(UTC))
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(bundle([stranger.certificate], [authority.revocation_list(stranger, (), datetime.now(UTC))]))

    with empty_database(server_dsn) as there:
        config = with_trust(tmp_path / "there.toml", "there", there.dsn)

        def restored(*revoked: Path) -> tuple[int, str]:
            named = [part for path in revoked for part in ("--revoked", str(path))]
            done = hawkline(config, "restore", "--from", str(backup), "--passphrase-file", str(words), *named)
            return done.returncode, done.stderr

        for file, words_of_it in (
            (foreign, "not signed by our root"),
            (backup / "manifest.json", "not a list of revoked boxes"),
            (tmp_path / "gone.pem", "cannot be read"),
        ):
            code, said = restored(file)
            assert (code, words_of_it in said) == (2, True), said
        code, said = restored(kept / "revoked.pem")
        assert code == 0, said
        assert "5 certificates stay revoked" in said
        assert "revoked as the lists say: north/gate, north/yard\n" in said
        assert "no revoked-boxes.json was there" in said
        assert states(there) == {"gate": True, "yard": True, "hall": False}
        with there.connect("test") as connection:
            listed = {row.number for row in register.revoked(connection)}
            entries = [(entry.what, "north/gate, north/yard" in entry.detail) for entry in audit.entries(connection)]
        of_post, of_yard = (Credentials.read(door.identity_path).certificate.serial_number for door in (post, yard))
        assert {of_post, of_yard, server.certificate.serial_number} <= listed, "of them the database knows nothing"
        assert ("revocations kept", True) in entries
        vault = Vault(tmp_path / "there" / "trust")
        with there.connect("test") as connection:
            vault.write_revoked(register.revoked(connection), datetime.now(UTC))
        told = read_withdrawn(vault.withdrawn_path.read_bytes(), vault.root())
        assert server.certificate in told, "and boxes go on being told of the stolen server"


def test_an_issuer_that_was_withdrawn_does_not_come_back(centre: Deployment, server_dsn: str, tmp_path: Path) -> None:
    words, backup = tmp_path / "words", tmp_path / "backup"
    words.write_text("a passphrase that somebody keeps\n")
    here = with_trust(tmp_path / "here.toml", "here", centre.database.dsn)
    assert hawkline(here, "backup", "--to", str(backup), "--passphrase-file", str(words)).returncode == 0
    stolen = centre.withdraw_issuer()
    with empty_database(server_dsn) as there:
        config = with_trust(tmp_path / "there.toml", "there", there.dsn)
        secrets = ("--passphrase-file", str(words))
        alone = hawkline(
            config, "restore", "--from", str(backup), *secrets, "--revoked", str(centre.vault.revoked_path)
        )
        assert alone.returncode == 2
        assert "all three from one folder" in alone.stderr
        named = ("--revoked", str(centre.vault.withdrawn_path))
        done = hawkline(config, "restore", "--from", str(backup), *secrets, *named)
        assert done.returncode == 0, done.stderr
        vault = Vault(tmp_path / "there" / "trust")
        assert not vault.issuer_files(), "the one of the backup is gone, and the root makes another"
        vault.rotate(centre.folder / "root.key", b"", datetime.now(UTC))
        vault.write_revoked((), datetime.now(UTC))
        assert stolen.certificate not in {each.certificate for each in vault.issuers()}


def test_lists_that_lie_there_count_by_themselves(centre: Deployment, server_dsn: str, tmp_path: Path) -> None:
    """Only the database is lost, and restored from before the theft: the vault beside it knows better."""
    centre.enrol(GATE)
    here = with_trust(tmp_path / "here.toml", "here", centre.database.dsn)
    assert hawkline(here, "backup", "--to", str(tmp_path / "backup")).returncode == 0
    centre.revoke(GATE)
    centre.sign_lists()
    with empty_database(server_dsn) as there:
        config = with_trust(tmp_path / "again.toml", "here", there.dsn)
        done = hawkline(config, "restore", "--from", str(tmp_path / "backup"))
        assert done.returncode == 0, done.stderr
        assert states(there) == {"gate": True}


def test_a_box_stays_revoked_though_its_issuer_was_withdrawn_or_its_certificate_has_run_out(
    centre: Deployment, server_dsn: str, tmp_path: Path
) -> None:
    """No list of certificates names it any more; the list of boxes does."""
    words, backup = tmp_path / "words", tmp_path / "backup"
    words.write_text("a passphrase that somebody keeps\n")
    gate, again = centre.enrol(GATE), centre.enrol(YARD)
    here = with_trust(tmp_path / "here.toml", "here", centre.database.dsn)
    assert hawkline(here, "backup", "--to", str(backup), "--passphrase-file", str(words)).returncode == 0
    for box in (GATE, YARD):
        centre.revoke(box)
    enrol(again, YARD, centre.claim(YARD), SERIAL)  # its place was taken by another machine
    centre.withdraw_issuer()
    named = [centre.vault.revoked_boxes_path, centre.vault.revoked_path, centre.vault.withdrawn_path]
    with empty_database(server_dsn) as there:
        config = with_trust(tmp_path / "there.toml", "there", there.dsn)
        lists = [part for path in named for part in ("--revoked", str(path))]
        forged = tmp_path / "forged.json"
        forged.write_bytes(named[0].read_bytes().replace(b'"time_ms":1', b'"time_ms":2'))
        more = ("--passphrase-file", str(words), "--revoked", str(forged))
        refused = hawkline(config, "restore", "--from", str(backup), *more)
        assert refused.returncode == 2
        assert "not signed by a service" in refused.stderr
        done = hawkline(config, "restore", "--from", str(backup), "--passphrase-file", str(words), *lists)
        assert done.returncode == 0, done.stderr
        assert "revoked as the lists say: north/gate\n" in done.stderr
        assert "counts again: keys, passwords;" in done.stderr
        assert "hawkline ca rotate" in done.stderr
        assert states(there) == {"gate": True, "yard": False}
        with there.connect("test") as connection, pytest.raises(enrolment.RefusedError, match="revoked"):
            request = new_request(gate.identity().key, common_name(GATE))
            enrolment.renew(connection, centre.vault.issuers()[-1], request, None)
