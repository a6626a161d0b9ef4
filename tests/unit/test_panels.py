"""Alarm panels: what they say becomes the states of sensors, which add up, are restored, and fall silent."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.config import PanelAccount, PanelPartition, PanelsSettings, PanelZone, load_agent_settings
from edge_agent.inputs.dc09 import message as dc09
from edge_agent.inputs.dc09.contents import Said, said_in
from edge_agent.inputs.dc09.message import Message
from edge_agent.inputs.panels import Panel, Panels, keys_of
from edge_agent.intrusion.plan import Mode
from shared.clock import SystemClock
from shared.errors import ConfigError
from shared.events import SensorChanged, SensorState
from shared.net import pick_free_port
from tests.acceptance.site import await_true

ZONES = (PanelZone("005", "back-door", "door", 1), PanelZone("A", "hall", "infrared", 3))
ACCOUNT = PanelAccount("shop", "1234", None, 60, ZONES)
N, A, T, F, S = SensorState.NORMAL, SensorState.ALARM, SensorState.TAMPER, SensorState.FAULT, SensorState.SILENT
States = list[tuple[str, str, SensorState, int]]


def said(content: str) -> tuple[Said, ...]:
    return said_in(Message("ADM-CID", "0001", "0", "0", "1234", content))


def told(panel: Panel, content: str, now_s: float = 100.0) -> States:
    events = panel.hear(said(content), now_s, 5, is_poll=content == "")
    return [(each.sensor, each.what, each.state, each.priority) for each in events]


@pytest.fixture
def panel() -> Panel:
    """One that has reported."""
    panel = Panel(ACCOUNT)
    panel.begin(0.0)
    assert told(panel, "", 1.0) == [("shop", "panel", N, 2)], "its first message says that it is there"
    return panel


def test_zones_have_the_names_and_priorities_of_the_configuration(panel: Panel) -> None:
    assert told(panel, "1130 01 005") == [("shop/back-door", "door", A, 1)]
    assert told(panel, "3130 01 005") == [("shop/back-door", "door", N, 1)]
    assert told(panel, "1130 01 00A") == [("shop/hall", "infrared", A, 3)]
    assert told(panel, "1130 01 077") == [("shop/zone 77", "zone", A, 2)]
    assert told(panel, "1110 01 00A") == [("shop/hall", "fire", A, 1)], "what it says itself counts more"
    assert told(panel, "1121 01 000") == [("shop", "duress", A, 1)]


def test_what_is_the_matter_adds_up_and_a_restore_takes_what_it_names(panel: Panel) -> None:
    states = [
        ("1130 01 005", A), ("1137 01 005", A), ("1380 01 005", A), ("3130 01 005", T), ("1381 01 005", T),
        ("3137 01 005", F), ("3380 01 005", S), ("3381 01 005", N), ("1570 01 005", F), ("3570 01 005", N),
        ("3130 01 005", N),
    ]  # fmt: skip
    assert [told(panel, content)[0][2] for content, _ in states] == [state for _, state in states]


def test_the_panel_and_its_partitions_are_sensors_themselves(panel: Panel) -> None:
    assert told(panel, "1301 00 000") == [("shop", "panel", F, 2)]
    assert told(panel, "3301 00 000") == [("shop", "panel", N, 2)]
    (event,) = panel.hear(said("1401 02 007"), 100.0, 5, is_poll=False)
    assert (event.sensor, event.state, event.detail) == ("shop/partition 2", N, "disarmed by 7, code 401")
    (event,) = panel.hear(said("3401 02 007"), 100.0, 5, is_poll=False)
    assert event.detail == "armed by 7, code 401"
    (event,) = panel.hear(said("1900 00 001"), 100.0, 5, is_poll=False)
    assert (event.sensor, event.state, event.detail) == ("shop", N, "other, code 900, zone 1")
    (event,) = panel.hear((), 100.0, 5, is_poll=False)
    assert event.detail == "sent what is not understood"


def test_a_panel_that_does_not_poll_is_silent_until_it_reports(panel: Panel) -> None:
    assert panel.silent(1.0 + 124.9, 5) is None
    silent = panel.silent(1.0 + 125.0, 5)
    assert silent
    assert (silent.sensor, silent.state, silent.detail) == ("shop", S, "has not reported for 125 s")
    assert panel.silent(1.0 + 900.0, 5) is None, "once"
    assert told(panel, "1130 01 005", 1000.0) == [("shop", "panel", N, 2), ("shop/back-door", "door", A, 1)]
    never = Panel(ACCOUNT)
    never.begin(0.0)
    assert never.silent(130.0, 5), "nor does one that never reported"
    calm = Panel(PanelAccount("shop", "1234"))
    calm.begin(0.0)
    assert calm.silent(1e9, 5) is None, "nobody said that it polls"


class Card:
    """Takes events, and has them when it is told to."""

    def __init__(self) -> None:
        self.events, self._kept, self.works = list[SensorChanged](), list[Callable[[], None]](), True

    def append(self, event: SensorChanged, kept: Callable[[], None]) -> None:
        self.events.append(event)
        if self.works:
            kept()
        else:
            self._kept.append(kept)


def sent(port: int, *frames: bytes, timeout_s: float = 10.0) -> list[bytes]:
    """The answers to frames on one connection; those of frames that are not answered are missing."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        answers = list[bytes]()
        for frame in frames:
            connection.sendall(frame)
            connection.settimeout(timeout_s)
            try:
                answers.append(connection.recv(2000))
            except TimeoutError:
                continue
        return answers


