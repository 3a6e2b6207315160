"""Whole networks, every pooling layer that is installed and a vision transformer: exported right, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpr_core import UsageError, build_registry
from vpr_core.config import parse_run
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.assembly import assemble

REGISTRY = build_registry()
TINY = {"type": "tiny", "width": 0.34}
DINO = {"type": "timm", "model": "vit_small_patch14_dinov2", "weights": "none", "cut": "blocks_0"}
REGISTERS = {**DINO, "model": "vit_small_patch14_reg4_dinov2"}
SMALL: dict[str, dict[str, Any]] = {
    "netvlad": {"num_clusters": 4},
    "vlad": {"num_clusters": 4},
    "salad": {"num_clusters": 4, "cluster_dim": 8, "token_dim": 0, "hidden": 16},
    "boq": {"channels": 16, "num_queries": 4, "rows": 4, "head_dim": 4},
    "convap": {"channels": 8},
    "cosplace": {"dim": 16},
    "eigenplaces": {"dim": 16},
    "crn": {"num_clusters": 4},
    "mixvpr": {"channels": 8, "rows": 2},
}
ONE_SIZE = {"mixvpr"}
"""Layers whose weights belong to locations."""
OF_WHOLE_NETWORKS = {"finished"}
"""Layers that take finished descriptors of a backbone, no map of one."""


def exported(backbone: dict[str, Any], pooling: dict[str, Any], size: list[int], folder: Path) -> Any:
    """Export a network of random weights; `export` compares it at sizes that were not exported, and raises."""
    pytest.importorskip("onnxscript", reason="needs the extra vpr-runner[onnx]")
    pytest.importorskip("onnxruntime", reason="needs the extra vpr-runner[onnx]")
    from vpr_runner.exporting.write import export

    content = {"dataset": {"type": "none"}, "backbone": backbone, "pooling": pooling, "image": {"size": size}}
    config = parse_run(json.dumps(content), REGISTRY, source="test")
    network = assemble(config, REGISTRY).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():  # nothing may rely on how a parameter starts
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    files = folder / "model.onnx", folder / "model.pt2"
    found = export(network, Architecture.of(config), REGISTRY, onnx=files[0], program=files[1])
    assert set(found.parity) == set(files)
    assert all(np.isfinite(parity.worst) and parity.worst <= 1e-4 for parity in found.parity.values())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", [spec.name for spec in REGISTRY.specs("pooling")])
def test_every_pooling_layer_as_a_whole_network(name: str, tmp_path: Path) -> None:
    pooling = {"type": name, **SMALL.get(name, {})}
    if name in OF_WHOLE_NETWORKS:
        with pytest.raises(UsageError, match="features must be finished descriptors"):
            exported(TINY, pooling, [48, 64], tmp_path)
        assert list(tmp_path.iterdir()) == []
        return
    found = exported(TINY, pooling, [48, 64], tmp_path)
    inputs = found.description.inputs
    if name in ONE_SIZE:
        assert inputs.size == (48, 64)
    else:
        assert inputs.size is None
        for parity in found.parity.values():
            assert len(set(parity.sizes) - {(48, 64)}) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "pooling"),
    [
        (DINO, {"type": "salad", "num_clusters": 4, "cluster_dim": 8, "token_dim": 8, "hidden": 16}),
        (DINO, {"type": "netvlad", "num_clusters": 4}),
        (REGISTERS, {"type": "salad", "num_clusters": 4, "cluster_dim": 8, "token_dim": 8, "hidden": 16}),
        (REGISTERS, {"type": "boq", "channels": 16, "num_queries": 4, "rows": 4, "head_dim": 4}),
    ],
    ids=lambda block: block.get("model") or block["type"],
)
def test_a_vision_transformer_as_a_whole_network(
    backbone: dict[str, Any], pooling: dict[str, Any], tmp_path: Path
) -> None:
    if pooling["type"] not in {spec.name for spec in REGISTRY.specs("pooling")}:
        pytest.skip(f"the layer {pooling['type']} is a plug-in that is not installed")
    found = exported(backbone, pooling, [112, 140], tmp_path)
    inputs = found.description.inputs
    assert (inputs.size, inputs.multiple_of) == (None, 14)
    for parity in found.parity.values():
        assert len(set(parity.sizes) - {(112, 140)}) >= 3  # multiples of the patch: some sizes fall together
        assert all(height % 14 == width % 14 == 0 for height, width in parity.sizes)
