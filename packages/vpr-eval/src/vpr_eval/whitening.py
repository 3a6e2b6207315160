"""PCA whitening of descriptors."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_eval.principal import principal_axes
from vpr_eval.whitening_file import read_whitening, write_whitening

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Float64 = npt.NDArray[np.float64]

__all__ = ["Whitening", "shorten"]

_LOG = logging.getLogger(__name__)

FEW = "recall@1 -73.0 to +4.5 points against no whitening"
"""Said where few images are whitened to many numbers; measured, docs/choices.md of the toolkit."""
_ENOUGH = 2
"""Images for each number that is kept, from which on nothing is said."""
EPSILON = 1e-9
"""Added to each eigenvalue, as the authors' code does."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """``y = L2(W x + b)`` with ``W = diag((lambda + 1e-9)^-p) U^T`` and ``b = -W mu``.

    ``mu`` is the mean of the sample, ``lambda`` the largest eigenvalues of its covariance (divided by ``n - 1``) and
    ``U (D, d)`` their eigenvectors. ``p = 1/2`` whitens, ``p = 0`` is plain PCA, in between is power whitening.

    Sources: Jegou and Chum, "Negative evidences and co-occurences in image retrieval", ECCV 2012; NetVLAD (Arandjelovic
    et al., 2016, arXiv 1511.07247), section 5; power: Gordo et al., 2017, arXiv 1610.07940.

    Attributes:
        weight: ``W (d, D)`` float32.
        bias: ``b (d,)`` float32.
        mean: ``mu (D,)`` float64.
        eigenvalues: ``lambda (d,)`` float64, descending.
        power: ``p``.
        samples: ``n``, the number of descriptors it was fitted on.
        fingerprint: names the model whose descriptors it is for; None when nobody said.
    """

    weight: Float32
    bias: Float32
    mean: Float64
    eigenvalues: Float64
    power: float = 0.5
    samples: int
    fingerprint: str | None = None

    @property
    def in_dim(self) -> int:
        """``D``."""
        return int(self.weight.shape[1])

    @property
    def out_dim(self) -> int:
        """``d``."""
        return int(self.weight.shape[0])

    @classmethod
    def fit(
        cls,
        descriptors: npt.NDArray[np.floating],
        *,
        dim: int,
        power: float = 0.5,
        limit: int = 10_000,
        seed: int = 0,
        fingerprint: str | None = None,
    ) -> Whitening:
        """Fit on at most ``limit`` of ``descriptors (n, D)``, in float64 whatever their type.

        When ``n < D`` the ``n x n`` Gram matrix is decomposed instead of the ``D x D`` covariance; the result is the
        same. Memory beside the descriptors: about ``32 min(n, D)^2 + 12 d D`` bytes; a map is read in parts.

        Args:
            descriptors: ``(n, D)``, of database images of the *training* set.
            dim: ``d``, at most ``min(n - 1, D)``.
            power: ``p``.
            limit: more descriptors than that are sampled down, by ``seed``.
            seed: of that sample.
            fingerprint: of the model that made the descriptors.

        Raises:
            ValueError: shape, numbers or ``dim`` are out of range; the message says which.

        Warns:
            UserWarning: the descriptors span fewer than ``dim`` directions; the outputs beyond are zero.

        A warning is logged where it whitens from fewer images than dimensions, and fewer than two for each that is
        kept: the smallest of those eigenvalues are noise, and whitening makes it as loud as the rest.
        """
        sample = _sample(descriptors, limit=limit, seed=seed)
        count, width = sample.shape
        if not 1 <= dim <= min(count - 1, width):
            raise ValueError(
                f"dim: must be from 1 to min(n - 1, D) = {min(count - 1, width)} with n = {count} descriptors of "
                f"D = {width}, got {dim}; give more descriptors or ask for fewer dimensions"
            )
        if not 0 <= power <= 1:
            raise ValueError(f"power: must be from 0 (plain PCA) to 1, got {power}; whitening is 0.5")
        axes = principal_axes(sample, dim)
        if axes.rank < dim:
            warnings.warn(
                f"descriptors: span only {axes.rank} directions (duplicates?), dim is {dim}; outputs beyond are zero",
                stacklevel=2,
            )
        if power > 0 and count < width and count < _ENOUGH * dim:
            _LOG.warning(
                "whitening from %d descriptors of %d numbers to %d: fewer images than dimensions, and fewer than %d "
                "for each number that is kept. Where a map was whitened by itself to all of its n - 1 directions: %s "
                "(docs/choices.md); give more images, or keep fewer numbers",
                count, width, dim, _ENOUGH, FEW,
            )  # fmt: skip
        weight = axes.directions  # directions beyond the rank are zero, and stay so
        weight *= ((axes.eigenvalues + EPSILON) ** -power)[:, None]
        rounded = weight.astype(np.float32)
        return cls(
            weight=rounded,
            bias=-(rounded @ axes.mean).astype(np.float32),
            mean=axes.mean,
            eigenvalues=axes.eigenvalues,
            power=float(power),
            samples=count,
            fingerprint=fingerprint,
        )

    def transform(self, descriptors: npt.NDArray[np.floating]) -> Float32:
        """Return ``L2(W x + b)``, ``(N, D) -> (N, d)`` float32; a zero vector stays zero."""
        if descriptors.ndim != 2 or descriptors.shape[1] != self.in_dim:
            raise ValueError(
                f"descriptors: shape {descriptors.shape}, must be (N, {self.in_dim}), the dimension it was fitted on"
            )
        return _unit(descriptors.astype(np.float32, copy=False) @ self.weight.T + self.bias)

    def truncated(self, dim: int) -> Whitening:
        """Return the whitening to the first ``dim`` outputs: equal to `shorten` of this one's."""
        _check_shorter(dim, self.out_dim)
        return Whitening(
            weight=self.weight[:dim].copy(),
            bias=self.bias[:dim].copy(),
            mean=self.mean,
            eigenvalues=self.eigenvalues[:dim].copy(),
            power=self.power,
            samples=self.samples,
            fingerprint=self.fingerprint,
        )

    def save(self, path: Path) -> None:
        """Write a safetensors file, atomically: ``weight``, ``bias``, ``mean``, ``eigenvalues``, metadata, SHA-256."""
        about = {"power": self.power, "samples": self.samples, "fingerprint": self.fingerprint}
        tensors: dict[str, Any] = {
            "weight": self.weight,
            "bias": self.bias,
            "mean": self.mean,
            "eigenvalues": self.eigenvalues,
        }
        write_whitening(Path(path), tensors, about)

    @classmethod
    def load(cls, path: Path, *, fingerprint: str | None = None) -> Whitening:
        """Read what `save` wrote.

        Args:
            path: the file.
            fingerprint: of the model whose descriptors it is to whiten; None does not compare.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, is something else, or was fitted on descriptors of another model.
        """
        tensors, about = read_whitening(Path(path))
        theirs = about["fingerprint"]
        if fingerprint is not None and theirs is not None and theirs != fingerprint:
            raise ValueError(
                f"path: {path} was fitted on descriptors of model {theirs!r}, these come from model {fingerprint!r}; "
                "fit it anew"
            )
        return cls(**_narrowed(tensors), power=about["power"], samples=about["samples"], fingerprint=theirs)


