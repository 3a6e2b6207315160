"""numpy's numbers and arrays in a checkpoint: what projects store beside the tensors, and may be read safely."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

__all__ = ["with_numpy_values"]

_NUMBERS = (
    *(np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
    *(np.float16, np.float32, np.float64),
)


def with_numpy_values() -> AbstractContextManager[Any]:
    """Let ``torch.load(weights_only=True)`` read numpy's numbers and arrays of numbers, too.

    pytorch-NetVlad, Patch-NetVLAD and others keep recalls so (``"best_score": numpy.float64``). Making one runs no code
    of the file; arrays of objects stay refused, for their type is not among those allowed. numpy 1 and numpy 2 name
    the same functions differently.
    """
    scalar: Any
    array: Any
    scalar, array = (value.__reduce__()[0] for value in (np.float64(0), np.zeros(0)))
    functions = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (array, "_reconstruct"))
    ]
    types: list[Any] = [np.ndarray, np.dtype, *{type(np.dtype(number)) for number in _NUMBERS}]
    return torch.serialization.safe_globals([*functions, *types])
