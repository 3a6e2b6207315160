"""NetVLAD's settings: number of clusters, alpha, assignment, normalisation inside."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bench.choices.lab import Lab, Row, timed
from bench.choices.networks import pooled
from vpr_pooling import VLAD, NetVLAD
from vpr_pooling.functional import l2_normalize

CLUSTERS = (8, 16, 32, 128)
ALPHAS = (3.0, 10.0, 30.0, 100.0, 300.0)


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows against 64 clusters, alpha by the published rule, soft assignment, intra-normalisation."""
    plain = lab.fitted.netvlad()
    rule = float(plain.assignment_weight.detach().norm(dim=1).mean())
    layers: dict[str, nn.Module] = {f"K = {k}": lab.fitted.netvlad(clusters=k) for k in CLUSTERS}
    layers |= {f"alpha = {alpha:g}": _like(plain, alpha=alpha) for alpha in ALPHAS}
    layers["no intra-normalisation"] = _like(plain, intra_normalize=False)
    hard = VLAD(in_channels=plain.in_channels, num_clusters=plain.num_clusters)
    hard.centroids.copy_(plain.centroids.detach())
    layers["hard assignment (VLAD)"] = hard.eval()
    second = NetVLAD(in_channels=plain.in_channels, num_clusters=plain.num_clusters, form="v2").eval()
    second.init_from_centroids(plain.centroids.detach(), features=lab.fitted.sampled())
    layers["form v2, with bias"] = second
    some = lab.maps[1][:16]
    for name, layer in layers.items():
        spent = timed({"plain": lambda: pooled(plain, some), "other": lambda each=layer: pooled(each, some)}, each=16)
        found = pooled(layer, lab.maps[0]), pooled(layer, lab.maps[1])
        more = {"ms": spent["other"], "plain_ms": spent["plain"], "of": "pooling", "rule_alpha": round(rule, 2)}
        yield lab.row(name, "both", "NetVLAD", found, comparable="K" not in name, **more)


@torch.no_grad()
def _like(plain: NetVLAD, *, alpha: float | None = None, intra_normalize: bool = True) -> NetVLAD:
    other = NetVLAD(
        in_channels=plain.in_channels, num_clusters=plain.num_clusters, intra_normalize=intra_normalize
    ).eval()
    other.load_state_dict(plain.state_dict())
    if alpha is not None:
        other.assignment_weight.copy_(alpha * l2_normalize(plain.centroids, dim=1))
    return other