def shorten(descriptors: npt.NDArray[np.floating], dim: int) -> Float32:
    """Return the first ``dim`` numbers of whitened descriptors, L2-normalised again, ``(N, D) -> (N, dim)``.

    Right for whitened descriptors only: their first numbers belong to the largest eigenvalues.
    """
    if descriptors.ndim != 2:
        raise ValueError(f"descriptors: shape {descriptors.shape}, must be (N, D)")
    _check_shorter(dim, descriptors.shape[1])
    return _unit(descriptors[:, :dim].astype(np.float32))


def _narrowed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: tensors[name] for name in ("weight", "bias", "mean", "eigenvalues")}


def _check_shorter(dim: int, longest: int) -> None:
    if not 1 <= dim <= longest:
        raise ValueError(f"dim: must be from 1 to {longest}, got {dim}")


def _unit(rows: Float32) -> Float32:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), dtype=np.float32)


def _sample(descriptors: npt.NDArray[np.floating], *, limit: int, seed: int) -> npt.NDArray[np.floating]:
    if descriptors.ndim != 2 or descriptors.dtype.kind != "f":
        raise ValueError(
            f"descriptors: must be floating-point (n, D), got {descriptors.dtype} of shape {descriptors.shape}"
        )
    if limit < 2:
        raise ValueError(f"limit: must be at least 2, got {limit}")
    if len(descriptors) <= limit:
        return descriptors
    chosen = np.random.default_rng(seed).choice(len(descriptors), size=limit, replace=False)
    return descriptors[np.sort(chosen)]
