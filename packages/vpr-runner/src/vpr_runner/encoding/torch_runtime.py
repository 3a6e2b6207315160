"""The runtime ``torch``: the network's own modules, as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

if TYPE_CHECKING:
    from vpr_core.runtimes import RuntimeRequest

__all__ = ["TorchRuntime"]


class TorchRuntime:
    """Runs ``request.network`` where its parameters lie; `vpr_core.runtimes.Runtime`.

    `vpr_runner.encoding` needs none of it: with ``runtime: {type: torch}`` it calls the network itself, in the
    precision that ``compute.precision`` says. This is for whoever compares runtimes with each other.
    """

    name = "torch"
    precision = "float32"

    def __init__(self, request: RuntimeRequest) -> None:
        if request.network is None:
            raise ValueError("the runtime torch needs the network itself: give a request with network=...")
        self._network: torch.nn.Module = request.network
        self._inputs = request.inputs
        tensors = [*self._network.parameters(), *self._network.buffers()]
        self._device = tensors[0].device if tensors else torch.device("cpu")

    def run(self, images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the descriptors ``(B, D)`` of ``images (B, 3, H, W)``.

        Raises:
            ValueError: another type or shape than the input contract says.
        """
        self._inputs.check(images)
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        with torch.inference_mode():
            found: npt.NDArray[np.float32] = self._network(batch).float().cpu().numpy().copy()
        return found

    def describe(self) -> Mapping[str, Any]:
        """Name, precision, version of torch, device."""
        return {
            "name": self.name,
            "precision": self.precision,
            "version": torch.__version__,
            "device": str(self._device),
        }
