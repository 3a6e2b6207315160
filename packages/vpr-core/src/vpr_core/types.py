"""What crosses a border between packages, as structural types.

A leaf never imports this module at run time: its classes satisfy these protocols by shape alone. ``B`` images, ``C``
channels, ``h, w`` map size, ``D`` descriptor dimension, ``Q`` queries, ``N`` database images, ``T`` tuples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import Generator, Tensor

    Int64Array = npt.NDArray[np.int64]
    Float64Array = npt.NDArray[np.float64]
    Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """What a backbone hands to a pooling layer.

    Attributes:
        channels: ``C``, the number of channels of the feature map.
        stride: input pixels per step of the feature map.
        map_size: ``(h, w)`` when the run fixes the image size, else None. MixVPR-like layers need it.
        global_token: the backbone also gives a ``(B, C)`` token (a ViT's class token).
    """

    channels: int
    stride: int
    map_size: tuple[int, int] | None = None
    global_token: bool = False


class Backbone(Protocol):
    """An ``nn.Module`` that maps normalised images ``(B, 3, H, W)`` to a feature map ``(B, C, h, w)``.

    ``mean``, ``std`` and ``input_scale`` say how images in 0..1 are normalised before the call:
    ``(image * input_scale - mean) / std`` (ImageNet weights: scale 1; Caffe weights: scale 255, std 1).
    ``stages`` lists the stage names from input to output. ``forward(x) == trainable(frozen(x))``: ``frozen`` holds the
    stages below ``train_from`` (identity when everything is trained, everything when nothing is).
    """

    out_channels: int
    stride: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_scale: float
    stages: tuple[str, ...]

    def __call__(self, images: Tensor) -> Tensor: ...
    def frozen(self, images: Tensor) -> Tensor: ...
    def trainable(self, activations: Tensor) -> Tensor: ...


@runtime_checkable
class SupportsGlobalToken(Protocol):
    """A backbone that can also give one token for the whole image.

    ``forward_with_token(x) == trainable_with_token(frozen(x))``.
    """

    def forward_with_token(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature map ``(B, C, h, w)`` and the token ``(B, C)``."""
        ...

    def trainable_with_token(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """The same of what ``frozen`` returned."""
        ...


class Pooling(Protocol):
    """An ``nn.Module`` that maps a feature map ``(B, C, h, w)`` to descriptors ``(B, out_dim)`` with unit rows.

    ``orderless`` declares that permuting the locations of the map leaves the descriptor unchanged. A layer with an
    attribute ``uses_global_token = True`` is called with the feature map and the backbone's token ``(B, C)``.
    """

    out_dim: int
    orderless: bool

    def __call__(self, features: Tensor) -> Tensor: ...


@runtime_checkable
class SupportsFeatureInit(Protocol):
    """A pooling layer that starts from a sample of local features (NetVLAD's k-means)."""

    def init_from_features(self, features: Tensor, *, generator: Generator | None = None) -> None:
        """Initialise from ``(N, C)`` local features."""
        ...


class Ragged(Protocol):
    """Rows of different length: row ``i`` is ``values[offsets[i]:offsets[i + 1]]`` (int64 tensors)."""

    @property
    def values(self) -> Tensor: ...
    @property
    def offsets(self) -> Tensor: ...
    def __len__(self) -> int: ...
    def row(self, index: int) -> Tensor: ...
    def rows(self) -> list[Tensor]: ...


class Tuples(Protocol):
    """Training tuples as positions: one row a query, padded with -1.

    ``query (T,)`` points into the queries, ``positives (T, P)`` and ``negatives (T, K)`` into the database. A row whose
    negatives are all -1 teaches nothing and is skipped.
    """

    @property
    def query(self) -> Tensor: ...
    @property
    def positives(self) -> Tensor: ...
    @property
    def negatives(self) -> Tensor: ...


class MiningRequest(Protocol):
    """What a miner is asked: tuples for ``queries``, never showing it a model or an image.

    ``queries (T,)`` int64 positions; ``positives`` and ``excluded`` have one row a query: database positions that may
    serve as positives, and those that must never be negatives (a superset of the true matches).
    ``seed`` and ``epoch`` key the randomness together with the query's position, so that the draw depends neither on
    the order of queries nor on the number of processes. ``part`` numbers the part of the epoch, the key of what all its
    queries share.
    """

    @property
    def queries(self) -> Tensor: ...
    @property
    def positives(self) -> Ragged: ...
    @property
    def excluded(self) -> Ragged: ...
    @property
    def database_size(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def part(self) -> int: ...


class Miner(Protocol):
    """Chooses positives and negatives from cached descriptors; its memory lives in ``state_dict``."""

    def candidates(self, request: MiningRequest) -> Tensor:
        """Sorted unique int64 database positions whose descriptors ``mine`` will read."""
        ...

    def mine(
        self,
        request: MiningRequest,
        *,
        query_descriptors: Tensor,
        database_descriptors: Tensor,
        database_positions: Tensor | None = None,
    ) -> Tuples:
        """Return one row a query of ``request``.

        ``query_descriptors (T, D)`` belong to ``request.queries``; row ``i`` of ``database_descriptors (M, D)`` belongs
        to database position ``database_positions[i]`` (sorted; None: position ``i``).
        """
        ...

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class TupleLoss(Protocol):
    """A loss over tuples: ``query (T, D)``, ``positives (T, P, D)``, ``negatives (T, K, D)`` and boolean masks.

    ``terms`` returns the sum and the number it is to be divided by, so that a step accumulated over parts of a batch,
    or over processes, equals the step on the whole batch. ``forward`` returns ``sum / max(count, 1)``.
    """

    def __call__(
        self,
        query: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> Tensor: ...

    def terms(
        self,
        query: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]: ...


class PlaceLoss(Protocol):
    """A loss over labelled descriptors: ``(descriptors (B, D), places (B,)) -> scalar``."""

    def __call__(self, descriptors: Tensor, places: Tensor) -> Tensor: ...


class ImageSet(Protocol):
    """Images with positions: ``xy`` float64 ``(N, 2)`` in metres (or frame numbers in ``xy[:, 0]``)."""

    def __len__(self) -> int: ...
    def path(self, position: int) -> Path: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def xy(self) -> Float64Array: ...
    @property
    def time(self) -> Int64Array | None: ...
    @property
    def place(self) -> Int64Array | None: ...


class PlaceSplit(Protocol):
    """A database, its queries and the ground truth between them."""

    @property
    def name(self) -> str: ...
    @property
    def database(self) -> ImageSet: ...
    @property
    def queries(self) -> ImageSet: ...
    @property
    def protocol(self) -> Any: ...

    def positives(self) -> Sequence[Int64Array]:
        """Sorted database positions that count as right for each query, by the split's protocol."""
        ...

    def within(
        self, radius: float, *, beyond: float | None = None, different_time: bool = False
    ) -> Sequence[Int64Array]:
        """Sorted database positions with ``beyond < distance <= radius`` of each query."""
        ...


class Dataset(Protocol):
    """A data set: named splits, made when asked for.

    ``fingerprint`` is a hash that changes when an image or a position does; a run records it.
    """

    @property
    def split_names(self) -> tuple[str, ...]: ...
    def split(self, name: str) -> PlaceSplit: ...
    def fingerprint(self) -> str: ...


class Neighbours(Protocol):
    """Search result: ``distance`` float32 and ``index`` int64, both ``(Q, k)``, nearest first, ties by index.

    A distance is ``|q - d|`` (not squared) under the metric ``l2`` and ``1 - q.d`` under ``ip`` (unit rows).
    """

    @property
    def distance(self) -> Float32Array: ...
    @property
    def index(self) -> Int64Array: ...


class Index(Protocol):
    """Nearest-neighbour search over descriptors; row ``i`` of all that was added has index ``i``.

    ``metric`` is ``"l2"`` or ``"ip"``. ``search`` raises ``ValueError`` when ``k`` is more than there are descriptors;
    ``load`` replaces the content by that of a file of the same kind, dimension and metric.
    """

    @property
    def metric(self) -> str: ...
    def add(self, descriptors: Float32Array) -> None: ...
    def search(self, queries: Float32Array, k: int) -> Neighbours: ...
    def save(self, path: Path) -> None: ...
    def load(self, path: Path) -> None: ...
    def __len__(self) -> int: ...
