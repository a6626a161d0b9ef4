"""A model's convolutions in eight bits, by ranges that were measured once.

Which values a tensor takes shows on pictures, and pictures are not in the repository; the ranges are. So the file that
comes out is the same on every machine.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx

from models.runtime import onnxruntime
from shared.errors import ConfigError

Ranges = Mapping[str, tuple[float, float]]
"""Least and largest value of each tensor that goes into a convolution or comes out of one, by its name."""


def read_ranges(path: Path) -> Ranges:
    """Ranges of a file beside the converters."""
    return {name: (float(low), float(high)) for name, (low, high) in json.loads(path.read_text("utf-8")).items()}


def eight_bit(model: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """The same model with its convolutions in eight bits.

    Weights are scaled by channel and use seven of them: on processors without instructions of their own for it the sum
    of a pair would overflow.

    Args:
        model: in floats; all that is no convolution stays so, for scores and distances share one output.
        ranges: of its tensors.

    Raises:
        ConfigError: the library that does it is not there.
    """
    onnxruntime()  # telemetry off before anything else of it is loaded
    try:
        from onnxruntime.quantization import CalibrationMethod, QuantType  # type: ignore[import-untyped]
        from onnxruntime.quantization.calibrate import TensorData, TensorsData  # type: ignore[import-untyped]
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed, which writes the model: install hawkline[build]") from None
    told = {
        name: TensorData(lowest=np.array(low, np.float32), highest=np.array(high, np.float32))
        for name, (low, high) in ranges.items()
    }
    quantizer = QDQQuantizer(
        _unfolded(model),
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, told),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=["Conv"],
        extra_options={},
    )
    quantizer.quantize_model()
    made: onnx.ModelProto = quantizer.model.model
    return made


def _unfolded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with weights that are kept in sixteen bits and cast when it runs as floats in place."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    graph = plain.graph
    kept = {entry.name: entry for entry in graph.initializer}
    casts = [node for node in graph.node if node.op_type == "Cast" and node.input[0] in kept]
    for node in casts:
        half = kept[node.input[0]]
        floats = onnx.numpy_helper.to_array(half).astype(np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(floats, node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for entry in [entry for entry in graph.initializer if entry.name not in used]:
        graph.initializer.remove(entry)
    return plain
