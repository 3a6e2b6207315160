"""The part of the contract of pooling layers that deployment rests on: what is exported is the layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from vpr_core.testing.case import Case
from vpr_core.testing.exporting import export_with_open_sizes, has_onnxruntime, in_onnxruntime
from vpr_core.testing.pooling_trial import PoolingTrial

__all__ = ["PoolingExport"]

ADVICE = (
    "Compute kernels, regions and counts from the map's size in tensor operations, not by int(), float(), min(), if or "
    "range; a layer for maps of one size says any_size = False, one that is not to be exported exports = False"
)


class PoolingExport(PoolingTrial):
    """Exports a layer with open sizes and compares it at sizes that were not exported."""

    costly: ClassVar[frozenset[str]] = frozenset({"test_exports_right_or_refuses"})

    @pytest.mark.filterwarnings("ignore")  # the exporters' own deprecations
    def test_exports_right_or_refuses(self, case: Case, tmp_path: Path) -> None:
        """Exported with open sizes it is the same layer at sizes that were not exported; or torch refuses to export it.

        By ``torch.export``, and where onnxruntime is installed by ONNX. A graph may refuse a map that has less rows or
        columns than the example; what it must never do is answer with other numbers.
        """
        layer, maps = self.layer(case), self.maps(case)
        open_maps, exports = bool(self.option(case, "any_size")), bool(self.option(case, "exports"))
        try:
            with torch.no_grad():
                program = export_with_open_sizes(layer, self.inputs(layer, maps), open_maps=open_maps)
        except Exception as error:  # noqa: BLE001  the exporters raise of many kinds
            if not exports:
                return
            case.breach(f"torch.export refuses it: {str(error).strip().splitlines()[0]} {ADVICE}")
        module = program.module()
        self.compare_export(case, layer, lambda inputs: module(*inputs), "torch.export")
        if not has_onnxruntime():
            pytest.skip("torch.export holds; onnx, onnxscript, onnxruntime are not installed, so ONNX was not tried")
        self.compare_export(case, layer, in_onnxruntime(program, tmp_path / "layer.onnx"), "onnxruntime")

    def compare_export(self, case: Case, layer: Any, run: Callable[[Sequence[Tensor]], Tensor], by: str) -> None:
        """Compare ``run`` with the layer at the exported size and at others."""
        exported = self.option(case, "map_size")
        any_size = bool(self.option(case, "any_size")) and bool(self.option(case, "exports"))
        for size in dict.fromkeys([*self.sizes(case), exported, (exported[0] + 3, exported[1] + 1), (9, 4)]):
            for batch in (1, 4):
                maps = self.maps(case, batch, size=size)
                inputs = self.inputs(layer, maps)
                title = f"exported by {by} with maps {exported}"
                try:
                    got = run(inputs)
                except Exception as error:  # noqa: BLE001  so do the runtimes
                    smaller = size[0] < exported[0] or size[1] < exported[1]
                    if smaller or (size != exported and not any_size):
                        continue
                    case.breach(f"{title} it refuses {batch} maps {size}: {error}. {ADVICE}")
                case.require(size == exported or any_size, f"{title} it must refuse maps {size}, and answers")
                wanted = self.describe(layer, maps)
                case.require(
                    got.shape == wanted.shape,
                    f"{title} it gives {tuple(got.shape)} for {batch} maps {size}, not {tuple(wanted.shape)}. {ADVICE}",
                )
                worst = float((got - wanted).abs().max())
                case.require(
                    worst < self.option(case, "tolerance"),
                    f"{title} it is off by {worst:.3g} for {batch} maps {size}. {ADVICE}",
                )
