"""From a package to an ONNX file: a small graph of TensorFlow.js whose outcome is computed here as well."""

import base64
import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest

from models.conversion import build as building
from models.conversion.package import PackageError
from models.conversion.tensorflow_js import OnnxGraph, TfjsModel
from models.onnx_session import open_session
from models.registry import Registry, TamperedModelError
from shared.errors import ConfigError

SIDE = 8


def node(name: str, operation: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": operation, "input": list(inputs), "attr": attributes}


def text(value: str) -> dict[str, str]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def graph() -> tuple[bytes, bytes]:
    """Picture, channels second → padded, convolved by 3 × 3 in steps of 2, biased, leaky; doubled again in size."""
    rng = np.random.default_rng(3)
    constants: dict[str, tuple[np.ndarray, str]] = {
        "pads": (np.array([[0, 0], [0, 0], [1, 1], [1, 1]], np.int32), "int32"),
        "last": (np.array([0, 2, 3, 1], np.int32), "int32"),
        "first": (np.array([0, 3, 1, 2], np.int32), "int32"),
        "kernel": (rng.normal(size=(3, 3, 3, 8)).astype(np.float16), "float16"),
        "bias": (rng.normal(size=8).astype(np.float32), "float32"),
        "size": (np.array([SIDE, SIDE], np.int32), "int32"),
    }
    nodes = [
        *(node(name, "Const") for name in constants),
        node("input", "Placeholder"),
        node("padded", "Pad", "input", "pads"),
        node("turned", "Transpose", "padded", "last"),
        node(
            "convolved", "Conv2D", "turned", "kernel", strides=numbers(1, 2, 2, 1), dilations=numbers(1, 1, 1, 1),
            padding=text("VALID"),
        ),
        node("biased", "AddV2", "convolved", "bias"),
        node("back", "Transpose", "biased", "first"),
        node("leaky", "LeakyRelu", "back", alpha={"f": 0.1}),
        node("turned_again", "Transpose", "leaky", "last"),
        node("doubled", "ResizeBilinear", "turned_again", "size", half_pixel_centers={"b": True}),
        node("strange", "Einsum", "doubled"),
    ]  # fmt: skip
    weights = [
        {"name": name, "shape": list(values.shape), "dtype": "int32" if kind == "int32" else "float32"}
        | ({"quantization": {"dtype": kind}} if kind == "float16" else {})
        for name, (values, kind) in constants.items()
    ]
    topology = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["x.bin"], "weights": weights}]}
    return json.dumps(topology).encode(), b"".join(values.tobytes() for values, _ in constants.values())


def converted(name: str, path: Path) -> Path:
    made = OnnxGraph(TfjsModel(*graph()), {"input": ("picture", SIDE)})
    shape: list[int | str] = ["n", 3, "height", "width"]
    content = made.finished({"picture": shape}, {"out": (made.value(name), ["n", "a", "b", "c"])})
    path.write_bytes(content.SerializeToString())
    return path


def computed(picture: np.ndarray) -> np.ndarray:
    """The same by hand, channels last, up to what is leaky."""
    model = TfjsModel(*graph())
    kernel, bias = model.constants["kernel"], model.constants["bias"]
    padded = np.pad(picture[0], ((0, 0), (1, 1), (1, 1)))
    side = picture.shape[2] // 2
    out = np.zeros((side, side, 8), np.float32)
    for row in range(side):
        for column in range(side):
            part = padded[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            out[row, column] = np.einsum("chw,hwco->o", part, kernel) + bias
    return np.where(out > 0, out, 0.1 * out)


@pytest.mark.parametrize("side", [SIDE, 3 * SIDE])
def test_it_computes_the_same_for_pictures_of_any_size(tmp_path: Path, side: int) -> None:
    picture = np.random.default_rng(1).normal(size=(1, 3, side, side)).astype(np.float32)
    leaky = open_session(converted("leaky", tmp_path / "leaky.onnx")).run(None, {"picture": picture})[0]
    assert leaky[0].transpose(1, 2, 0) == pytest.approx(computed(picture), abs=1e-4)
    doubled = open_session(converted("doubled", tmp_path / "doubled.onnx")).run(None, {"picture": picture})[0]
    assert doubled.shape == (1, side, side, 8)
    assert doubled[0, 0, 0] == pytest.approx(computed(picture)[0, 0], abs=1e-4)


def test_pictures_are_not_turned_there_and_back(tmp_path: Path) -> None:
    model = onnx.load(converted("leaky", tmp_path / "leaky.onnx"))
    assert [node.op_type for node in model.graph.node if node.op_type == "Transpose"] == []
    kept = {entry.data_type for entry in model.graph.initializer if np.prod(entry.dims) > 64}
    assert kept == {onnx.TensorProto.FLOAT16}


def test_what_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'strange': operation Einsum is not known"):
        converted("strange", tmp_path / "x.onnx")
    with pytest.raises(ConfigError, match="no node 'absent'"):
        converted("absent", tmp_path / "x.onnx")


def test_weights_that_do_not_belong_to_it_are_refused() -> None:
    topology, weights = graph()
    with pytest.raises(ConfigError, match="ends before"):
        TfjsModel(topology, weights[:-8])
    with pytest.raises(ConfigError, match="by the graph"):
        TfjsModel(topology, weights + b"1234")
    with pytest.raises(ConfigError, match=r"no graph model of TensorFlow\.js"):
        TfjsModel(b"{}", weights)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Registry]:
    """A package with one file, pinned as the origin of the object model; and a registry that wants what is in it."""
    archive, registry = tmp_path / "package.tgz", Registry()
    with tarfile.open(archive, "w:gz") as made:
        entry = tarfile.TarInfo("package/model.bin")
        entry.size = 5
        made.addfile(entry, io.BytesIO(b"model"))
    digest = hashlib.sha512(archive.read_bytes()).digest()
    pinned = f"sha512-{base64.b64encode(digest).decode()}"
    origin = building.Origin("p", "1", pinned, ("package/model.bin",), lambda content: content.upper())
    monkeypatch.setitem(building.ORIGINS, "objects", origin)
    sha256 = hashlib.sha256(b"MODEL").hexdigest()
    registry.models["objects"] = msgspec.structs.replace(registry.find("objects"), sha256=sha256)
    object.__setattr__(registry, "folder", tmp_path)
    return archive, registry


def test_a_package_becomes_the_file_that_the_registry_names(package: tuple[Path, Registry]) -> None:
    archive, registry = package
    path = building.build("objects", registry, archive)
    assert path.read_bytes() == b"MODEL"
    assert registry.verify(registry.find("objects")) == b"MODEL"


def test_another_package_is_not_opened(package: tuple[Path, Registry]) -> None:
    archive, registry = package
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(PackageError, match=r"expected sha512-.*nothing was taken out of it"):
        building.build("objects", registry, archive)
    with pytest.raises(TamperedModelError, match="is not here: make it with hawkline model build before"):
        registry.verify(registry.find("objects"))


def test_another_outcome_is_not_kept(package: tuple[Path, Registry], monkeypatch: pytest.MonkeyPatch) -> None:
    archive, registry = package
    other = replace(building.ORIGINS["objects"], convert=lambda content: content)
    monkeypatch.setitem(building.ORIGINS, "objects", other)
    with pytest.raises(TamperedModelError, match=r"requirements/model\.txt"):
        building.build("objects", registry, archive)
    assert not (registry.folder / registry.find("objects").file).exists()


def test_what_is_shipped_is_not_built() -> None:
    with pytest.raises(ConfigError, match="'reference' is shipped, there is nothing to build"):
        building.build("reference", Registry())
