"""A file of boxes may be claimed again: what was handed out stays, and one box stops none of the others."""

from collections.abc import Mapping
from typing import Any

import pytest
import typer

from aggregator.client.client import ApiClient
from aggregator.domains.devices.cli import Batch
from shared.errors import ConfigError, UnavailableError


class Centre(ApiClient):
    """An aggregator with some boxes; claims are made in its memory."""

    def __init__(self, *known: tuple[str, str, str], away: str = "") -> None:
        self.known = [dict(zip(("agent", "serial", "state"), row, strict=True), site="north") for row in known]
        self.away, self.claimed = away, list[str]()

    def get(self, path: str, asked: Mapping[str, Any]) -> Any:
        return self.known

    def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        order = dict(body or {})
        if order["agent"] == self.away:
            raise UnavailableError("no aggregator answers")
        for row in self.known:
            if row["agent"] == order["agent"] and not (row["state"] == "claimed" and order["replace"]):
                raise ConfigError(f"north/{row['agent']} is {row['state']} (serial {row['serial']})")
        self.claimed.append(order["agent"])
        told = {"code": "7KQ2M", "expires_at": "2026-12-01T00:00:00Z", "url": "https://h", "fingerprint": "ab"}
        return {**order, **told}


def orders(*agents: str) -> list[dict[str, str]]:
    return [{"site": "north", "agent": agent, "serial": f"of {agent}"} for agent in agents]


def test_a_second_time_makes_claims_for_new_boxes_alone(capsys: pytest.CaptureFixture[str]) -> None:
    centre = Centre(("a", "of a", "claimed"), ("b", "of b", "enrolled"))
    batch = Batch(centre, {"by": "li", "hours": 1, "replace": False})
    rows = list(batch.claims(orders("a", "b", "c")))
    batch.tell()
    assert centre.claimed == ["c"]
    assert [row["code"] for row in rows] == [None, None, "7KQ2M"]
    assert "--replace" in rows[0]["note"] and "enrolled" in rows[1]["note"] and not rows[2]["note"]
    assert "1 claims made, 2 boxes left as they are, 0 not" in capsys.readouterr().err


def test_codes_end_only_when_told() -> None:
    centre = Centre(("a", "of a", "claimed"))
    list(Batch(centre, {"by": "li", "hours": 1, "replace": True}).claims(orders("a")))
    assert centre.claimed == ["a"]


def test_another_machine_in_its_place_is_told_and_stops_nothing() -> None:
    centre = Centre(("a", "another", "enrolled"), ("b", "another", "claimed"))
    batch = Batch(centre, {"by": "li", "hours": 1, "replace": False})
    rows = list(batch.claims(orders("a", "b", "c")))
    assert centre.claimed == ["c"] and "serial another" in rows[0]["note"]
    with pytest.raises(typer.Exit):
        batch.tell()


def test_what_was_made_is_shown_when_the_aggregator_goes_away() -> None:
    batch = Batch(Centre(away="b"), {"by": "li", "hours": 1, "replace": False})
    assert [row["code"] for row in batch.claims(orders("a", "b", "c"))] == ["7KQ2M"]
    with pytest.raises(UnavailableError, match="goes on"):
        batch.tell()
