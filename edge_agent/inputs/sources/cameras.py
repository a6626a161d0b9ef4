"""Alarm inputs of a camera or a recorder, by ONVIF or by its maker's own stream."""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

import httpx

from edge_agent.inputs.makers import dahua, hikvision
from edge_agent.inputs.onvif.digital_inputs import states_in
from edge_agent.inputs.onvif.pull_point import PullPoint, PullPointError
from edge_agent.inputs.sources.clearing import Clearing
from edge_agent.inputs.sources.seam import SourceError, Switched, Take, Wanted, first_line
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.wiring.settings import CameraInputs, CameraWire, SensorSettings
from shared.clock import Clock, Moment

_HIKVISION_CLEARS_S = 10.0
"""Its end is told by some cameras only; while it lasts it is told every second or two."""
_REPEATS_S = 4.0
_MOST_SAID = 4096
_SILENCE_S = 30.0
"""A maker's stream has a heartbeat every few seconds."""


class _Stream(Protocol):
    def feed(self, piece: bytes) -> list[tuple[str, bool]]: ...


class CameraAlarmInputs:
    """All inputs of one camera.

    Args:
        camera: where it is, and what it speaks.
        sensors: on its inputs.
        clock: wall and monotonic time.
    """

    def __init__(self, camera: CameraInputs, sensors: Sequence[SensorSettings], clock: Clock) -> None:
        self._camera, self._clock = camera, clock
        self._wires = {each.name: each.wire for each in sensors if isinstance(each.wire, CameraWire)}
        self.terminals: Mapping[str, str] = {name: wire.terminal for name, wire in self._wires.items()}
        self.outputs: Mapping[str, str] = {}
        self.wanted = Wanted()
        self._clearing = Clearing()
        self._told = set[str]()

    def run(self, take: Take, _switched: Switched, stopping: threading.Event) -> None:
        """Listen until `stopping`.

        Raises:
            SourceError: the camera does not answer, or refuses.
        """
        self._clearing = Clearing()
        self._told.clear()
        try:
            password = self._password()
            if self._camera.kind == "onvif":
                self._pull(password, take, stopping)
            elif self._camera.kind == "hikvision":
                self._follow(hikvision.PATH, hikvision.Stream(), password, take, stopping)
            else:
                self._follow(dahua.PATH, dahua.Stream(), password, take, stopping)
        except PullPointError as error:
            raise SourceError(f"camera {self._camera.where} {error}") from None
        except httpx.HTTPError as error:
            # Its text may hold the address with what stands in it; the kind of failure says enough.
            raise SourceError(f"camera {self._camera.where}: {type(error).__name__}") from None

    def _pull(self, password: str, take: Take, stopping: threading.Event) -> None:
        camera = self._camera
        point = PullPoint(camera.host, camera.port, camera.username, password, tls=camera.tls)
        try:
            while not stopping.is_set():
                self._hear(list(states_in(point.pull())), take)
        finally:
            point.close()

    def _follow(self, path: str, stream: _Stream, password: str, take: Take, stopping: threading.Event) -> None:
        camera = self._camera
        url = f"{'https' if camera.tls else 'http'}://{camera.host}:{camera.port}{path}"
        auth = httpx.DigestAuth(camera.username, password) if camera.username else None
        timeout = httpx.Timeout(5.0, read=_SILENCE_S)
        with (
            httpx.Client(timeout=timeout, auth=auth, verify=False, trust_env=False) as client,  # noqa: S501 - as above
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                why = "refuses the account" if answer.status_code in (401, 403) else f"answers {answer.status_code}"
                raise SourceError(f"camera {camera.where} {why}")
            if camera.kind == "dahua":
                self._ask_now(client, url.removesuffix(path), take)
            began_s = self._clock.monotonic_s()
            for piece in answer.iter_bytes():
                if stopping.is_set():
                    return
                self._hear(stream.feed(piece), take)
                if camera.kind == "hikvision" and self._clock.monotonic_s() - began_s > _REPEATS_S:
                    self._rest(take)
        if not stopping.is_set():
            raise SourceError(f"camera {camera.where} has ended its stream")

    def _hear(self, states: Sequence[tuple[str, bool]], take: Take) -> None:
        now = Moment.of(self._clock)
        for name, wire in self._wires.items():
            for number, state in states:
                if number == wire.input:
                    self._say(name, wire, state is wire.alarm, take, now)
        for name in self._clearing.over(now.s):
            take(name, Reading(Circuit.NORMAL), now)

    def _ask_now(self, client: httpx.Client, base: str, take: Take) -> None:
        """What is active as the stream begins; one that does not say it leaves its inputs unheard."""
        answer = client.get(f"{base}{dahua.NOW_PATH}")
        active = dahua.active_in(answer.text[:_MOST_SAID]) if answer.status_code == httpx.codes.OK else None
        now = Moment.of(self._clock)
        for name, wire in self._wires.items():
            if active is not None:
                self._say(name, wire, (wire.input in active) is wire.alarm, take, now)

    def _rest(self, take: Take) -> None:
        """An alarm that lasts is told every second or two: what has not been told of by now is at rest."""
        for name in self._wires.keys() - self._told:
            self._told.add(name)
            take(name, Reading(Circuit.NORMAL), Moment.of(self._clock))

    def _say(self, name: str, wire: CameraWire, is_alarm: bool, take: Take, now: Moment) -> None:
        self._told.add(name)
        clears_s = wire.clear_s or (_HIKVISION_CLEARS_S if self._camera.kind == "hikvision" else 0.0)
        self._clearing.note(name, now.s, clears_s, is_active=is_alarm)
        take(name, Reading(Circuit.ACTIVE if is_alarm else Circuit.NORMAL), now)

    def _password(self) -> str:
        file = self._camera.password_file
        return first_line(file, f"camera {self._camera.name}: password_file") if file else ""
