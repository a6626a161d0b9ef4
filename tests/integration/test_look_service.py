"""One process looks for all cameras: a real one, with a model that finds what is bright."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge_agent.camera.looks.client import NoLookError, ServedLooker
from edge_agent.camera.looks.supervisor import LookSupervisor
from edge_agent.config import LookSettings
from models.objects import WHOLE
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
    (thing,) = first_look(left).result()
    assert thing.object_class is ObjectClass.PERSON
    assert (thing.left, thing.top, thing.right, thing.bottom) == pytest.approx((0.5, 0.375, 0.575, 0.75), abs=0.04)
    (other,) = first_look(right).result()
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
        (nan, "its output holds what is no number"),
        (wrong, "scores from 40 to 40, expected 0 to 1; is it another layout?"),
        (tmp_path / "absent.onnx", "no such file, expected an ONNX model"),
    ):
        supervisor = served(model=model)
        until(lambda s=supervisor, words=said: words in s.status.why, said)  # type: ignore[misc]
        assert "model = " in supervisor.status.why
        assert not supervisor.status.looking
    few = served(3.0, cameras=2)
    until(lambda: "leaves 1.5 looks a second for each camera" in few.status.why, few.status.why)


def test_a_picture_that_nobody_can_look_at_in_time_is_not_waited_for(served: Callable[..., LookSupervisor]) -> None:
    supervisor = served(2.0, cameras=1)
    looker = ServedLooker(supervisor.address)
    first_look(looker)
    refused = looker.ask(frame(1, 160), WHOLE, urgent=True)
    assert refused is None or isinstance(refused.exception(1.0), NoLookError)
    assert looker.ask(frame(2, 160), WHOLE, urgent=True) is None, "until there is one again it does not ask"
