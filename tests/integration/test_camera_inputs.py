"""Alarm inputs of cameras: by ONVIF, by Hikvision's and by Dahua's stream, with the habits that users reported."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.inputs.makers import dahua, hikvision
from edge_agent.inputs.onvif.digital_inputs import states_in
from edge_agent.inputs.sources.cameras import CameraAlarmInputs
from edge_agent.intrusion.reading import Circuit
from edge_agent.wiring.settings import CameraInputs, CameraWire
from shared.clock import SystemClock
from tests.acceptance.site import await_true
from tests.integration.test_inputs import running, sensor
from tests.simulators.camera_events import PASSWORD, USER, Camera

N, A, M = Circuit.NORMAL, Circuit.ACTIVE, Circuit.MISSING


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., CameraAlarmInputs]:
    def build(camera: Camera, password: str = PASSWORD, **wire: object) -> CameraAlarmInputs:
        file = tmp_path / "password"
        file.write_text(password + "\n")
        settings = CameraInputs(
            name="mast",
            kind=camera.kind,
            host="127.0.0.1",
            port=camera.port,
            username=USER,
            password_file=file,  # type: ignore[arg-type]
        )
        wires = [
            sensor("door", CameraWire(device="mast", input="1", **wire)),  # type: ignore[arg-type]
            sensor("lid", CameraWire(device="mast", input="2", **wire)),  # type: ignore[arg-type]
        ]
        return CameraAlarmInputs(settings, wires, SystemClock())

    return build


def test_onvif_tells_what_is_and_what_changes_and_comes_back_behind_a_restart(
    source: Callable[..., CameraAlarmInputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.inputs.onvif.pull_point._RENEW_S", 0.3)
    camera = Camera("onvif")
    camera.inputs = {"1": False, "2": True}
    camera.refuses_renew = True
    with running(source(camera)) as heard:
        assert heard.await_("door", M).startswith("mast input 1: camera mast (127.0.0.1:")
        with camera.serving():
            heard.await_("door", N, 20)
            heard.await_("lid", A)
            camera.set("1", True)
            heard.await_("door", A)
            await_true("it is asked to renew", lambda: camera.renewed == 1)
            time.sleep(1)
            assert camera.renewed == 1, "what it refuses is not asked for again"
            camera.forget()  # and it was closed meanwhile: nobody told of it
            camera.inputs["1"] = False
            heard.await_("door", N)
            camera.set("2", False)
            heard.await_("lid", N)
        heard.await_("door", M, 20)
        with camera.serving():
            heard.await_("door", N, 30)
    assert camera.renewed == 1, "what it refuses is not asked for again"
    assert camera.unsubscribed == 0, "that would end those of others, too"


def test_onvif_with_a_wrong_password_says_so_and_not_which(source: Callable[..., CameraAlarmInputs]) -> None:
    settings = source(Camera("onvif"))._camera
    with Camera("onvif").serving() as camera:
        unknown = CameraInputs(name="mast", kind="onvif", host="127.0.0.1", port=camera.port)
        wires = [sensor("door", CameraWire(device="mast"))]
        with running(CameraAlarmInputs(unknown, wires, SystemClock())) as heard:
            said = heard.await_("door", M)
    assert "refuses the account" in said
    assert PASSWORD not in said
    assert settings.username == USER


def test_dahua_tells_what_is_active_at_the_beginning(source: Callable[..., CameraAlarmInputs]) -> None:
    camera = Camera("dahua")
    camera.inputs = {"1": False, "2": True}
    with camera.serving(), running(source(camera)) as heard:
        heard.await_("door", N)
        heard.await_("lid", A)
        camera.set("1", True)
        heard.await_("door", A)
        camera.set("2", False)
        heard.await_("lid", N)
        camera.forget()
        assert heard.await_("door", M).endswith("has ended its stream")
        heard.await_("door", A, 20)


def test_hikvision_says_no_end_and_repeats_itself(
    source: Callable[..., CameraAlarmInputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.inputs.sources.cameras._REPEATS_S", 1.0)
    camera = Camera("hikvision")
    camera.inputs = {"2": True}
    with camera.serving(), running(source(camera, clear_s=1.0)) as heard:
        heard.await_("lid", A)
        heard.await_("door", N)
        camera.set("1", True)
        heard.await_("door", A)
        camera.inputs["1"] = False
        heard.await_("door", N)
        assert heard.readings["lid"].circuit is A, "it is told again while it lasts"


def test_a_wrong_password_of_a_makers_stream(source: Callable[..., CameraAlarmInputs]) -> None:
    with Camera("dahua").serving() as camera, running(source(camera, password="wrong one")) as heard:
        said = heard.await_("door", M)
    assert said.endswith("refuses the account")
    assert "wrong one" not in said


def test_streams_in_pieces_and_rubbish_between() -> None:
    stream, told = dahua.Stream(), list[tuple[str, bool]]()
    whole = b"--x\r\nHeartbeat\r\nCode=AlarmLocal;action=Start;index=3\r\nCode=VideoMotion;action=Start;index=3\r\n"
    for byte in whole * 2:
        told += stream.feed(bytes([byte]))
    assert told == [("4", True)] * 2
    assert dahua.active_in("channels[0]=0\r\nchannels[1]=4\r\n") == {"1", "5"}
    assert dahua.active_in("Error: No Events") == set()
    assert dahua.active_in("<html>not found</html>") is None
    alert = (
        b'<EventNotificationAlert xmlns="urn:x"><eventType>IO</eventType><eventState>active</eventState>'
        b"<inputIOPortID>2</inputIOPortID></EventNotificationAlert>"
    )
    parts = hikvision.Stream()
    told = []
    for piece in (
        b"\xff\xd8 a picture",
        alert[:40],
        alert[40:],
        alert.replace(b"IO<", b"videoloss<"),
        b"<EventNo",
        alert,
    ):
        told += parts.feed(piece)
    assert told == [("2", True)] * 2
    bomb = b'<EventNotificationAlert><!DOCTYPE x [<!ENTITY a "aa">]>&a;</EventNotificationAlert>'
    assert hikvision.Stream().feed(bomb) == []
    endless = hikvision.Stream()
    for _ in range(100):
        endless.feed(b"x" * 10_000)
    assert len(endless._left) <= 256 * 1024


def test_topics_of_makers_and_what_is_no_input() -> None:
    def message(
        topic: str, operation: str = "Changed", token: str = "InputToken", state: str = "true"
    ) -> dict[str, object]:
        data = {"LogicalState": state}
        return {"topic": topic, "property_operation": operation, "source": {token: "AI_1"}, "data": data}

    told = states_in([
        message("tns1:Device/Trigger/DigitalInput"),
        message("tns1:Device/Trigger/tnshik:AlarmIn", token="AlarmInToken", state="0"),
        message("tns1:Device/Trigger/Relay"),
        message("tns1:Device/Trigger/DigitalInput", "Deleted"),
        message("tns1:Device/Trigger/DigitalInput", state="perhaps"),
        {"topic": "tns1:Device/Trigger/DigitalInput", "source": None, "data": {}},
        {},
    ])  # fmt: skip
    assert list(told) == [("AI_1", True), ("AI_1", False)]
