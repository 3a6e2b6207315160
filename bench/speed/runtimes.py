"""What executes a network: each runtime that is here beside torch in float32, network alone and whole extraction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.speed.measure import Effort, compare
from bench.speed.network import REGISTRY, images_below, make_config
from bench.speed.row import Row
from vpr_core.cpu import cpu_features
from vpr_runner import assemble, extract
from vpr_runner.encoding.execution import execution_of
from vpr_runner.network.architecture import Architecture

if TYPE_CHECKING:
    from vpr_data import ImageSet

__all__ = ["CONTESTANTS", "contestants", "measure"]

CONTESTANTS: dict[str, dict[str, Any]] = {
    "torch bfloat16": {"precision": "bfloat16"},
    "onnxruntime float32": {"runtime": {"type": "onnxruntime"}},
    "onnxruntime int8": {"runtime": {"type": "onnxruntime", "precision": "int8"}},
    "openvino float32": {"runtime": {"type": "openvino", "precision": "float32"}},
    "openvino bfloat16": {"runtime": {"type": "openvino", "precision": "bfloat16"}},
    "openvino int8": {"runtime": {"type": "openvino", "precision": "int8"}},
}
"""Block ``compute`` of each, beside torch in float32."""


def contestants() -> dict[str, dict[str, Any]]:
    """Return those that this machine has: plug-ins that are installed, precisions that the processor computes in."""
    installed = {spec.name for spec in REGISTRY.specs("runtime")}
    fast = bool({"avx512_bf16", "amx_bf16"} & set(cpu_features()))
    return {
        name: block
        for name, block in CONTESTANTS.items()
        if block.get("runtime", {}).get("type", "torch") in installed and (fast or "bfloat16" not in name)
    }


def measure(effort: Effort) -> list[Row]:
    """ResNet-18 to layer3 with NetVLAD at 480x640: batches of 4 in memory, and JPEG files to chunk files."""
    if effort.device != "cpu":
        return []
    size, count = ((48, 64), 4) if effort.quick else ((480, 640), 24)
    features = " ".join(cpu_features())
    rows = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        images = images_below(root / "images", count, size=size)
        config = make_config(root, image={"size": size}, compute={"device": "cpu", "batch": 4})
        retriever = assemble(config, REGISTRY).eval()
        held = torch.randint(0, 256, (4, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        held = held.contiguous(memory_format=torch.channels_last)
        for label, block in contestants().items():
            other = make_config(root, image={"size": size}, compute={"device": "cpu", "batch": 4, **block})
            execution = execution_of(retriever, Architecture.of(other), REGISTRY, compute=other.compute, images=images)
            cosine = (
                "" if execution is None or execution.cosine is None else f"smallest cosine {execution.cosine[0]:.6f}; "
            )

            def by_torch(autocast: bool = False) -> None:
                with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                    retriever(held)

            call = (lambda: by_torch(True)) if execution is None else (lambda run=execution: run(held))
            network = compare({"ours": call, "torch float32": by_torch}, repeats=effort.rounds())
            folders = iter(range(10**6))

            def whole(of: ImageSet, how: Any) -> None:
                extract(
                    retriever,
                    of,
                    output=root / f"{label}-{next(folders)}",  # noqa: B023  used in this turn only
                    config=how,
                    progress=False,
                    registry=REGISTRY,
                )

            from_files = compare(
                {"ours": lambda how=other: whole(images, how), "torch float32": lambda: whole(images, config)},
                repeats=effort.rounds(0.6),
            )
            for what, comparison, many in (
                (f"network alone, 4 images {size[0]}x{size[1]}, ResNet-18 to layer3 + NetVLAD, {label}", network, 4),
                (f"extraction of {count} JPEG {size[0]}x{size[1]}, the same, {label}", from_files, count),
            ):
                rows.append(
                    Row.from_comparison(
                        what,
                        comparison,
                        reference="torch float32",
                        count=many,
                        unit="images",
                        note=f"{cosine}processor with {features}",
                    )
                )
    return rows
