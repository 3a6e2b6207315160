"""The retrieval benchmarks Oxford 5k, Paris 6k and Holidays: mean average precision under their own protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_core import UsageError
from vpr_data import RetrievalSet, grown_box, load_image, resize_image
from vpr_eval import mean_average_precision, search_exact
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.execution import described, executing
from vpr_runner.encoding.source import Batch, Positions, by_shape
from vpr_runner.evaluation.data_fingerprint import fingerprint_of_benchmark
from vpr_runner.evaluation.interval import Interval
from vpr_runner.files.provenance import provenance
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.multi_scale import MultiScale
from vpr_runner.network.origin import weights_of
from vpr_runner.network.storage import fingerprint

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["BenchmarkReport", "BenchmarkSource", "RetrievalProtocol", "evaluate_benchmark"]


@dataclass(frozen=True, kw_only=True)
class RetrievalProtocol:
    """The rule behind an mAP, printed beside it: ``oxford5k@crop+98px``, ``holidays@full-notself``.

    Positives are the good and ok images, junk is taken out of the ranking, average precision follows the trapezoid
    rule, and images keep their size (Holidays: shrunk to at most 1024 x 768 pixels in area).

    Attributes:
        name: of the benchmark.
        query: ``full`` is the whole query image, ``crop`` the object's box grown by ``margin`` on each side.
        margin: pixels; half the receptive field of the last convolution.
        ignore_query: the query itself is taken out of its ranking (Holidays); elsewhere it counts as an answer.
        suffix: what the name gains where images are seen otherwise than they are (`EvalConfig.suffix`).
    """

    name: str
    query: Literal["full", "crop"]
    margin: float = 0.0
    ignore_query: bool = False
    suffix: str = ""

    def __str__(self) -> str:
        grown = f"+{self.margin:g}px" if self.query == "crop" else ""
        return f"{self.name}@{self.query}{grown}{'-notself' if self.ignore_query else ''}{self.suffix}"


@dataclass(frozen=True, kw_only=True)
class BenchmarkReport:
    """mAP of one network on one benchmark.

    Attributes:
        protocol: what was counted how.
        mean: mAP, 0..1.
        interval: bounds of the 95 % bootstrap interval over queries; None when ``eval.bootstrap`` is 0.
        per_query: average precision of each query, NaN where it has no right image.
        images: number of images.
        without_positives: queries that have no right image; they are left out.
        dim: of a descriptor.
        provenance: model, seed, versions, hardware, date.
    """

    protocol: RetrievalProtocol
    mean: float
    interval: tuple[float, float] | None
    per_query: npt.NDArray[np.float64]
    images: int
    without_positives: int
    dim: int
    provenance: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "protocol": str(self.protocol),
            "map": self.mean,
            "interval": None if self.interval is None else list(self.interval),
            "average_precision": [None if np.isnan(value) else float(value) for value in self.per_query],
            "queries": len(self.per_query),
            "images": self.images,
            "without_positives": self.without_positives,
            "dim": self.dim,
            "provenance": dict(self.provenance),
        }

    def __str__(self) -> str:
        reach = f"  95 %: {100 * self.interval[0]:.1f} .. {100 * self.interval[1]:.1f}" if self.interval else ""
        lines = [
            f"{self.protocol}: {len(self.per_query)} queries, {self.images} images",
            f"  mAP {100 * self.mean:6.2f}{reach}",
            f"descriptor: {self.dim} numbers",
        ]
        if self.without_positives:
            lines.append(f"{self.without_positives} queries have no right image and are left out")
        return "\n".join(lines)


class BenchmarkSource:
    """Images of a benchmark, then its queries cut by their boxes, each at its own size."""

    def __init__(self, benchmark: RetrievalSet, *, margin: float | None) -> None:
        self._benchmark, self._margin = benchmark, margin
        asked = [] if margin is None else [f"{benchmark.names[int(row)]} (query)" for row in benchmark.queries]
        self.names: Sequence[str] = [*benchmark.names, *asked]
        self.failures: dict[int, str] = {}

    def forward(self, retriever: Retriever) -> Callable[[Tensor], Tensor]:
        """Return the whole network."""
        return retriever

    def batches(self, positions: Positions, compute: Compute) -> Iterator[Batch]:
        """Yield batches of one shape, decoded in threads; images of different sizes are never stretched."""
        with ThreadPoolExecutor(max(1, compute.workers)) as pool:
            for start in range(0, len(positions), compute.batch):
                some = positions[start : start + compute.batch]
                images = list(pool.map(self._read, (int(position) for position in some)))
                for batch in by_shape(images, compute.device):
                    yield Batch(batch.rows + start, batch.values)

    def groups(
        self, wanted: Iterable[npt.NDArray[np.int64]], compute: Compute, *, epoch: int = 0
    ) -> Iterator[list[Batch]]:
        """Nothing trains on a benchmark."""
        raise NotImplementedError("retrieval benchmarks are for evaluation only")

    def _read(self, position: int) -> Tensor:
        benchmark = self._benchmark
        query = position - len(benchmark)
        image = torch.from_numpy(load_image(benchmark.path(position if query < 0 else int(benchmark.queries[query]))))
        image = image.permute(2, 0, 1)
        if query >= 0 and benchmark.boxes is not None and self._margin is not None:
            height, width = image.shape[1:]
            left, top, right, bottom = grown_box(benchmark.boxes[query], by=self._margin, width=width, height=height)
            image = image[:, top:bottom, left:right]
        return _shrunk(image.contiguous(), benchmark.max_pixels)


def evaluate_benchmark(
    retriever: Retriever,
    benchmark: RetrievalSet,
    config: RunConfig,
    *,
    query: Literal["full", "crop"] = "full",
    receptive_field: int | None = None,
    progress: bool = True,
    registry: Registry | None = None,
) -> BenchmarkReport:
    """Return the mAP of ``retriever`` on ``benchmark``, every image at its own size whatever ``image.size`` says.

    Args:
        retriever: the network.
        benchmark: from `vpr_data.oxford5k`, `paris6k` or `holidays`.
        config: ``eval.bootstrap`` and ``compute`` are used.
        query: the whole query image, or its box grown by half the receptive field.
        receptive_field: of the last convolution in pixels; needed for ``crop``.
        progress: show a bar.
        registry: makes what executes the network, ``compute.runtime``; None: torch.

    Raises:
        UsageError: the benchmark has no boxes to crop by, nobody says by how much they grow, or the run re-ranks.
    """
    if query == "crop" and benchmark.boxes is None:
        raise UsageError(f"{benchmark.name}: its queries have no boxes; ask for full queries")
    if query == "crop" and receptive_field is None:
        raise UsageError("receptive_field: needed to cut queries (196 for VGG-16 conv5, 163 for AlexNet conv5)")
    if config.eval.test_method is not None:
        raise UsageError(f"eval.test_method: {benchmark.name} has its own rule for queries (full, crop); leave it out")
    scales, interpolation = config.eval.scales, config.image.interpolation
    margin = (receptive_field or 0) / 2 if query == "crop" else None
    if config.rerank is not None:
        raise UsageError("rerank: a retrieval benchmark is ranked as the search finds it; add --set rerank=null")
    compute = replace(Compute.of(config.compute, config.image), on_bad_image="error")
    retriever = retriever.to(compute.device)
    source = BenchmarkSource(benchmark, margin=margin)
    architecture = Architecture.of(config)
    unresized = replace(architecture, image=config.image.model_copy(update={"size": None}))
    seen = MultiScale.of(retriever, scales=scales, multiple=config.image.multiple, interpolation=interpolation)
    with executing(
        retriever, unresized, registry, compute=config.compute, images=cast("ImageSet", benchmark)
    ) as execution:
        rows, _ = encode_all(seen, source, compute=compute, label=f"encode {benchmark.name}", shown=progress)
    images = len(benchmark)
    asked = rows[benchmark.queries] if margin is None else rows[images:]
    ranking = search_exact(np.ascontiguousarray(asked), np.ascontiguousarray(rows[:images]), images).index
    result = mean_average_precision(
        ranking,
        benchmark.positives(),
        junk=benchmark.junk,
        ignored=benchmark.queries if benchmark.ignore_query else None,
    )
    return BenchmarkReport(
        protocol=RetrievalProtocol(
            name=benchmark.name,
            query=query,
            margin=margin or 0.0,
            ignore_query=benchmark.ignore_query,
            suffix=config.eval.suffix,
        ),
        mean=result.mean,
        interval=Interval(samples=config.eval.bootstrap, seed=config.seed).of(result.per_query[result.evaluated]),
        per_query=result.per_query,
        images=images,
        without_positives=result.without_positives,
        dim=int(rows.shape[1]),
        provenance={
            "model": fingerprint(retriever, architecture),
            "data": fingerprint_of_benchmark(benchmark.fingerprint(), benchmark),
            "seed": config.seed,
            **({"scales": list(scales)} if scales != (1.0,) else {}),
            "precision": config.compute.precision if execution is None else execution.precision,
            **described(execution),
            **weights_of(retriever.backbone),
            **provenance(),
        },
    )


def _shrunk(image: Tensor, most: int | None) -> Tensor:
    """Both sides times ``sqrt(most / area)``, rounded down, where the area is larger than ``most``."""
    height, width = image.shape[1:]
    if most is None or height * width <= most:
        return image
    factor = (most / (height * width)) ** 0.5
    return resize_image(image, (max(1, int(height * factor)), max(1, int(width * factor))))
