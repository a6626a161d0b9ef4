"""One process looks for all cameras: a real one, with a model that finds what is bright."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from multiprocessing import Pipe
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge_agent.camera.looks.budget import LookBudget
from edge_agent.camera.looks.client import NoLookError, ServedLooker
from edge_agent.camera.looks.lookers import finder_of
from edge_agent.camera.looks.service import Ask, LookService
from edge_agent.camera.looks.supervisor import LookSupervisor
from edge_agent.config import LookSettings
from models.objects import WHOLE, Found
from models.objects.lens import Lens, Part
from shared.errors import ConfigError
from shared.objects import ObjectClass
from tests.unit.test_detect import brightest, frame

PERSON = {"3": "person"}
PERIOD_S = 20.0


def until(is_so: Callable[[], Any], what: str) -> None:
    deadline_s = time.monotonic() + PERIOD_S
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., LookSupervisor]]:
    started = []

    def start(per_second: float = 20.0, cameras: int = 2, **settings: Any) -> LookSupervisor:
        model = settings.pop("model", None) or brightest(tmp_path / "m.onnx")
        supervisor = LookSupervisor(LookSettings(per_second, model, "end_to_end", PERSON, **settings), cameras)  # type: ignore[arg-type]
        started.append(supervisor)
        supervisor.start()
        return supervisor

    yield start
    for supervisor in started:
        supervisor.stop()


def looks_of(looker: ServedLooker, count: int, *, urgent: bool = False, pause_s: float = 0.02) -> list[bool]:
    """Of so many times at which it was asked, whether there was a look."""
    made = []
    for number in range(count):
        answer = looker.ask(frame(number, 160), WHOLE, urgent=urgent)
        made.append(answer is not None and answer.exception(PERIOD_S) is None)
        time.sleep(pause_s)
    return made


def first_look(looker: ServedLooker) -> Future[Any]:
    """Ask until there is one."""
    found: list[Future[Any]] = []

    def ask() -> bool:
        answer = looker.ask(frame(1, 160), WHOLE, urgent=True)
        if answer is not None and answer.exception(PERIOD_S) is None:
            found.append(answer)
        return bool(found)

    until(ask, "no look")
    return found[0]


def test_what_is_found_comes_back_to_the_camera_that_asked(served: Callable[..., LookSupervisor]) -> None:
    supervisor = served()
    left, right = ServedLooker(supervisor.address), ServedLooker(supervisor.address)
    (thing,) = first_look(left).result().found
    assert thing.object_class is ObjectClass.PERSON
    assert (thing.left, thing.top, thing.right, thing.bottom) == pytest.approx((0.5, 0.375, 0.575, 0.75), abs=0.04)
    (other,) = first_look(right).result().found
    assert other == thing
    until(lambda: supervisor.status.looks >= 2, "the process does not tell what it did")
    assert (supervisor.status.looking, supervisor.status.why) == (True, "")
    assert 0 < supervisor.status.took_ms < 1000


def test_the_budget_is_the_boxs_and_not_the_cameras(served: Callable[..., LookSupervisor]) -> None:
    supervisor = served(4.0)
    one, other = ServedLooker(supervisor.address), ServedLooker(supervisor.address)
    first_look(one)
    time.sleep(3.5)  # three seconds' worth is saved, and no more
    began_s, made = time.monotonic(), 0
    while time.monotonic() < began_s + 2:
        made += looks_of(one, 1, pause_s=0)[0] + looks_of(other, 1, pause_s=0)[0]
    assert 12 <= made <= 12 + 4 * (time.monotonic() - began_s) + 1
    until(lambda: supervisor.status.refused, "what was refused is not told")


def test_without_an_answer_the_camera_goes_on_and_a_new_process_answers(
    served: Callable[..., LookSupervisor],
) -> None:
    supervisor = served()
    looker = ServedLooker(supervisor.address)
    first_look(looker)
    killed = supervisor.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    until(lambda: "exit code -9" in supervisor.status.why, "its end is not told")
    assert not supervisor.status.looking
    gone = looker.ask(frame(1, 160), WHOLE, urgent=True)
    assert gone is None or isinstance(gone.exception(PERIOD_S), OSError | EOFError)
    first_look(looker)
    assert supervisor.pid != killed
    until(lambda: supervisor.status.looking, "it is not told that there are looks again")


def constant(path: Path, row: list[float]) -> Path:
    """A model that always says the same."""
    rows = np.array([[row]], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["out"], value=onnx.numpy_helper.from_array(rows))],
        "constant",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, rows.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_that_cannot_be_used_is_named(served: Callable[..., LookSupervisor], tmp_path: Path) -> None:
    nan = constant(tmp_path / "nan.onnx", [float("nan")] * 6)
    wrong = constant(tmp_path / "wrong.onnx", [0.1, 0.1, 0.5, 0.5, 40.0, 1.0])
    for model, said in (
        (nan, "its output is no number at all"),
        (wrong, "scores from 40 to 40, expected 0 to 1; is it another layout?"),
        (tmp_path / "absent.onnx", "no such file, expected an ONNX model"),
    ):
        supervisor = served(model=model)
        until(lambda s=supervisor, words=said: words in s.status.why, said)  # type: ignore[misc]
        assert "model = " in supervisor.status.why
        assert not supervisor.status.looking
    few = served(1.0, cameras=2)
    until(lambda: "leaves 0.5 looks a second for each camera" in few.status.why, few.status.why)


def test_a_model_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["picture"], ["out"])],
        "half",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT16, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT16, [1, 3, 64, 64])],
    )
    path = tmp_path / "half.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ConfigError, match=r"half.onnx' as end_to_end: it cannot be run on a picture: .*float16"):
        finder_of(LookSettings(2, path, "end_to_end"))


class SlowFinder:
    """Takes so long, and remembers whose pictures it saw, by their grey."""

    lens = Lens(64, fixed=False)

    def __init__(self, takes_s: float) -> None:
        self.takes_s = takes_s
        self.saw: list[int] = []

    def find(self, part: Part) -> list[Found]:
        self.saw.append(int(part.picture[0, 0, 0]))
        time.sleep(self.takes_s)
        return []


class Service:
    """A service without a process, with cameras that are pipes."""

    def __init__(self, per_second: float, takes_s: float, cameras: int) -> None:
        self.finder, self.budget = SlowFinder(takes_s), LookBudget(per_second)
        self.told, theirs = Pipe()
        self.service = LookService(self.finder, self.budget, None, theirs)  # type: ignore[arg-type]
        self.cameras = []
        for _ in range(cameras):
            ours, its = Pipe()
            self.service._greet(its)
            assert ours.recv() == SlowFinder.lens
            self.cameras.append(ours)

    def ask(self, camera: int, *, urgent: bool = False, late_s: float = 0.0) -> None:
        part = Part(np.full((8, 8, 3), camera, np.uint8), WHOLE)
        self.cameras[camera].send(Ask(part, 1.0, urgent, time.monotonic() - late_s))

    def answered(self, camera: int) -> bool:
        """Whether there was a look for it; it has been answered."""
        assert self.cameras[camera].poll(1)
        return self.cameras[camera].recv().found is not None


def test_what_is_urgent_comes_first_then_who_has_waited_longest() -> None:
    service = Service(1e6, 0.0, 3)
    for first in (0, 1):
        service.ask(first)
        service.service.turn()
    for camera, urgent in ((0, False), (1, False), (2, True)):
        service.ask(camera, urgent=urgent)
    while len(service.finder.saw) < 5:
        service.service.turn()
    assert service.finder.saw == [0, 1, 2, 0, 1]


def test_a_late_ask_is_answered_and_not_looked_at() -> None:
    service = Service(1e6, 0.0, 2)
    service.ask(0, late_s=0.5)
    service.ask(1)
    service.service.turn()
    assert (service.answered(0), service.answered(1)) == (False, True)
    assert service.finder.saw == [1]


def test_the_budget_is_kept_while_many_ask() -> None:
    service = Service(20, 0.02, 3)
    began_s = time.monotonic()
    while time.monotonic() < began_s + 2:
        for camera, pipe in enumerate(service.cameras):
            if camera not in [service.service._cameras.index(each) for each in service.service._asked]:
                while pipe.poll():
                    pipe.recv()
                service.ask(camera, urgent=True)
        service.service.turn()
    assert len(service.finder.saw) <= 20 * (time.monotonic() - began_s) + 2


def test_a_camera_that_dies_is_forgotten_and_the_others_are_answered() -> None:
    service = Service(1e6, 0.0, 2)
    service.cameras[0].close()
    _, gone = Pipe()
    _.close()
    service.service._greet(gone)
    service.ask(1)
    for _turn in range(3):
        service.service.turn()
    assert service.answered(1)
    assert len(service.service._cameras) == 1


def test_a_camera_that_freezes_in_the_middle_of_a_word_holds_up_nobody(served: Callable[..., LookSupervisor]) -> None:
    supervisor = served()
    looker = ServedLooker(supervisor.address)
    first_look(looker)
    frozen = Client(supervisor.address, "AF_UNIX", authkey=multiprocessing.current_process().authkey)
    frozen.recv()
    os.write(frozen.fileno(), (1_000_000).to_bytes(4, "big") + b"no more than this")
    began_s = time.monotonic()
    first_look(looker)
    assert time.monotonic() - began_s < 5
    assert supervisor.status.looking
    frozen.close()


def test_a_picture_that_nobody_can_look_at_in_time_is_not_waited_for(served: Callable[..., LookSupervisor]) -> None:
    supervisor = served(2.0, cameras=1)
    looker = ServedLooker(supervisor.address)
    first_look(looker)
    while (answer := looker.ask(frame(1, 160), WHOLE, urgent=True)) is not None:  # what is saved, too
        assert answer.exception(1.0) is None or isinstance(answer.exception(), NoLookError)
    assert looker.ask(frame(2, 160), WHOLE, urgent=True) is None, "until there is one again it does not ask"
    time.sleep(0.6)
    again = looker.ask(frame(3, 160), WHOLE, urgent=True)
    assert again is not None
    assert again.exception(1.0) is None
