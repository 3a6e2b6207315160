"""Published place recognition networks, whole, through their authors' torch.hub entry points.

Names are loaded when first asked for, so that a host may list the components without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_torchhub.backbone import HubBackbone
    from vpr_torchhub.finished import Finished
    from vpr_torchhub.loading import load

__all__ = ["Finished", "HubBackbone", "load"]
__version__ = "0.1.0"

_HOME = {"Finished": "finished", "HubBackbone": "backbone", "load": "loading"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_torchhub' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_torchhub.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
