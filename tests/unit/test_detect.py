"""An object detector in a file, built here: the same tracker, the same lines."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_agent.frames import Frame
from edge_agent.vision.detect import Detection
from edge_agent.vision.detect.onnx import OnnxDetector
from edge_agent.vision.pipeline import Pipeline
from edge_agent.vision.tripwire import Crossing
from provisioning.lab.edge.sequences import as_frame
from shared.errors import ConfigError
from shared.events import Direction
from shared.scene import Mask, Scene, Tripwire

SIDE = 64


def brightest(path: Path, *, columns: int = 6) -> Path:
    """A model that finds the extent of what is bright: one box, score 0.9, class 3."""

    def edge(name: str, axes: int, last: bool) -> list[onnx.NodeProto]:
        # The first place along an axis at which something is bright, or the one behind the last.
        return [
            helper.make_node("ReduceMax", ["bright", f"axes{axes}"], [f"{name}_line"], keepdims=0),
            helper.make_node("ArgMax", [f"{name}_line"], [f"{name}_at"], keepdims=1, select_last_index=int(last)),
            helper.make_node("Cast", [f"{name}_at"], [f"{name}_place"], to=TensorProto.FLOAT),
            helper.make_node("Add", [f"{name}_place", "one" if last else "none"], [name]),
        ]

    nodes = [
        helper.make_node("ReduceMax", ["picture", "axes_all"], ["grey"], keepdims=0),
        helper.make_node("Greater", ["grey", "level"], ["is_bright"]),
        helper.make_node("Cast", ["is_bright"], ["bright"], to=TensorProto.FLOAT),
        *edge("left", 0, False),
        *edge("top", 1, False),
        *edge("right", 0, True),
        *edge("bottom", 1, True),
        helper.make_node("Concat", ["left", "top", "right", "bottom", "tail"], ["row"], axis=0),
        helper.make_node("Reshape", ["row", "shape"], ["boxes"]),
    ]
    constants = {
        "axes_all": np.array([0, 1], np.int64),
        "axes0": np.array([0], np.int64),
        "axes1": np.array([1], np.int64),
        "level": np.array(0.7, np.float32),
        "none": np.zeros(1, np.float32),
        "one": np.ones(1, np.float32),
        "tail": np.array([0.9, 3.0, 0.0][: columns - 4], np.float32),
        "shape": np.array([1, 1, columns], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "brightest",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 1, columns])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def frame(number: int, x: int, y: int = 60) -> Frame:
    picture = np.full((160, 320, 3), 40, np.uint8)
    picture[y : y + 60, max(0, x) : x + 24] = 250
    return as_frame(picture, number, number / 10)


def test_boxes_are_those_of_the_picture(tmp_path: Path) -> None:
    found = OnnxDetector(brightest(tmp_path / "m.onnx")).detect(frame(1, 160))
    assert len(found) == 1
    box = found[0]
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.5, 0.375, 0.575, 0.75), abs=1 / SIDE)
    assert box.score == pytest.approx(0.9)


def test_the_same_tracker_and_line(tmp_path: Path) -> None:
    scene = Scene([Tripwire("middle", [(0.5, 0.95), (0.5, 0.3)])])
    pipeline = Pipeline(scene, OnnxDetector(brightest(tmp_path / "m.onnx")))
    found = [event for n in range(1, 40) for event in pipeline.step(frame(n, 20 + 7 * n))]
    assert [event.direction for event in found if isinstance(event, Crossing)] == [Direction.LEFT_TO_RIGHT]


def test_what_stands_on_a_mask_is_not_seen(tmp_path: Path) -> None:
    everything = Mask([(0, 0), (1, 0), (1, 1), (0, 1)])
    pipeline = Pipeline(Scene(masks=[everything]), OnnxDetector(brightest(tmp_path / "m.onnx")))
    for n in range(1, 20):
        pipeline.step(frame(n, 20 + 7 * n))
    assert pipeline.tracks == []


def test_classes_and_score_choose(tmp_path: Path) -> None:
    path = brightest(tmp_path / "m.onnx")
    assert OnnxDetector(path, classes=[3]).detect(frame(1, 100))
    assert OnnxDetector(path, classes=[1]).detect(frame(1, 100)) == []
    assert OnnxDetector(path, min_score=0.95).detect(frame(1, 100)) == []


def test_what_is_no_such_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ConfigError, match=r"detector\.model"):
        OnnxDetector(tmp_path / "text.onnx")
    with pytest.raises(ConfigError, match="no such file"):
        OnnxDetector(tmp_path / "absent.onnx")
    with pytest.raises(ConfigError, match="CPUExecutionProvider"):
        OnnxDetector(brightest(tmp_path / "m.onnx"), providers=["NoSuchProvider"])
    with pytest.raises(ConfigError, match=r"expected \(1, n, 6\)"):
        OnnxDetector(brightest(tmp_path / "wide.onnx", columns=7)).detect(frame(1, 100))


def test_detection_is_normalised() -> None:
    assert Detection(0.1, 0.2, 0.3, 0.4, 0.5).right == 0.3
