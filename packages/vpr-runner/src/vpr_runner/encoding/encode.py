"""Images to descriptors, written once: feature sampling, mining cache, extraction and evaluation all call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_runner.distributed import ONE_PROCESS, Ranks
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.refused import SizeRefusedError, refused_by_layers
from vpr_runner.encoding.source import Positions, Source
from vpr_runner.network.retriever import Retriever
from vpr_runner.progress import Progress

__all__ = ["Encoded", "NonFiniteDescriptorError", "encode", "encode_all", "evaluating"]


class NonFiniteDescriptorError(ArithmeticError):
    """A descriptor holds NaN or infinity; names the first image and counts the rest."""

    def __init__(self, images: Sequence[str]) -> None:
        self.images = tuple(images)
        more = f" and {len(images) - 1} more of its batch" if len(images) > 1 else ""
        super().__init__(
            f"descriptor of {images[0]}{more} is not finite: the weights hold NaN or infinity, or half precision "
            "overflowed; try compute.precision: float32"
        )


@dataclass(kw_only=True)
class Encoded:
    """What encoding left behind, besides the rows it wrote.

    Attributes:
        failures: rows of images that are unreadable, or of a size that the network refuses, and why; they hold NaN.
        images: rows written.
        seconds: wall time, reading included.
    """

    failures: dict[int, str] = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        """Rate over the whole call."""
        return self.images / self.seconds if self.seconds > 0 else float("nan")


def encode(
    function: Callable[[Tensor], Tensor],
    source: Source,
    positions: Positions,
    *,
    out: npt.NDArray[Any],
    compute: Compute,
    progress: Progress | None = None,
) -> Encoded:
    """Write ``function(values)`` of each position into the rows of ``out``.

    Args:
        function: the source's values ``(B, ...)`` to one row an image: ``source.forward(retriever)``, or
            ``retriever.frozen_activations``.
        source: where the values come from.
        positions: which images, in the order of the rows.
        out: ``(len(positions), ...)`` array or memory map, float32 or float16.
        compute: device, precision, image size, batch.
        progress: told of each batch.

    Raises:
        NonFiniteDescriptorError: a row would hold NaN or infinity.
        ImageDecodeError: an image cannot be read and ``compute.on_bad_image`` is ``error``.
        SizeRefusedError: likewise, an image of a size that the network does not take.
    """
    if len(out) != len(positions):
        raise ValueError(f"out has {len(out)} rows; {len(positions)} images are to be encoded")
    start = time.perf_counter()
    encoded = Encoded()
    missing = np.ones(len(positions), dtype=bool)
    dtype = torch.from_numpy(out[:0]).dtype

    def write(rows: npt.NDArray[np.int64], values: Tensor) -> None:
        # torch rounds to half precision ten times faster than numpy, and a device copies half as much.
        written = values.to(dtype).cpu().flatten(1)
        finite = (torch.isfinite(written.amax(dim=1)) & torch.isfinite(written.amin(dim=1))).numpy()
        if not finite.all():
            raise NonFiniteDescriptorError([source.names[int(positions[row])] for row in rows[~finite]])
        out[rows] = written.view(values.shape).numpy()
        missing[rows] = False
        encoded.images += len(rows)
        if progress is not None:
            progress.update(len(rows))

    with torch.inference_mode():
        # One batch behind: the device computes the next while the last is copied and written.
        behind: tuple[npt.NDArray[np.int64], Tensor] | None = None
        for batch in source.batches(positions, compute):
            try:
                with compute.autocast(), refused_by_layers(int(batch.values.shape[-2]), int(batch.values.shape[-1])):
                    values = function(batch.values)
            except SizeRefusedError as error:  # of the whole batch, whose images are of one size
                where = [int(positions[row]) for row in batch.rows]
                if compute.on_bad_image == "error":
                    raise SizeRefusedError(f"{source.names[where[0]]}: {error}") from None
                source.failures.update(dict.fromkeys(where, str(error)))
                continue
            if behind is not None:
                write(*behind)
            behind = batch.rows, values
        if behind is not None:
            write(*behind)
    out[missing] = np.nan
    encoded.failures = {
        row: source.failures.get(int(positions[row]), "unreadable") for row in np.flatnonzero(missing).tolist()
    }
    encoded.seconds = time.perf_counter() - start
    return encoded


def encode_all(
    retriever: Retriever,
    source: Source,
    positions: Positions | None = None,
    *,
    compute: Compute,
    out: npt.NDArray[Any] | None = None,
    ranks: Ranks = ONE_PROCESS,
    label: str = "encode",
    shown: bool = False,
) -> tuple[npt.NDArray[Any], Encoded]:
    """Return the descriptors ``(N, D)`` of ``positions`` (None: all), shared out between processes.

    ``out`` takes them when given; otherwise they are float32 in memory. The network is in evaluation mode meanwhile.
    """
    where = np.arange(len(source.names)) if positions is None else np.asarray(positions, dtype=np.int64)
    rows = np.empty((len(where), retriever.out_dim), dtype=np.float32) if out is None else out
    share = ranks.share(len(where))
    # A memory map is shared by the processes of a machine: gather through memory of our own.
    mine = rows if ranks.world == 1 else np.empty((share.stop - share.start, *rows.shape[1:]), dtype=rows.dtype)
    with evaluating(retriever), Progress(len(where[share]), label, shown=shown and ranks.is_main) as progress:
        encoded = encode(source.forward(retriever), source, where[share], out=mine, compute=compute, progress=progress)
    ranks.gather_rows(mine, rows)
    if ranks.world > 1 and compute.on_bad_image == "skip":
        encoded.failures = {int(row): "unreadable" for row in np.flatnonzero(np.isnan(rows[:, 0]))}
    return rows, encoded


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Hold ``module`` in evaluation mode, and give every part its own mode back afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
