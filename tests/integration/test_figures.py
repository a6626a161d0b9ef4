"""Figures for alarms on the installation itself: what heartbeats hold is in `/metrics`, a full disk in `check`."""

import json

import httpx

from aggregator.installation.check import _boxes_disks
from aggregator.store.database import Connection

GIB = 2**30


def put_boxes(connection: Connection) -> None:
    for agent, state, free, cameras in (
        ("well", "online", 20 * GIB, {"road": "watching", "yard": "stalled", '"odd"\n': "watching"}),
        ("full", "online", 10**6, {"gate": "watching"}),
        ("gone", "silent", 9 * GIB, {"fence": "watching"}),
        ("newer", "online", 9 * GIB, {"roof": "degraded-by-fog"}),
    ):
        health = {"disk_free_bytes": free, "waiting_bulk": 7, "at_ms": 0}
        health |= {"cameras": [{"name": name, "state": of} for name, of in cameras.items()]}
        connection.execute(
            "INSERT INTO agents (site, agent, state, last_seen_at, health) VALUES ('s', %s, %s, now(), %s)",
            (agent, state, json.dumps(health)),
        )
    connection.execute(
        "INSERT INTO devices (site, agent, serial, key, enrolled_at, renewed_at, expires_at, revoked_at)"
        " VALUES ('s', 'well', '1', '', now(), now(), now() + interval '10 days', NULL),"
        " ('s', 'gone', '2', '', now(), now(), now() + interval '10 days', now())"
    )


def test_metrics_know_cameras_disks_and_certificates(client: httpx.Client, connection: Connection) -> None:
    put_boxes(connection)
    figures = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
    cameras = {key: float(value) for key, value in figures.items() if key.startswith("hawkline_cameras{")}
    assert {key.split('"')[1]: value for key, value in cameras.items() if value} == {
        "watching": 3.0,
        "stalled": 1.0,
        "cannot_confirm": 2.0,
    }
    assert figures['hawkline_camera_watched{agent="well",camera="road",site="s"}'] == "1.0"
    assert figures['hawkline_camera_watched{agent="gone",camera="fence",site="s"}'] == "0.0"
    assert float(figures['hawkline_box_disk_free_bytes{agent="full",site="s"}']) == 10**6
    assert figures['hawkline_box_online{agent="gone",site="s"}'] == "0.0"
    assert figures['hawkline_box_waiting_events{agent="well",site="s"}'] == "7.0"
    assert 9.9 < float(figures['hawkline_box_certificate_days{agent="well",site="s"}']) <= 10
    assert 'hawkline_box_certificate_days{agent="gone",site="s"}' not in figures
    assert float(figures["hawkline_disk_free_bytes"]) > 0


def test_check_names_boxes_whose_disk_is_full(connection: Connection) -> None:
    assert _boxes_disks(connection).ok is True
    put_boxes(connection)
    found = _boxes_disks(connection)
    assert found.ok is False
    assert found.detail == "s/full has 1 MiB: make room there"
    connection.execute("DELETE FROM agents WHERE agent = 'full'")
    assert _boxes_disks(connection).ok is True
