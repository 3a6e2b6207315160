"""A local plug-in for tests: runtimes in torch, one near the network and one that is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, RuntimeSpec, hookimpl

VPR_HOOK_API = "1.1"


class NearConfig(ComponentConfig):
    """A little off, by a constant direction."""

    type: Literal["near"] = "near"
    off: float = Field(default=0.001, ge=0, description="How far.")


class Near:
    """Adds ``off`` to the first number and divides by the length."""

    name = "near"
    precision = "float16"

    def __init__(self, config: NearConfig, request: Any) -> None:
        self._off, self._request = config.off, request

    def run(self, images: Any) -> Any:
        import numpy as np
        import torch

        self._request.inputs.check(images)
        network, before = self._request.network, self._request.network.execution
        network.execution = None  # this runtime is the network's own execution
        with torch.inference_mode():
            found = network(torch.from_numpy(images)).numpy().copy()
        network.execution = before
        found[:, 0] += self._off
        return found / np.linalg.norm(found, axis=1, keepdims=True).astype(np.float32)

    def describe(self) -> Mapping[str, Any]:
        return {"name": self.name, "precision": self.precision, "version": "1", "off": self._off}


def build(config: NearConfig, request: Any) -> Near:
    return Near(config, request)


@hookimpl
def vpr_runtimes() -> Any:
    yield RuntimeSpec(name="near", config=NearConfig, build=build, summary="near the network", needs="network")
