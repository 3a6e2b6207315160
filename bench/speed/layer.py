"""The NetVLAD layer: 512 x 30 x 40 maps, 64 clusters, against the cluster loop and the full residual tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.speed import yardsticks
from bench.speed.measure import compare, peak_memory
from bench.speed.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

CHANNELS, CLUSTERS, HEIGHT, WIDTH = 512, 64, 30, 40


def _step(forward: Callable[[Tensor], Tensor], features: Tensor, target: Tensor) -> Callable[[], None]:
    """One forward and backward; the loss is a fixed projection, so that its own cost is nothing."""

    def call() -> None:
        leaf = features.detach().requires_grad_(True)
        (forward(leaf) * target).sum().backward()

    return call


def measure(*, device: str, repeats: int, batch: int = 12) -> list[Row]:
    """Forward + backward at ``batch`` images, and inference at 4."""
    from vpr_pooling import NetVLAD

    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, CHANNELS, HEIGHT, WIDTH, generator=generator).to(device)
    layer = NetVLAD(in_channels=CHANNELS, num_clusters=CLUSTERS).to(device)
    layer.init_from_features(
        torch.randn(4096, CHANNELS, generator=generator).to(device), generator=torch.Generator().manual_seed(0)
    )
    weight = layer.assignment_weight.detach().clone().requires_grad_(True)
    centroids = layer.centroids.detach().clone().requires_grad_(True)
    target = torch.randn(batch, CLUSTERS * CHANNELS, generator=generator).to(device)

    def loop(x: Tensor) -> Tensor:
        return yardsticks.netvlad_cluster_loop(x, weight, centroids)

    def full(x: Tensor) -> Tensor:
        return yardsticks.netvlad_full_residual(x, weight, centroids)

    def products(x: Tensor) -> Tensor:
        return yardsticks.unavoidable_products(x, weight)

    with torch.no_grad():
        difference = max(float((layer(features) - f(features)).abs().max()) for f in (loop, full))
    if difference > 1e-5:
        raise AssertionError(f"the formulations disagree by {difference}: timings would compare different things")
    steps = {
        "ours": _step(layer, features, target),
        "cluster loop": _step(loop, features, target),
        "full residual": _step(full, features, target),
        "limit": _step(lambda x: products(x).flatten(1), features, target),
    }
    trained = compare(steps, repeats=repeats)
    memory = {name: peak_memory(step) for name, step in steps.items()} if device == "cpu" else {}

    def inference(forward: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        def call() -> None:
            with torch.inference_mode():
                forward(features[:4])

        return call

    forward = compare(
        {
            "ours": inference(layer),
            "cluster loop": inference(loop),
            "full residual": inference(full),
            "limit": inference(products),
        },
        repeats=repeats,
    )
    what = f"NetVLAD {CHANNELS}x{HEIGHT}x{WIDTH}, K={CLUSTERS}"
    references = ("cluster loop", "full residual")
    target = "10x, 15x less memory, 1.5x of the limit"
    return [
        *(
            Row.from_comparison(
                f"{what}, forward+backward, B={batch}", trained, memory=memory, reference=name, target=target
            )
            for name in references
        ),
        *(Row.from_comparison(f"{what}, inference, B=4", forward, reference=name) for name in references),
    ]
