"""The network compiled by ``compute.compile`` beside the same one as it is."""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path

import torch

from bench.speed.measure import Effort, compare
from bench.speed.network import REGISTRY, make_config
from bench.speed.row import Row
from vpr_runner import assemble

__all__ = ["measure"]


def measure(effort: Effort) -> list[Row]:
    """Descriptors of a batch of 8; compiling itself is left out and told in the note."""
    size = (48, 64) if effort.quick else (240, 320)
    generator = torch.Generator().manual_seed(0)
    shape = (effort.size(8, 2), 3, *size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(effort.device)
    what = f"descriptors of {len(images)} images {size[0]}x{size[1]}, compute.compile, ResNet-18 to layer3 + NetVLAD"
    with tempfile.TemporaryDirectory() as name:
        networks = {
            wanted: assemble(
                make_config(Path(name), image={"size": size}, compute={"device": effort.device, "compile": wanted}),
                REGISTRY,
            )
            .to(effort.device)
            .eval()
            for wanted in (False, True)
        }
    with torch.inference_mode():
        start = time.perf_counter()
        try:
            with torch.compiler.config.patch(force_disable_caches=not effort.quick), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*force_disable_caches")  # torch says that it obeys
                compiled = networks[True](images)
        except torch._dynamo.exc.BackendCompilerFailed as error:
            return [Row(what=what, skipped=f"no compiler here: {str(error).splitlines()[0]}")]
        first = time.perf_counter() - start
        difference = float((compiled - networks[False](images)).abs().max())
        if difference > 1e-5:
            raise AssertionError(f"the compiled network's descriptors differ by {difference}")
        comparison = compare(
            {"ours": lambda: networks[True](images), "as it is": lambda: networks[False](images)},
            repeats=effort.rounds(),
        )
    return [
        Row.from_comparison(
            what,
            comparison,
            reference="as it is",
            count=len(images),
            unit="images",
            note=f"the first call, which compiles, took {first:.0f} s; descriptors differ by {difference:.0e} at most",
        )
    ]
