"""A verdict that was a slip is taken back, one that was wrong is corrected; the record keeps all of them."""

from collections.abc import Callable

import httpx
import pytest

from aggregator.store import Database
from tests.integration.test_api import follow, raise_alerts  # noqa: F401 - a fixture

RaiseAlerts = Callable[..., None]
HERE = "this machine"
"""Who does it, on a trial."""


@pytest.fixture
def alert(client: httpx.Client, raise_alerts: RaiseAlerts) -> str:
    """The address of an alert that was cleared as false."""
    raise_alerts(1)
    path = "/api/v1/alerts/1"
    assert client.post(f"{path}/clear", json={"verdict": "false"}).status_code == 200
    return path


def said(client: httpx.Client, alert: str) -> list[tuple[str, str | None, str]]:
    return [(row["by"], row["verdict"], row["why"]) for row in client.get(f"{alert}/verdicts").json()]


def test_a_slip_is_taken_back(client: httpx.Client, alert: str) -> None:
    open_again = client.post(f"{alert}/reopen", json={})
    assert open_again.status_code == 200
    assert open_again.json()["verdict"] is open_again.json()["cleared_at"] is None
    assert open_again.json()["acknowledged_by"] == HERE
    assert client.post(f"{alert}/reopen", json={}).status_code == 200, "again changes nothing"
    assert client.post(f"{alert}/clear", json={"verdict": "true"}).json()["verdict"] == "true"
    assert said(client, alert) == [
        (HERE, "false", ""),
        (HERE, None, ""),
        (HERE, "true", ""),
    ]
    changes = [data["change"] for _, _, data in follow(client, 4, **{"last-event-id": "0"})]
    assert changes == ["raised", "cleared", "reopened", "cleared"]
    assert {row["what"].rpartition("/")[2] for row in client.get("/api/v1/audit").json()} == {"clear", "reopen"}


def test_after_a_minute_it_is_corrected_with_a_reason(client: httpx.Client, alert: str, database: Database) -> None:
    with database.connect("test") as connection:
        connection.execute("UPDATE alerts SET cleared_at = now() - interval '61 s'")
    late = client.post(f"{alert}/reopen", json={})
    assert late.status_code == 409
    assert "correct" in late.json()["detail"]
    body = {"verdict": "true", "why": "监控回放：有人翻墙"}
    for part in body:
        assert client.post(f"{alert}/correct", json={**body, part: " "}).status_code == 422
    corrected = client.post(f"{alert}/correct", json=body).json()
    assert (corrected["verdict"], corrected["cleared_by"], corrected["corrected_by"]) == (
        "true",
        HERE,
        HERE,
    )
    assert corrected["corrected_why"] == body["why"]
    assert client.post(f"{alert}/correct", json=body).json() == corrected, "again changes nothing"
    assert said(client, alert) == [(HERE, "false", ""), (HERE, "true", body["why"])]
    (line,) = client.get("/api/v1/lines/verdicts").json()
    assert (line["true_alarms"], line["false_alarms"]) == (1, 0)
    assert follow(client, 3, **{"last-event-id": "0"})[-1][2]["change"] == "corrected"


def test_what_is_open_has_nothing_to_correct(client: httpx.Client, raise_alerts: RaiseAlerts) -> None:
    raise_alerts(1)
    body = {"verdict": "true", "why": "x"}
    assert client.post("/api/v1/alerts/1/correct", json=body).status_code == 409
    assert client.post("/api/v1/alerts/2/correct", json=body).status_code == 404
    assert client.post("/api/v1/alerts/2/reopen", json={}).status_code == 404
    assert client.get("/api/v1/alerts/2/verdicts").status_code == 404
    assert client.get("/api/v1/alerts/1/verdicts").json() == []
