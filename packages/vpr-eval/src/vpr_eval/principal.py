"""Principal axes of descriptors in float64, by the smaller of covariance and Gram matrix, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Float64 = npt.NDArray[np.float64]
    Matrix = npt.NDArray[np.floating]

__all__ = ["PrincipalAxes", "principal_axes"]

_BLOCK_VALUES = 2**24


@dataclass(frozen=True, kw_only=True, eq=False)
class PrincipalAxes:
    """The ``d`` largest axes of ``n`` descriptors.

    Attributes:
        mean: ``(D,)``.
        directions: ``(d, D)`` orthonormal rows; zero from ``rank`` on. The largest number of a row is positive.
        eigenvalues: ``(d,)`` of the covariance with ``n - 1``, descending; zero from ``rank`` on.
        rank: number of directions in which the descriptors vary, at most ``d``.
    """

    mean: Float64
    directions: Float64
    eigenvalues: Float64
    rank: int


def principal_axes(sample: Matrix, dim: int) -> PrincipalAxes:
    """Return the ``dim`` largest principal axes of ``sample (n, D)``; ``dim <= min(n - 1, D)``.

    ``n >= D``: eigenvectors of ``C = X^T X / (n - 1)`` with ``X`` centred. ``n < D``: with
    ``X X^T / (n - 1) = E L E^T`` the axes are ``U = X^T E / sqrt((n - 1) L)``: nothing of size ``D x D`` is made.
    """
    count, width = sample.shape
    mean = _mean(sample)
    dual = count < width
    square = _gram(sample, mean) if dual else _covariance(sample, mean)
    square /= count - 1
    values, vectors = np.linalg.eigh(square)
    del square
    values, vectors = values[::-1][:dim].copy(), vectors[:, ::-1][:, :dim]
    # Below this a computed eigenvalue says nothing about the descriptors: it is rounding, of the largest one or of the
    # mean that was taken off.
    eps = np.finfo(np.float64).eps
    rank = int(np.count_nonzero(values > max(count, width) * eps * (max(values[0], 0.0) + eps * (mean @ mean))))
    values[rank:] = 0.0
    directions = np.zeros((dim, width), dtype=np.float64)
    if dual:
        scaled = vectors[:, :rank] / np.sqrt((count - 1) * values[:rank])
        for columns in _parts(width, count):
            directions[:rank, columns] = scaled.T @ _centred(sample[:, columns], mean[columns])
    else:
        directions[:rank] = vectors[:, :rank].T
    _fix_signs(directions)
    return PrincipalAxes(mean=mean, directions=directions, eigenvalues=values, rank=rank)


def _parts(total: int, other: int) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // max(1, other))
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))


def _centred(block: Matrix, mean: Float64) -> Float64:
    wide = block.astype(np.float64)
    wide -= mean
    return wide


def _mean(sample: Matrix) -> Float64:
    total = np.zeros(sample.shape[1], dtype=np.float64)
    for rows in _parts(*sample.shape):
        part = sample[rows].sum(axis=0, dtype=np.float64)
        if not np.isfinite(part).all():
            bad = int(np.flatnonzero(~np.isfinite(sample[rows]).all(axis=1))[0]) + rows.start
            raise ValueError(f"descriptors: row {bad} is not finite; leave its image out, or mend the model")
        total += part
    return total / len(sample)


def _gram(sample: Matrix, mean: Float64) -> Float64:
    count, width = sample.shape
    gram = np.zeros((count, count), dtype=np.float64)
    for columns in _parts(width, count):
        block = _centred(sample[:, columns], mean[columns])
        gram += block @ block.T
    return gram


def _covariance(sample: Matrix, mean: Float64) -> Float64:
    width = sample.shape[1]
    covariance = np.zeros((width, width), dtype=np.float64)
    for rows in _parts(*sample.shape):
        block = _centred(sample[rows], mean)
        covariance += block.T @ block
    return covariance


def _fix_signs(directions: Float64) -> None:
    """Make the number of largest magnitude of each row positive: eigenvectors come with either sign."""
    largest = np.abs(directions).argmax(axis=1)
    directions[directions[np.arange(len(directions)), largest] < 0] *= -1
