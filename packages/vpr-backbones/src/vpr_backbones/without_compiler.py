"""Importing torchvision without torch's compiler, which takes two seconds that most commands never use.

``torchvision.ops.roi_align``, which every import of torchvision brings in, asks ``torch._dynamo.utils`` for the one
function ``is_compile_supported``; that module imports the compiler whole (sympy, triton, inductor: two seconds and
100 MiB). No network here calls ``roi_align``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["without_compiler"]

_NAME = "torch._dynamo.utils"


class _Later(ModuleType):
    """Stands for ``torch._dynamo.utils`` while a library is imported: its function is looked up when it is called."""

    @staticmethod
    def is_compile_supported(device_type: str) -> bool:
        """Ask torch."""
        return bool(import_module(_NAME).is_compile_supported(device_type))

    def __getattr__(self, name: str) -> Any:
        # Whoever wants anything else is given the module itself, at its price. (import_module asks for ``__spec__``.)
        if name.startswith("__"):
            raise AttributeError(name)
        _step_aside(self)
        return getattr(import_module(_NAME), name)


def _step_aside(stand_in: ModuleType) -> None:
    if sys.modules.get(_NAME) is stand_in:
        del sys.modules[_NAME]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Leave torch's compiler out of what is imported in this block, as far as only ``is_compile_supported`` is wanted.

    Nothing changes where the compiler is loaded already, and it can be used as ever after the block.

    Example:
        >>> with without_compiler():
        ...     import torchvision.models
        >>> torchvision.models.get_model("alexnet", weights=None).features[0].out_channels
        64
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    stand_in = _Later(_NAME)
    sys.modules[_NAME] = stand_in
    try:
        yield
    finally:
        _step_aside(stand_in)
