"""The one place that loads ONNX Runtime, where a model is about to run and nowhere before.

From 1.29 on its Linux wheels look up a host of their maker at import, and keep a device id and a queue of events in the
home folder, unless a variable says no before they are loaded.
"""

import os
from types import ModuleType

SILENCE = ("ORT_DISABLE_TELEMETRY", "1")


def onnxruntime() -> ModuleType:
    """The library, made silent first: nothing of ours, and nothing below us, speaks to the outside."""
    name, value = SILENCE
    os.environ[name] = value
    import onnxruntime  # type: ignore[import-untyped]

    return onnxruntime  # type: ignore[no-any-return]
