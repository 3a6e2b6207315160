"""Optimal transport between locations and clusters with a dustbin, in the log domain."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["dustbin_assignment"]


def dustbin_assignment(scores: Tensor, dustbin: Tensor, *, iterations: int = 3) -> Tensor:
    """Return how much of each location goes to each cluster, by Sinkhorn's iterations in the log domain.

    The matrix ``M`` is ``scores`` with one more row, the dustbin, whose entries are all ``dustbin``. Each of the ``m``
    clusters is to receive a mass of 1, the dustbin ``n - m``, and each of the ``n`` locations gives 1:

    ``u_k = log a_k - logsumexp_n(M_kn + v_n)``, ``v_n = -logsumexp_k(M_kn + u_k)``, from ``v = 0``, and
    ``P = exp(M + u + v)``.

    (With masses that sum to one, as the authors write it, everything is ``m + n`` times less, and they multiply by
    that.) ``u`` comes first and takes up whatever is constant along a row, so neither a cluster's bias nor the
    dustbin's score changes ``P``.

    Args:
        scores: ``(B, m, n)``, ``n > m``.
        dustbin: one number.
        iterations: 1 or more.

    Returns:
        ``(B, m, n)`` without the dustbin; each location's weights sum to at most 1.

    Raises:
        ValueError: no more locations than clusters.
    """
    batch, clusters, locations = scores.shape
    if locations <= clusters:
        raise ValueError(
            f"features has {locations} locations, transport to {clusters} clusters needs more of them: lower "
            "num_clusters or enlarge the images"
        )
    bins = dustbin.to(scores.dtype).expand(batch, 1, locations)
    m = torch.cat((scores, bins), dim=1)
    # Not float(locations - clusters): an exported graph would keep the number of locations of its example.
    rest = scores.new_full((1, 1), locations - clusters).log()
    mass = torch.cat((scores.new_zeros(1, clusters), rest), dim=1)
    v = torch.zeros_like(m[:, 0])
    u = mass
    for _ in range(iterations):
        u = mass - torch.logsumexp(m + v.unsqueeze(1), dim=2)
        v = -torch.logsumexp(m + u.unsqueeze(2), dim=1)
    return (m + u.unsqueeze(2) + v.unsqueeze(1))[:, :-1].exp()
