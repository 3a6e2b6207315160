"""A network that holds its layers where ``Module.to`` does not find them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Following"]


class Following(nn.Module):
    """``model(images)``, after ``model.to`` of the images' device where that is another one.

    AnyLoc's wrapper overrides ``to`` and keeps extractor and vocabulary as plain attributes: moving a module that
    contains it moves nothing, nor freezes it.

    Args:
        model: has ``to(device)`` and ``device``.
    """

    def __init__(self, *, model: Any) -> None:
        super().__init__()
        self.__dict__["model"] = model  # no submodule: it would be found by halves

    @property
    def _model(self) -> Any:
        return self.__dict__["model"]

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return descriptors on the images' device, without gradient."""
        if torch.device(self._model.device) != images.device:
            self._model.to(images.device)
        found: Tensor = self._model(images)
        return found.to(images.device)
