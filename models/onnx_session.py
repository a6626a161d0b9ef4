"""How an ONNX model is opened: one thread, the execution providers that were asked for, errors that say what to do."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from models.runtime import onnxruntime
from shared.errors import ConfigError

CPU = ("CPUExecutionProvider",)

Session = Any
"""An `onnxruntime.InferenceSession`; the library has no types, and is not loaded for its name."""


def open_session(
    path: Path, providers: Collection[str] = CPU, key: str = "model", content: bytes | None = None
) -> Session:
    """Open a model file.

    Args:
        path: the .onnx file.
        providers: ONNX Runtime execution providers, best first.
        key: what the configuration calls this, for the errors; empty where a command asks.
        content: its bytes, where they were read and checked already.

    Raises:
        ConfigError: the file is missing or no model, or a provider is not there.
    """
    ort = onnxruntime()
    missing = [name for name in providers if name not in ort.get_available_providers()]
    if missing:
        raise ConfigError(
            f"{key + '.providers' if key else '--provider'}: {', '.join(missing)} is not in this ONNX Runtime, "
            f"which has {', '.join(ort.get_available_providers())}"
        )
    if content is None and not path.is_file():
        raise ConfigError(f"{key}.model = {str(path)!r}: no such file, expected an ONNX model")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(content or str(path), options, providers=list(providers))
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many types that share no base but this
        said = "is no ONNX model" if "INVALID_PROTOBUF" in str(error) else error
        raise ConfigError(f"{key}.model = {str(path)!r}: {said}") from None
