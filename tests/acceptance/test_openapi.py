"""The API does what its OpenAPI document says, whatever it is asked: a whole aggregator, over TLS, with the token."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning.parts.trusted import TrustedAggregator

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def test_everything_that_the_document_allows_is_answered_as_it_says(tmp_path: Path) -> None:
    """Schemathesis, streams apart; it has five minutes."""
    if not (shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")):
        pytest.skip("mosquitto is missing (Debian: mosquitto)")
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o755)  # the embedded database may belong to another account
    centre = TrustedAggregator(tmp_path / "centre")
    centre.prepare()
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "run", f"{centre.url}/api/v1/openapi.json", "--tls-verify", str(centre.root_path)]
    who = ["-H", f"Authorization: {centre.http.headers['authorization']}", "--exclude-path", "/api/v1/feed"]
    how = [
        "--checks",
        CHECKS,
        "--phases",
        "examples,coverage,fuzzing",
        "-n",
        "40",
        "--seed",
        "7",
        "-w",
        "2",
        "--no-color",
    ]
    try:
        centre.start()
        done = subprocess.run(
            [*command, *who, *how], capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout[-8000:]
        assert " passed" in done.stdout
        # None of the thousands of changes has broken the chain of what is kept about them.
        assert "whole" in centre.command("audit", "verify", "--config", str(centre.config))
        assert "NO" not in centre.command("doctor", "--config", str(centre.config)).split()
    finally:
        centre.stop()
