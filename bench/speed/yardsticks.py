"""How the field does it, written from the published descriptions; yardsticks only, never imported by a package.

The loop over clusters of the common PyTorch ports, the full residual tensor of others, a nearest-neighbour structure
built per query inside the data loader, a descriptor cache in HDF5, and the per-query Python loop that counts recall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor


def netvlad_cluster_loop(features: Tensor, weight: Tensor, centroids: Tensor) -> Tensor:
    """NetVLAD by one residual tensor ``(B, C, N)`` per cluster; autograd keeps every one of them."""
    batch, channels = features.shape[:2]
    x = F.normalize(features, dim=1).flatten(2)
    assignment = torch.softmax(torch.einsum("kc,bcn->bkn", weight, x), dim=1)
    vlad = x.new_zeros(batch, len(centroids), channels)
    for k in range(len(centroids)):
        residual = x - centroids[k].view(1, channels, 1)
        vlad[:, k] = (residual * assignment[:, k : k + 1]).sum(dim=2)
    return F.normalize(F.normalize(vlad, dim=2).flatten(1), dim=1)


def netvlad_full_residual(features: Tensor, weight: Tensor, centroids: Tensor) -> Tensor:
    """NetVLAD by the whole ``(B, K, C, N)`` residual tensor."""
    x = F.normalize(features, dim=1).flatten(2)
    assignment = torch.softmax(torch.einsum("kc,bcn->bkn", weight, x), dim=1)
    residual = x.unsqueeze(1) - centroids.view(1, *centroids.shape, 1)
    vlad = (residual * assignment.unsqueeze(2)).sum(dim=3)
    return F.normalize(F.normalize(vlad, dim=2).flatten(1), dim=1)


def unavoidable_products(features: Tensor, weight: Tensor) -> Tensor:
    """The two matrix products that NetVLAD cannot do without: scores, and assignment-weighted sums."""
    x = features.flatten(2)
    return torch.matmul(torch.matmul(weight, x), x.transpose(1, 2))


def hardest_negatives_per_query(
    queries: np.ndarray, database: np.ndarray, candidates: Sequence[np.ndarray], count: int
) -> list[np.ndarray]:
    """Copy each query's candidate rows, build a flat index over them, ask it for the nearest."""
    import faiss

    chosen = []
    for query, rows in zip(queries, candidates, strict=True):
        index = faiss.IndexFlatL2(database.shape[1])
        index.add(np.ascontiguousarray(database[rows], dtype=np.float32))
        _, nearest = index.search(query[None], count)
        chosen.append(rows[nearest[0]])
    return chosen


def distances_from_hdf5(
    descriptors: np.ndarray, path: Path, queries: np.ndarray, rows: np.ndarray, *, batch: int
) -> np.ndarray:
    """Rewrite a descriptor cache in HDF5, then read each query's rows by index (sorted, as h5py demands)."""
    import h5py

    with h5py.File(path, "w") as file:
        data = file.create_dataset("features", descriptors.shape, dtype=np.float32)
        for start in range(0, len(descriptors), batch):
            data[start : start + batch] = descriptors[start : start + batch]
    squared = np.empty(rows.shape, dtype=np.float32)
    with h5py.File(path, "r") as file:
        for query, wanted, row in zip(queries, rows, squared, strict=True):
            read = file["features"][wanted]
            row[:] = query @ query + np.einsum("nd,nd->n", read, read) - 2 * (read @ query)
    return squared


def recall_python_loop(ranked: np.ndarray, positives: Sequence[np.ndarray], at: Sequence[int]) -> list[float]:
    """Count hits query by query, N by N, with ``isin`` on the list of positives."""
    hits = np.zeros(len(at))
    for query, row in enumerate(ranked):
        for i, n in enumerate(at):
            if np.any(np.isin(row[:n], positives[query])):
                hits[i:] += 1
                break
    return list(hits / len(ranked))