def alarm(number: int) -> bytes:
    return dc09.encode(Message("ADM-CID", f"{number:04d}", "0", "0", "1234", "1130 01 005"))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_told_by_each_panel_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind
) -> None:
    monkeypatch.setattr("edge_agent.inputs.panels._AGAIN_S", 0.2)
    card, port = Card(), pick_free_port()
    settings = PanelsSettings([ACCOUNT], "127.0.0.1", port)
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        panels = Panels(settings, keys_of(settings), card.append, SystemClock())
        thread = threading.Thread(target=panels.run)
        thread.start()
        threading.Event().wait(1.5)
        assert panels.port == 0
        (unheard,) = card.events
        assert (unheard.sensor, unheard.state) == ("shop", F), "once, and not as if all were well"
        assert "cannot hear it" in unheard.detail
    await_true("the port is free", lambda: panels.port == port)
    answers = sent(port, alarm(1), alarm(1), alarm(2))
    assert [b'"ACK"' in answer for answer in answers] == [True] * 3
    told = [(each.sensor, each.state) for each in card.events[1:]]
    assert told == [("shop", N), ("shop", N), ("shop/back-door", A), ("shop/back-door", A)]
    panels.stop()
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(OSError, match="refused"):
        sent(port, alarm(3))


def test_a_panel_hears_of_an_alarm_only_once_the_card_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.inputs.dc09.receiver._KEPT_S", 0.3)
    card = Card()
    settings = PanelsSettings([ACCOUNT], "127.0.0.1", pick_free_port())
    panels = Panels(settings, keys_of(settings), card.append, SystemClock())
    thread = threading.Thread(target=panels.run)
    thread.start()
    await_true("it listens", lambda: panels.port != 0)
    card.works = False
    assert sent(panels.port, alarm(1), timeout_s=1.0) == []
    assert len(card.events) == 2, "it rings all the same"
    for kept in card._kept:
        kept()
    assert [b'"ACK"' in answer for answer in sent(panels.port, alarm(1))] == [True]
    assert len(card.events) == 2, "once"
    panels.stop()
    thread.join(10)


AGENT = """site = "s"
agent = "a"
data_dir = "d"
[[cameras]]
name = "c"
scene = "scene.toml"
source = { kind = "synthetic", scene = "fence" }
[[panels.accounts]]
name = "shop"
account = "1234"
"""


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('zones = [{ zone = "5", name = "a" }, { zone = "005", name = "b" }]', "two have the same zone"),
        ('zones = [{ zone = "5", name = "a" }, { zone = "6", name = "a" }]', "two have the same name"),
        ('zones = [{ zone = "x", name = "a" }]', "zone"),
        ('[[panels.accounts]]\nname = "shop"\naccount = "9"', "two have the same name"),
        ('[[panels.accounts]]\nname = "other"\naccount = "1234"', "two have the same account"),
        ("poll_s = -1", "poll_s"),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused(tmp_path: Path, more: str, words: str) -> None:
    (tmp_path / "scene.toml").write_text("")
    config = tmp_path / "agent.toml"
    config.write_text(AGENT + more)
    with pytest.raises(ConfigError, match=words):
        load_agent_settings(config)


def test_keys_are_read_from_files_beside_the_configuration_and_never_told(tmp_path: Path) -> None:
    (tmp_path / "scene.toml").write_text("")
    config, key = tmp_path / "agent.toml", tmp_path / "shop.key"
    config.write_text(AGENT + 'key_file = "shop.key"')
    settings, _ = load_agent_settings(config)
    assert settings.panels
    for text, expected in (("A" * 16, b"A" * 16), ("41" * 24 + "\n", b"A" * 24), ("B" * 64, bytes.fromhex("B" * 64))):
        key.write_text(text)
        assert keys_of(settings.panels) == {"1234": expected}
    for text in ("secret", "", "41" * 15):
        key.write_text(text)
        with pytest.raises(ConfigError, match="a key has 16, 24 or 32") as refused:
            keys_of(settings.panels)
        assert not text or text not in str(refused.value)
    key.unlink()
    with pytest.raises(ConfigError, match="key_file"):
        keys_of(settings.panels)


def test_a_receiver_is_not_needed_to_be_told_of_nothing() -> None:
    settings = PanelsSettings([ACCOUNT], "127.0.0.1", pick_free_port())
    panels = Panels(settings, keys_of(settings), Card().append, SystemClock())
    panels.stop()
    asyncio.run(asyncio.wait_for(panels._run(), 5))


def test_a_panel_arms_a_partition_of_the_box_and_disarms_it_under_its_key_only() -> None:
    own = PanelPartition(number="02", partition="house", mode=Mode.NIGHT)
    panel = Panel(PanelAccount(name="shop", account="1234", partitions=(own,)))

    def orders(content: str, *, is_proven: bool) -> list[tuple[str, str, str, bool]]:
        found = panel.orders(said(content), is_proven)
        return [(order.partition, order.deed.value, order.by, order.may_disarm) for order in found]

    assert orders("3401 02 007", is_proven=False) == [("house", "night", "shop user 7", False)]
    assert orders("1401 02 007", is_proven=True) == [("house", "disarm", "shop user 7", True)]
    assert orders("1401 01 007", is_proven=True) == [], "another partition of the panel arms nothing here"
    assert orders("1130 02 005", is_proven=True) == []
