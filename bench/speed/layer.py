"""The NetVLAD layer: 512 x 30 x 40 maps, 64 clusters, against the cluster loop and the full residual tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from bench.speed import yardsticks
from bench.speed.measure import Effort, compare, peak_memory
from bench.speed.row import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["measure"]


def _step(forward: Callable[[Tensor], Tensor], features: Tensor, target: Tensor) -> Callable[[], None]:
    """One forward and backward; the loss is a fixed projection, so that its own cost is nothing."""

    def call() -> None:
        leaf = features.detach().requires_grad_(True)
        (forward(leaf) * target).sum().backward()

    return call


def measure(effort: Effort) -> list[Row]:
    """Forward + backward at 12 images, and inference at 4."""
    from vpr_pooling import NetVLAD

    device, batch = effort.device, effort.size(12, 4)
    channels, clusters = effort.size(512, 16), effort.size(64, 8)
    height, width = effort.size(30, 6), effort.size(40, 5)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, channels, height, width, generator=generator).to(device)
    layer = NetVLAD(in_channels=channels, num_clusters=clusters).to(device)
    layer.init_from_features(
        torch.randn(4096, channels, generator=generator).to(device), generator=torch.Generator().manual_seed(0)
    )
    weight = layer.assignment_weight.detach().clone().requires_grad_(True)
    centroids = layer.centroids.detach().clone().requires_grad_(True)
    target = torch.randn(batch, clusters * channels, generator=generator).to(device)

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
    trained = compare(steps, repeats=effort.rounds())
    memory = {name: peak_memory(step, device=device) for name, step in steps.items()}

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
        repeats=effort.rounds(),
    )
    what = f"NetVLAD {channels}x{height}x{width}, K={clusters}"
    references = ("cluster loop", "full residual")
    target = "10x, 15x less memory, 67 % of the limit"
    limit = "the bare matrix products"
    return [
        *(
            Row.from_comparison(
                f"{what}, forward+backward, B={batch}",
                trained,
                memory=memory,
                reference=name,
                target=target,
                limit=limit,
            )
            for name in references
        ),
        *(Row.from_comparison(f"{what}, inference, B=4", forward, reference=name, limit=limit) for name in references),
    ]
