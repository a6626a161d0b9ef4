"""The models that are shipped: whole, or refused."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.plate import PlateReader
from models.registry import FOLDER, Model, Registry, TamperedModelError
from shared.errors import ConfigError


@pytest.fixture
def copy(tmp_path: Path) -> Registry:
    """A registry of one's own."""
    for path in (FOLDER / "registry.toml", *FOLDER.glob("*.onnx")):
        shutil.copy(path, tmp_path)
    return Registry(tmp_path)


def test_every_model_is_whole_and_has_its_card() -> None:
    registry = Registry()
    assert {"plate-detector", "plate-recogniser", "reference"} <= set(registry.models)
    for model in registry.models.values():
        if not model.built or (registry.folder / model.file).exists():
            assert registry.verify(model)
        assert "FIGURES" not in (FOLDER / model.card).read_text(encoding="utf-8"), model.card
    shipped = [registry.folder / model.file for model in registry.models.values() if not model.built]
    assert sum(path.stat().st_size for path in shipped) < 5_000_000


def test_a_changed_file_is_refused(copy: Registry) -> None:
    path = copy.folder / copy.find("plate-recogniser").file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(TamperedModelError, match=r"plate-recogniser.*SHA-256.*install Hawkline again"):
        PlateReader.shipped(registry=copy)


def test_what_was_checked_is_what_is_loaded(copy: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy.folder / copy.find("reference").file
    whole = Registry.verify

    def verify(self: Registry, model: Model) -> bytes:
        content = whole(self, model)
        path.write_bytes(b"another file by now")
        return content

    monkeypatch.setattr(Registry, "verify", verify)
    assert copy.open("reference").get_inputs()[0].name == "signal"


def test_a_missing_file_is_told(copy: Registry) -> None:
    (copy.folder / copy.find("plate-detector").file).unlink()
    with pytest.raises(TamperedModelError, match="No such file"):
        copy.open("plate-detector")


def test_a_provider_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"NoSuchProvider is not in this ONNX Runtime, which has .*CPUExecution"):
        PlateReader.shipped(["NoSuchProvider"])


def test_a_model_that_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="no model 'x'; the registry has plate-detector"):
        Registry().open("x")


@pytest.mark.parametrize(
    ("content", "says"),
    [("models = 3", "Expected `array`"), ("[[models", "registry.toml"), ('[[models]]\nname = "a"', "missing required")],
)
def test_a_wrong_registry_names_the_fault(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "registry.toml").write_text(content)
    with pytest.raises(ConfigError, match=re.escape(says)):
        Registry(tmp_path)


def test_a_folder_without_a_registry(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Registry(tmp_path)


def test_the_reader_reads_nothing_where_nothing_is() -> None:
    reader = PlateReader.shipped()
    assert reader.read(np.full((720, 1280, 3), 90, np.uint8)) == []
