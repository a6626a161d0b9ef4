"""The API does what its OpenAPI document says, whatever it is asked: a whole aggregator, over TLS, with the token."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.trusted import whole_centre

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def test_everything_that_the_document_allows_is_answered_as_it_says(
    tmp_path: Path, amount: Callable[[int, int], int]
) -> None:
    """Schemathesis, streams apart: the cases that it thinks up for each operation, and so many drawn by chance."""
    program = Path(sys.executable).with_name("schemathesis")
    how = ["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--exclude-path", "/api/v1/feed"]
    # One worker: ast.parse in two threads fails now and then below CPython 3.11.8 (gh-106905), and Hypothesis calls it.
    how += ["-n", str(amount(2, 50)), "--seed", "7", "-w", "1", "--no-color"]
    with whole_centre(tmp_path) as centre:
        centre.start()
        who = ["--tls-verify", str(centre.root_path), "-H", f"Authorization: {centre.http.headers['authorization']}"]
        command = [str(program), "run", f"{centre.url}/api/v1/openapi.json", *who, *how]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=amount(300, 3000), cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout[-8000:]
        assert " passed" in done.stdout
        # None of the thousands of changes has broken the chain of what is kept about them.
        assert "whole" in centre.command("audit", "verify", "--config", str(centre.config))
        assert "NO" not in centre.command("doctor", "--config", str(centre.config)).split()
