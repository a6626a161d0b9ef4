"""The models that Hawkline ships: file, SHA-256, what goes in, how the output is read, licence."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from models.onnx_session import CPU, Session, open_session
from shared.errors import ConfigError, HawklineError

FOLDER = Path(__file__).parent


class TamperedModelError(HawklineError):
    """A model file is not the one that the registry names."""


class ModelNotBuiltError(TamperedModelError):
    """A model that is built has not been built here."""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the registry.

    Attributes:
        name: what commands and configurations call it.
        file: beside the registry.
        sha256: of the file, hexadecimal.
        input: name, type and shape of what goes in.
        decoding: how the output is read, the name of a decoder in the code.
        licence: SPDX name.
        card: the model card, beside the registry.
        calibration: numbers that belong to these weights and are read by the decoder.
        built: the file is not in the repository: `hawkline model build` makes it from a pinned package.
    """

    name: str
    file: str
    sha256: str
    input: str
    decoding: str
    licence: str
    card: str
    calibration: dict[str, float] = {}
    built: bool = False


class _Registry(msgspec.Struct, forbid_unknown_fields=True):
    models: list[Model]


@dataclass(frozen=True, slots=True)
class Registry:
    """A folder with `registry.toml` and the files that it names.

    Raises:
        ConfigError: the registry is missing or wrong.
    """

    folder: Path = FOLDER
    models: dict[str, Model] = field(init=False)

    def __post_init__(self) -> None:
        path = self.folder / "registry.toml"
        try:
            read = msgspec.toml.decode(path.read_bytes(), type=_Registry)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; models are listed there") from None
        except msgspec.DecodeError as error:  # of which wrong types are a kind
            raise ConfigError(f"{path}: {error}") from None
        object.__setattr__(self, "models", {model.name: model for model in read.models})

    def find(self, name: str) -> Model:
        """A model by its name.

        Raises:
            ConfigError: there is none.
        """
        if name not in self.models:
            raise ConfigError(f"there is no model {name!r}; the registry has {', '.join(self.models) or 'none'}")
        return self.models[name]

    def verify(self, model: Model) -> bytes:
        """The bytes of a model whose file is the one that the registry names.

        Raises:
            TamperedModelError: the file is missing, or another.
        """
        path = self.folder / model.file
        if model.built and not path.exists():
            raise ModelNotBuiltError(
                f"model {model.name} is not here: make it with hawkline model build before wheels are made, "
                "and install from those"
            )
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TamperedModelError(f"model {model.name}: {path}: {error.strerror}; install Hawkline again") from None
        found = hashlib.sha256(content).hexdigest()
        remedy = "hawkline model build" if model.built else "install Hawkline again"
        if found != model.sha256.lower():
            raise TamperedModelError(
                f"model {model.name}: {path} has SHA-256 {found}, the registry says {model.sha256}; "
                f"it was changed or damaged and is not used: {remedy}"
            )
        return content

    def open(self, name: str, providers: Collection[str] = CPU, key: str = "") -> Session:
        """A session of a verified model.

        Args:
            name: of the model.
            providers: ONNX Runtime execution providers, best first.
            key: what the configuration calls this, for errors; empty where a command asks.

        Raises:
            ConfigError: there is no such model or provider.
            TamperedModelError: the file is not the one that the registry names.
        """
        model = self.find(name)
        # What was checked is what is loaded: the file may be another a moment later.
        return open_session(self.folder / model.file, providers, key, self.verify(model))
