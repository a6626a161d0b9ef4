"""A graph model of TensorFlow.js, a `.json` with its `.bin`, as ONNX.

Only what a convolutional detector consists of is known; another operation is an error with its name. TensorFlow keeps
channels last and ONNX keeps them second, and a graph that came to TensorFlow from ONNX turns every picture there and
back. Here no picture is turned: each value keeps in mind how its axes are ordered, until an operation needs an order.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared.errors import ConfigError

Array = NDArray[Any]
Axes = tuple[int, ...]

_OPSET = 17
_SMALL = 64
_IR = 10
_TYPES = {"float32": np.float32, "int32": np.int32}
_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor of the ONNX graph; TensorFlow's has axis i where this one has `axes[i]`."""

    name: str
    axes: Axes | None = None
    """None: as in TensorFlow, whatever their number."""
    side: int | None = None
    """Height and width of the picture, where the graph was made for a certain one."""


_Known = _Value | Array
"""What an operation yields: a tensor of the graph, or a constant."""


class TfjsModel:
    """Nodes and weights of a graph model.

    Args:
        topology: the content of the `.json`.
        weights: the content of the `.bin`, all shards one after the other.

    Raises:
        ConfigError: they are no graph model, or do not belong together.
    """

    def __init__(self, topology: bytes, weights: bytes) -> None:
        try:
            read = json.loads(topology)
            self.nodes: list[dict[str, Any]] = read["modelTopology"]["node"]
            entries = [entry for group in read["weightsManifest"] for entry in group["weights"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"this is no graph model of TensorFlow.js: {error!r}") from None
        self.constants = _weights(entries, weights)
        """Value of each constant, by the name of its node."""

    def node(self, name: str) -> dict[str, Any]:
        """The node of that name; ConfigError when there is none."""
        for node in self.nodes:
            if node["name"] == name:
                return node
        raise ConfigError(f"the graph has no node {name!r}")


def _weights(entries: list[dict[str, Any]], content: bytes) -> dict[str, Array]:
    found, at = {}, 0
    for entry in entries:
        kept = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if kept not in ("float32", "float16", "int32") or entry["dtype"] not in _TYPES:
            raise ConfigError(f"weights {entry['name']!r}: {kept} is not read; float32, float16 and int32 are")
        kind = np.dtype(kept).newbyteorder("<")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if at + count * kind.itemsize > len(content):
            raise ConfigError(f"weights {entry['name']!r}: the file ends before them")
        values = np.frombuffer(content, kind, count, at).astype(_TYPES[entry["dtype"]])
        found[entry["name"]] = values.reshape(entry["shape"])
        at += count * kind.itemsize
    if at != len(content):
        raise ConfigError(f"the weights have {at} bytes by the graph, {len(content)} in the file")
    return found


class OnnxGraph:
    """Collects the ONNX graph while the nodes of a model are gone through.

    Args:
        model: where nodes come from.
        inputs: by the name of a node, the tensor that takes its place and the side of the square picture in it.
    """

    def __init__(self, model: TfjsModel, inputs: Mapping[str, tuple[str, int]]) -> None:
        self._model = model
        self._done: dict[str, tuple[_Known, ...]] = {
            name: (_Value(tensor, None, side),) for name, (tensor, side) in inputs.items()
        }
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def value(self, reference: str) -> str:
        """The ONNX tensor of a node's output, its axes as in TensorFlow; with all that leads to it."""
        self._reach(reference.split(":")[0])
        return self._in_order(self._known(reference))

    def add(self, operation: str, *inputs: str | Array, outputs: int = 1, **attributes: Any) -> list[str]:
        """One more node; its inputs are tensors or constants. Names of what it yields."""
        self._count += 1
        names = [f"v{self._count}" if outputs == 1 else f"v{self._count}_{i}" for i in range(outputs)]
        given = [entry if isinstance(entry, str) else self._constant(entry) for entry in inputs]
        self._nodes.append(helper.make_node(operation, given, names, **attributes))
        return names

    def finished(
        self, inputs: Mapping[str, list[int | str]], outputs: Mapping[str, tuple[str, list[int | str]]]
    ) -> onnx.ModelProto:
        """The model.

        Args:
            inputs: shape of each.
            outputs: the tensor that each is, and its shape.
        """
        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph = helper.make_graph(
            self._nodes,
            "converted",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, (_, shape) in outputs.items()],
            list(self._initializers.values()),
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="hawkline")
        made.ir_version = _IR
        onnx.checker.check_model(made, full_check=True)
        return made

    def _constant(self, values: Array) -> str:
        kept = np.ascontiguousarray(values)
        if kept.dtype == np.int32:
            kept = kept.astype(np.int64)
        name = f"c{len(self._initializers)}"
        halved = kept.astype(np.float16) if kept.size > _SMALL and kept.dtype == np.float32 else kept
        if halved is kept or not np.array_equal(halved, kept):
            self._initializers[name] = numpy_helper.from_array(kept, name)
            return name
        # What was kept in 16 bits is kept in 16 bits: the file is half as large, and the runtime widens it once.
        self._initializers[name] = numpy_helper.from_array(halved, name)
        return self.add("Cast", name, to=TensorProto.FLOAT)[0]

    def _reach(self, wanted: str) -> None:
        """Convert a node and, before it, those it needs; without recursion, for graphs are hundreds of nodes deep."""
        waiting = [wanted]
        while waiting:
            node = self._model.node(waiting[-1])
            missing = [name for name in _needed(node) if name not in self._done]
            if node["name"] in self._done or not missing:
                waiting.pop()
            if node["name"] not in self._done and not missing:
                self._done[node["name"]] = self._convert(node)
            waiting += missing

    def _known(self, reference: str) -> _Known:
        name, _, output = reference.partition(":")
        return self._done[name][int(output or 0)]

    def _convert(self, node: dict[str, Any]) -> tuple[_Known, ...]:
        operation = node["op"]
        if operation == "Const":
            return (self._model.constants[node["name"]],)
        if operation not in _CONVERTERS:
            raise ConfigError(f"node {node['name']!r}: operation {operation} is not known to the converter")
        inputs = [self._known(reference) for reference in node.get("input", []) if not reference.startswith("^")]
        return _CONVERTERS[operation](self, node.get("attr", {}), inputs)

    def _in_order(self, value: _Known, axes: Axes | None = None) -> str:
        """The tensor with TensorFlow's axes in this order."""
        if not isinstance(value, _Value):
            return self._constant(value if axes is None else value.transpose(axes))
        wanted = axes or (tuple(range(len(value.axes))) if value.axes else None)
        have = value.axes or (tuple(range(len(wanted))) if wanted else None)
        if wanted is None or have is None:
            return value.name
        turn = tuple(have[axis] for axis in wanted)
        if turn == tuple(range(len(turn))):
            return value.name
        return self.add("Transpose", value.name, perm=turn)[0]

    # One method an operation: attributes and inputs in, what it yields out.

    def _same_axes(self, operation: str, **attributes: Any) -> Callable[..., tuple[_Known, ...]]:
        def convert(inputs: list[_Known]) -> tuple[_Known, ...]:
            value = _computed(inputs[0])
            return (replace(value, name=self.add(operation, value.name, **attributes)[0]),)

        return convert

    def _leaky_relu(self, attributes: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        return self._same_axes("LeakyRelu", alpha=float(attributes["alpha"]["f"]))(inputs)

    def _sigmoid(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        return self._same_axes("Sigmoid")(inputs)

    def _identity(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        return (inputs[0],)

    def _sum(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        first, second = inputs
        if not isinstance(first, _Value):
            first, second = second, first
        if not isinstance(first, _Value):
            return (first + _fixed(second),)
        if isinstance(second, _Value):
            other = self._in_order(second, _inverse(first.axes))
            return (replace(first, name=self.add("Add", first.name, other)[0]),)
        if first.axes is not None and second.ndim:
            second = second.reshape((1,) * (len(first.axes) - second.ndim) + second.shape)
            second = second.transpose(_inverse(first.axes) or ())
        return (replace(first, name=self.add("Add", first.name, second)[0]),)

    def _transpose(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        value, turn = inputs[0], tuple(_fixed(inputs[1]).tolist())
        if not isinstance(value, _Value):
            return (value.transpose(turn),)
        have = value.axes or tuple(range(len(turn)))
        return (replace(value, axes=tuple(have[axis] for axis in turn)),)

    def _convolution(self, attributes: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        kernel = _fixed(inputs[1])  # height, width, inputs of a group, outputs
        made = self.add(
            "Conv",
            self._in_order(inputs[0], _TO_FIRST),
            kernel.transpose(3, 2, 0, 1),
            strides=_two(attributes["strides"]),
            dilations=_two(attributes["dilations"]),
            auto_pad=_padding(attributes),
        )
        reach = (len(kernel) - 1) * _two(attributes["dilations"])[0] + 1
        return (_Value(made[0], _TO_LAST, _side_after(inputs[0], reach, attributes)),)

    def _largest(self, attributes: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        made = self.add(
            "MaxPool",
            self._in_order(inputs[0], _TO_FIRST),
            kernel_shape=_two(attributes["ksize"]),
            strides=_two(attributes["strides"]),
            auto_pad=_padding(attributes),
        )
        return (_Value(made[0], _TO_LAST, _side_after(inputs[0], _two(attributes["ksize"])[0], attributes)),)

    def _pad(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        value, pads = _computed(inputs[0]), _fixed(inputs[1])
        turned = pads[list(_inverse(value.axes) or range(len(pads)))]
        fill = np.float32(_fixed(inputs[2]).item() if len(inputs) > 2 else 0)
        made = self.add("Pad", value.name, turned.T.reshape(-1).astype(np.int64), np.array(fill))
        return (_Value(made[0], value.axes, value.side and value.side + int(pads.sum(axis=1).max())),)

    def _concatenation(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        *parts, axis = inputs
        first = _computed(parts[0])
        names = [self._in_order(part, _inverse(first.axes)) for part in parts]
        at = int(_fixed(axis))
        made = self.add("Concat", *names, axis=first.axes[at] if first.axes else at)
        return (replace(first, name=made[0]),)

    def _split(self, _: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        value, sizes, at = inputs[0], _fixed(inputs[1]), int(_fixed(inputs[2]))
        if not isinstance(value, _Value):
            return tuple(np.split(value, np.cumsum(sizes)[:-1], axis=at))
        axis = value.axes[at] if value.axes else at
        made = self.add("Split", value.name, sizes.astype(np.int64), outputs=len(sizes), axis=axis)
        return tuple(replace(value, name=name) for name in made)

    def _resize(self, attributes: dict[str, Any], inputs: list[_Known]) -> tuple[_Known, ...]:
        """By the factor that the graph's own size gives, so that pictures of other sizes may go in."""
        if not attributes.get("half_pixel_centers", {}).get("b"):
            raise ConfigError("ResizeBilinear without half_pixel_centers is not known to the converter")
        value = _computed(inputs[0])
        if value.side is None:
            raise ConfigError("ResizeBilinear of what is no picture is not known to the converter")
        side = int(_fixed(inputs[1])[0])
        scales = np.array([1, 1, side / value.side, side / value.side], np.float32)
        made = self.add(
            "Resize",
            self._in_order(value, _TO_FIRST),
            np.array([], np.float32),
            scales,
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return (_Value(made[0], _TO_LAST, side),)


def _needed(node: dict[str, Any]) -> list[str]:
    return [reference.split(":")[0] for reference in node.get("input", []) if not reference.startswith("^")]


def _fixed(value: _Known) -> Array:
    if isinstance(value, _Value):
        raise ConfigError(f"{value.name} would have to be a constant")
    return value


def _computed(value: _Known) -> _Value:
    if not isinstance(value, _Value):
        raise ConfigError("an operation on nothing but constants is not known to the converter")
    return value


def _inverse(axes: Axes | None) -> Axes | None:
    return None if axes is None else tuple(axes.index(axis) for axis in range(len(axes)))


def _two(attribute: dict[str, Any]) -> list[int]:
    """Height and width of an attribute that has them between batch and channels."""
    return [int(entry) for entry in attribute["list"]["i"][1:3]]


def _padding(attributes: dict[str, Any]) -> str:
    return {"VALID": "VALID", "SAME": "SAME_UPPER"}[base64.b64decode(attributes["padding"]["s"]).decode()]


def _side_after(value: _Known, reach: int, attributes: dict[str, Any]) -> int | None:
    """Of the picture, after a kernel of `reach` pixels went over it."""
    if not isinstance(value, _Value) or value.side is None:
        return None
    stride = _two(attributes["strides"])[0]
    return -(-value.side // stride) if _padding(attributes) == "SAME_UPPER" else (value.side - reach) // stride + 1


_CONVERTERS: dict[str, Callable[[OnnxGraph, dict[str, Any], list[_Known]], tuple[_Known, ...]]] = {
    "Add": OnnxGraph._sum,
    "AddV2": OnnxGraph._sum,
    "ConcatV2": OnnxGraph._concatenation,
    "Conv2D": OnnxGraph._convolution,
    "Identity": OnnxGraph._identity,
    "LeakyRelu": OnnxGraph._leaky_relu,
    "MaxPool": OnnxGraph._largest,
    "Pad": OnnxGraph._pad,
    "PadV2": OnnxGraph._pad,
    "ResizeBilinear": OnnxGraph._resize,
    "Sigmoid": OnnxGraph._sigmoid,
    "SplitV": OnnxGraph._split,
    "Transpose": OnnxGraph._transpose,
}
