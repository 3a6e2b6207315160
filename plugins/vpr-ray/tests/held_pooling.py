"""A local plug-in: a mean that waits as long as a file is there, so that a test can strike in the middle of a chunk."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from pydantic import Field

from vpr_core import ComponentConfig, PoolingSpec, hookimpl


class HeldConfig(ComponentConfig):
    """Parameters of the held mean."""

    type: Literal["held_mean"] = "held_mean"
    folder: str = Field(description="It waits while there is a file `hold` in it, and says so in a file of its own.")


def hold(folder: Path) -> None:
    if not (folder / "hold").exists():
        return
    import ray

    partial = folder / f"partial-{os.getpid()}"
    partial.write_text(ray.get_runtime_context().get_node_id(), encoding="utf-8")
    partial.replace(folder / f"held-{os.getpid()}")
    while (folder / "hold").exists():
        time.sleep(0.02)


def build(config, features):
    import torch

    class HeldMean(torch.nn.Module):
        orderless = True

        def __init__(self):
            super().__init__()
            self.out_dim = features.channels

        def forward(self, maps):
            hold(Path(config.folder))
            return torch.nn.functional.normalize(maps.float().mean(dim=(2, 3)), dim=1)

    return HeldMean()


@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="held_mean", config=HeldConfig, build=build, summary="a mean that can be made to wait")
