"""Heavy libraries stay where they belong, and starting a command loads none of them."""

import subprocess
import sys

import pytest

EDGE_ONLY = {"cv2", "av", "onnxruntime"}
CENTRE_ONLY = {"fastapi", "psycopg", "uvicorn", "starlette", "pydantic", "prometheus_client"}
TRAINING_ONLY = {"torch", "onnx"}

CASES = [
    ("shared.commands", EDGE_ONLY | CENTRE_ONLY | TRAINING_ONLY | {"numpy", "httpx", "paho", "cryptography"}),
    (
        "edge_agent.cli, aggregator.cli, "
        "provisioning.lab.cli.demo, provisioning.lab.cli.bench, provisioning.lab.cli.simulate",
        EDGE_ONLY | CENTRE_ONLY | TRAINING_ONLY | {"numpy", "httpx", "paho", "cryptography"},
    ),
    ("edge_agent.agent", CENTRE_ONLY | TRAINING_ONLY),
    (
        "aggregator.supervisor, aggregator.services, aggregator.alerting.engine",
        EDGE_ONLY | TRAINING_ONLY | {"numpy"},
    ),
    ("aggregator.console_api", EDGE_ONLY | TRAINING_ONLY),
    (
        "aggregator.config, aggregator.ingest.worker, aggregator.domains.boxes.heartbeat_receiver",
        EDGE_ONLY | TRAINING_ONLY | {"numpy", "fastapi", "cryptography"},
    ),
    ("provisioning.lab.demo.run, provisioning.lab.simulate.run", EDGE_ONLY | CENTRE_ONLY | TRAINING_ONLY),
]


@pytest.mark.parametrize(("modules", "absent"), CASES, ids=[modules for modules, _ in CASES])
def test_importing_does_not_load(modules: str, absent: set[str]) -> None:
    code = f"import {modules}, sys; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not absent & loaded


def test_paho_has_one_room() -> None:
    found = subprocess.run(
        ["git", "grep", "-lE", r"^\s*(import|from) paho", "--", "*.py"], capture_output=True, text=True, check=False
    ).stdout.split()
    assert found == ["shared/mqtt/connection.py"]


def test_no_statement_waits_in_a_pipeline() -> None:
    """The driver's pipeline may wait for ever where much is sent (psycopg #685): many rows go as arrays."""
    found = subprocess.run(
        ["git", "grep", "-nE", r"executemany|\.pipeline\(\)", "--", "aggregator/*.py", "provisioning/*.py"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert not found
