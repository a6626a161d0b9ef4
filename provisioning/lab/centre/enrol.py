"""How long a district takes to come in: claims from a file, then every box with a key, a claim and a certificate."""

import base64
import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from provisioning.lab.cpu_steal import Stolen, verdict
from provisioning.lab.local_site.trusted import TrustedAggregator
from shared.errors import UnavailableError
from shared.topics import Address
from shared.trust import address_of, client_context, new_key, new_request, read_root

BAR_S = 300.0
_AT_ONCE = 8


def measure(folder: Path, boxes: int) -> list[dict[str, Any]]:
    """Everything on this machine: the boxes' side too, which makes the keys.

    Raises:
        UnavailableError: a box did not come in.
    """
    aggregator = TrustedAggregator(folder)
    aggregator.prepare()
    try:
        aggregator.start()
        return _measure(aggregator, boxes)
    finally:
        aggregator.stop()


def _measure(aggregator: TrustedAggregator, boxes: int) -> list[dict[str, Any]]:
    listed = aggregator.folder / "boxes.csv"
    names = [Address(f"village-{number % 40 + 1}", f"box-{number}") for number in range(1, boxes + 1)]
    lines = (f"{name.site},{name.agent},serial-{name.agent}" for name in names)
    listed.write_text("\n".join(["site,agent,serial", *lines]) + "\n")
    began_s, stolen = time.monotonic(), Stolen()
    claims = list(
        csv.DictReader(io.StringIO(aggregator.command("device", "claim", "--file", str(listed), "-o", "csv")))
    )
    claimed_s = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        came = list(pool.map(lambda claim: _enrol(aggregator, claim), claims))
    enrolled_s = time.monotonic()
    if came != names:
        raise UnavailableError("a box has come in as another one")
    state = ("device", "list", "--state", "enrolled", "-o", "json")
    found = len(aggregator.command(*state).splitlines())
    roles = json.loads((aggregator.folder / "data" / "broker" / "roles.json").read_text())
    known = sum("." in client["username"] for client in roles["clients"])
    if not found == known == boxes:
        raise UnavailableError(f"{boxes} boxes came: {found} are enrolled, {known} are known to the broker")
    took_s = enrolled_s - began_s
    return [
        _row("claims made from a file", boxes, claimed_s - began_s),
        _row("boxes enrolled and known to the broker", boxes, enrolled_s - claimed_s),
        {**_row("both", boxes, took_s), "bar": f"<= {BAR_S:.0f} s", "verdict": verdict(took_s <= BAR_S, stolen.part())},
    ]


def _row(what: str, count: int, took_s: float) -> dict[str, Any]:
    return {
        "what": what, "count": count, "took_s": round(took_s, 1), "per_s": round(count / took_s, 1), "bar": "",
        "verdict": "",
    }  # fmt: skip


def _enrol(aggregator: TrustedAggregator, claim: dict[str, str]) -> Address:
    """As a box does: a connection of its own for each of its two questions."""
    key = new_key()
    body = base64.b64encode(new_request(key, "box").public_bytes(Encoding.DER))
    context = client_context(read_root(aggregator.root_path))
    with httpx.Client(base_url=aggregator.door_url, verify=context, timeout=60, trust_env=False) as client:
        answer = client.post("/.well-known/est/simpleenroll", content=body, auth=(claim["serial"], claim["code"]))
    with httpx.Client(base_url=aggregator.door_url, verify=context, timeout=60, trust_env=False) as client:
        client.get("/.well-known/est/cacerts").raise_for_status()
    if answer.status_code != 200:
        raise UnavailableError(f"{claim['agent']}: {answer.text}")
    issued: x509.Certificate = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))[0]
    return address_of(issued)
