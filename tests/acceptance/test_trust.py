"""From nothing to a box that is revoked, with the commands of the guide (docs/trust.md) and nothing else."""

import csv
import io
import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from aggregator.embedded.postgres import EmbeddedPostgres
from aggregator.trust import authority
from aggregator.trust.vault import Vault, issuer_identifier
from provisioning.lab.local_site.processes import PartProcess
from provisioning.lab.local_site.trusted import CommandError, TrustedAggregator
from shared.topics import Address
from shared.trust import Credentials, public_digest, read_root
from shared.trust.tls import fingerprint
from tests.acceptance.site import await_true

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

GATE = Address("north", "gate")
AGENT = """site = "north"
agent = "gate"
data_dir = "data"

[trust]
url = "{door}"

[broker]
port = {box_port}

[health]
interval_s = 1.0

[[cameras]]
name = "fence"
scene = "fence.toml"
source = {{ kind = "synthetic", scene = "fence", seed = 3 }}
"""
SCENE = """[[tripwires]]
name = "fence"
points = [[0.0, 0.72], [1.0, 0.72]]
"""


def hawkline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_from_nothing_to_a_district_and_a_box_that_is_revoked(
    tmp_path: Path, amount: Callable[[int, int], int]
) -> None:
    district = amount(110, 1100)
    if not (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")):
        pytest.skip("mosquitto is missing (Debian: mosquitto)")
    tmp_path.chmod(0o755)  # the embedded database may belong to another account
    centre = TrustedAggregator(tmp_path / "centre")
    assert "take it away" in centre.prepare()
    again = centre.command("aggregator", "init", "--config", str(centre.config), "--root-key", "/nowhere/root.key")
    assert "root's key" not in again, "what is there stays, and the administrator is not asked for it"
    centre.root_key.rename(tmp_path / "root.key")
    secrets = [path for path in (tmp_path / "centre" / "data").rglob("*") if path.is_file() and "secrets" in str(path)]
    assert secrets
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)
    box: PartProcess | None = None
    try:
        centre.start()

        # People's port: no caller without the token.
        with httpx.Client(verify=centre.http._transport._pool._ssl_context, trust_env=False) as stranger:  # type: ignore[attr-defined]
            assert stranger.get(f"{centre.url}/healthz").status_code == 200
            assert stranger.get(f"{centre.url}/api/v1/devices").status_code == 401
            assert stranger.get(f"{centre.url}/", headers={"accept": "text/html"}).headers["location"] == "/sign-in"

        # The planner claims a district.
        rows = "".join(f"village-{n % 40 + 1},box-{n},serial-{n}\n" for n in range(1, district))
        boxes = tmp_path / "boxes.csv"
        boxes.write_text(f"site,agent,serial\nnorth,gate,10000000a1b2c3d4\n{rows}")
        claims = list(csv.DictReader(io.StringIO(centre.command("device", "claim", "--file", str(boxes), "-o", "csv"))))
        assert len({claim["code"] for claim in claims}) == district
        assert centre.command("device", "list", "--state", "claimed", "-o", "csv").count("\n") == district + 1
        claim = claims[0]
        assert claim["fingerprint"] == fingerprint(read_root(centre.root_path))
        assert claim["url"] == centre.door_url

        # The installer enrols one of them, at the second try.
        folder = tmp_path / "box"
        folder.mkdir()
        config = folder / "agent.toml"
        config.write_text(AGENT.format(door=centre.door_url, box_port=centre.box_port))
        (folder / "fence.toml").write_text(SCENE)
        early = hawkline("agent", "run", "--config", str(config))
        assert early.returncode == 2
        assert "hawkline agent enrol" in early.stderr
        claimed = ("--claim", claim["code"], "--fingerprint", claim["fingerprint"])
        wrong = hawkline("agent", "enrol", "--config", str(config), *claimed, "--serial", "another")
        assert wrong.returncode == 2
        assert "another serial number" in wrong.stderr
        right = hawkline("agent", "enrol", "--config", str(config), *claimed, "--serial", claim["serial"], "-o", "json")
        assert right.returncode == 0, right.stderr
        assert json.loads(right.stdout)["agent"] == "gate"
        assert hawkline("agent", "check", "--config", str(config)).returncode == 0

        # It connects, reports, and its picture comes.
        box = PartProcess("agent", ["agent", "run", "--config", str(config)], folder / "agent.log")
        box.start()

        def pictured() -> bool:
            alerts = centre.http.get("/api/v1/alerts?limit=50").json()["alerts"]
            return any(alert["evidence"] and alert["agent"] == "gate" for alert in alerts)

        await_true("an alert with its picture", pictured, 90)
        assert centre.http.get("/api/v1/boxes").json()[0]["state"] == "online"

        # It renews itself: here as if two thirds of its certificate's life were over.
        box.stop()
        aged = age(tmp_path / "centre" / "data", folder / "data" / "trust" / "identity.pem")
        box.start()
        await_true("a renewal", lambda: "certificate renewed" in box.log.read_text(), 60)
        renewed = Credentials.read(folder / "data" / "trust" / "identity.pem")
        assert renewed.expires_at > aged.expires_at
        assert renewed.key.private_numbers() != aged.key.private_numbers()
        seen = newest(centre)
        await_true(
            "alerts go on", lambda: centre.http.get("/api/v1/alerts?limit=1").json()["alerts"][0]["id"] > seen, 60
        )

        # Once a year, with the key that had been taken away.
        keys = ("--root-key", str(tmp_path / "root.key"), "--no-passphrase")
        assert centre.command("ca", "rotate", "--config", str(centre.config), *keys).count("issuer, ") == 2

        assert "issuer made" in centre.command("audit", "list", "--subject", "certificate authority")

        # An issuer's key was stolen: whoever has it is put out, and the box comes back with another certificate.
        config_of = ("--config", str(centre.config))
        issuers = rows_of(centre.command("ca", "show", *config_of, "-o", "json"))
        number = next(row["number"] for row in issuers if row["what"] == "issuer, before")
        with pytest.raises(CommandError, match="name --root-key"):
            centre.command("ca", "revoke", number, "--why", "stolen", *config_of)
        told = centre.command("ca", "revoke", number, "--why", "stolen", *keys, *config_of, "-o", "json")
        assert rows_of(told)[0]["issued_anew"] == "server, aggregator, broker-admin"
        assert rows_of(told)[0]["broker_restarts"]
        box.stop()
        box.start()  # it hears at once what it would hear within the hour
        await_true("another certificate", lambda: "centre were withdrawn" in box.log.read_text(), 60)
        await_true("it is one of another issuer", lambda: box.log.read_text().count("certificate renewed") == 2, 60)
        seen = newest(centre)
        await_true("alerts go on with it", lambda: newest(centre) > seen, 90)
        listed = centre.command("audit", "list", "--subject", "certificate authority")
        assert "certificate revoked" in listed

        # So was the machine of a broker: its certificate is in the register, and goes without the root's key.
        centre.command("ca", "issue", "server", "--host", "b.example", "--to", str(tmp_path / "b.pem"), *config_of)
        rows = rows_of(centre.command("ca", "issued", *config_of, "-o", "json"))
        number = next(row["number"] for row in rows if row["hosts"] == ["b.example"])
        centre.command("ca", "revoke", number, "--why", "that machine was stolen", *config_of)
        centre.command("ca", "revoke", number[:12], "--why", "said again", *config_of)
        with pytest.raises(CommandError, match="ca issued lists them"):
            centre.command("ca", "revoke", "4711", "--why", "nobody has it", *config_of)
        with pytest.raises(CommandError, match="expected a reason"):
            centre.command("ca", "revoke", number, "--why", " ", *config_of)
        rows = rows_of(centre.command("ca", "issued", *config_of, "-o", "json"))
        assert [row["revoked_why"] for row in rows if row["number"] == number] == ["that machine was stolen"]
        # Of seven, the three of the issuer that is gone and this one count no more.
        assert sorted(row["counts"] for row in rows) == [False] * 4 + [True] * 3
        seen = newest(centre)
        await_true("alerts go on without it", lambda: newest(centre) > seen, 90)

        # It is stolen.
        revoked_at, before = datetime.now(UTC), len(box.log.read_text())
        centre.command("device", "revoke", "north/gate", "--why", "stolen")
        # In other words where its sessions have ended several times in a row, as they do when the broker begins anew.
        await_true("the session ends", lambda: "Administrative action" in box.log.read_text()[before:], 60)
        assert datetime.now(UTC) - revoked_at < timedelta(seconds=60)
        await_true("silence", lambda: centre.http.get("/api/v1/boxes").json()[0]["state"] == "silent", 60)
        events = centre.http.get("/api/v1/events?limit=1").json()["events"]
        box.stop()
        late = hawkline("agent", "enrol", "--config", str(config), *claimed, "--serial", claim["serial"])
        assert late.returncode == 2
        assert "used already" in late.stderr
        assert centre.http.get("/api/v1/events?limit=1").json()["events"] == events
        shown = centre.command("device", "show", "north/gate")
        assert "revoked" in shown
        assert "stolen" in shown
    finally:
        if box:
            box.stop()
        centre.stop()


def rows_of(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def age(data: Path, identity: Path) -> Credentials:
    """Give the box, and the book of certificates, one that was issued 25 days ago."""
    old, issuer = Credentials.read(identity), Vault(data / "trust").issuers()[-1]
    issued_at = datetime.now(UTC) - timedelta(days=25)
    certificate = authority.issue_box(issuer, GATE, old.key.public_key(), issued_at)
    with psycopg.connect(EmbeddedPostgres(data).dsn) as connection:
        connection.execute(
            "INSERT INTO certificates VALUES (%s, %s, 'north', 'gate', %s, %s, %s)",
            (
                *(issuer_identifier(certificate), certificate.serial_number, public_digest(old.key.public_key())),
                *(issued_at, certificate.not_valid_after_utc),
            ),
        )
    aged = Credentials(old.key, certificate, old.issuers)
    aged.write(identity)
    return aged


def newest(centre: TrustedAggregator) -> int:
    """Number of the newest alert."""
    return int(centre.http.get("/api/v1/alerts?limit=1").json()["alerts"][0]["id"])
