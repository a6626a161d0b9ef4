"""The reference graph: a fixed piece of arithmetic that other times are told beside. Its figure stands for a machine.

Example:
    python -m models.training.reference --out models/reference.onnx
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_CHANNELS, _LAYERS = 32, 6


def build() -> onnx.ModelProto:
    """Six convolutions of 32 channels on 64 by 64: 226 million multiplications, no bytes of weights."""
    shape = numpy_helper.from_array(np.array([_CHANNELS, _CHANNELS, 3, 3], np.int64), "shape")
    value = numpy_helper.from_array(np.array([0.003], np.float32))
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["weight"], value=value)]
    before = "signal"
    for layer in range(_LAYERS):
        after = f"layer{layer}"
        nodes.append(helper.make_node("Conv", [before, "weight"], [f"{after}_sum"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"{after}_sum"], [after]))
        before = after
    sides = [1, _CHANNELS, 64, 64]
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info(before, TensorProto.FLOAT, sides)],
        [shape],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--out", type=Path, required=True)
    onnx.save(build(), str(ask.parse_args().out))


if __name__ == "__main__":
    main()
