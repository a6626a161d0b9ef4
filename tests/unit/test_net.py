"""Ports: two that are picked before either is listened on are two."""

from shared.net import pick_free_port


def test_no_port_is_picked_twice() -> None:
    picked = [pick_free_port() for _ in range(2_000)]
    assert len(set(picked)) == len(picked)
