"""A planned extraction, and one chunk of it computed: the unit of work that every engine schedules.

`plan_extraction` writes a manifest; `extract_chunk` turns one chunk number into ``NNNNNN.npy`` and ``NNNNNN.json``.
Doing one twice is harmless, restarting is doing what is missing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from vpr_core import UsageError
from vpr_data import full_batch
from vpr_runner.distributed import ONE_PROCESS, Ranks
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode, evaluating
from vpr_runner.encoding.source import ImageSource
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path, images_digest
from vpr_runner.files import atomic
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.encoding.execution import Execution
    from vpr_runner.network.retriever import Retriever

__all__ = ["ExtractJob", "extract_chunk", "has_chunks", "plan_extraction"]


@dataclass(frozen=True, kw_only=True)
class ExtractJob:
    """An extraction that is planned: all that `extract_chunk` needs beside a number."""

    retriever: Retriever
    images: ImageSet
    output: Path
    manifest: Manifest
    compute: Compute

    def missing(self, *, verify: bool, ranks: Ranks = ONE_PROCESS) -> list[int]:
        """Return the chunks that are not there or not whole; of several processes, this one's: every ``world``-th.

        Raises:
            UsageError: with ``verify``, an image has changed since a finished chunk was made of it.
        """
        numbers = []
        for number in range(ranks.rank, self.manifest.chunks, ranks.world):
            record = ChunkRecord.read(self.output, number)
            if record is None or not record.describes(self.output, number, self.manifest):
                numbers.append(number)
            elif verify and record.images != images_digest(self.images, self.manifest.rows_of(number)):
                raise UsageError(
                    f"{self.output}: images of chunk {number} have changed since it was written (same names and "
                    "lengths, other contents). Choose another folder, or delete this one"
                )
        return numbers

    def undone(self, numbers: Iterable[int]) -> list[int]:
        """Return those of some chunks that are not there or not whole."""
        records = {number: ChunkRecord.read(self.output, number) for number in numbers}
        return [
            n for n, record in records.items() if record is None or not record.describes(self.output, n, self.manifest)
        ]

    def failures(self, ranks: Ranks = ONE_PROCESS) -> dict[str, str]:
        """Return name and reason of each unreadable image in this process's chunks."""
        records = (ChunkRecord.read(self.output, n) for n in range(ranks.rank, self.manifest.chunks, ranks.world))
        return {name: why for record in records if record is not None for name, why in record.failures.items()}


def plan_extraction(
    retriever: Retriever,
    images: ImageSet,
    *,
    output: Path,
    compute: Compute,
    model: str,
    chunk: int = 1024,
    dtype: Literal["float32", "float16"] = "float32",
    code: tuple[str, ...] = (),
    runtime: Execution | None = None,
) -> ExtractJob:
    """Write the manifest, or check it against the one that is there; ``model`` is the network's fingerprint.

    ``runtime`` is what executes the network instead of torch.

    Images may be added behind those of an extraction: what is there is kept. An extraction that was stopped before its
    first chunk was there is none: its folder is taken over.

    Raises:
        UsageError: ``output`` holds an extraction of another model, other images or other settings.
    """
    manifest = Manifest(
        fingerprint=model,
        dim=retriever.out_dim,
        size=compute.size,
        precision=compute.precision if runtime is None else runtime.precision,
        chunk=chunk,
        dtype=dtype,
        names=tuple(images.names),
        bytes=tuple(_length(images.path(position)) for position in range(len(images))),
        code=code,
        runtime="" if runtime is None else runtime.identity,
    )
    existing = Manifest.read(output)
    if existing is None or manifest.continues(existing) or not has_chunks(output):
        manifest.write(output)
    else:
        existing.refuse_other(manifest, output)
    return ExtractJob(
        retriever=retriever.to(compute.device), images=images, output=output, manifest=manifest, compute=compute
    )


def has_chunks(output: Path) -> bool:
    """Whether any rows are there, whole or not."""
    return next(output.glob("[0-9]*.npy"), None) is not None


def extract_chunk(job: ExtractJob, number: int, *, progress: Progress | None = None) -> ChunkRecord:
    """Compute chunk ``number`` and write it: rows first, then the record that they are whole."""
    ids = job.manifest.rows_of(number)
    rows = np.empty((len(ids), job.manifest.dim), dtype=job.manifest.dtype)
    digest = images_digest(job.images, ids)  # also brings the files into memory for the decoder
    kept = _take_over(job, number, rows)
    if progress is not None:
        progress.update(kept)
    with evaluating(job.retriever):
        encoded = encode(
            job.retriever, ImageSource(job.images), ids[kept:], out=rows[kept:], compute=job.compute, progress=progress
        )
    path = chunk_path(job.output, number)
    with atomic.atomic_file(path) as file:
        np.save(file, rows, allow_pickle=False)
    record = ChunkRecord(
        sha256=atomic.sha256_of(path),
        images=digest,
        rows=len(rows),
        fingerprint=job.manifest.fingerprint,
        failures={job.images.names[ids[kept + row]]: reason for row, reason in encoded.failures.items()},
    )
    record.write(job.output, number)
    return record


def _take_over(job: ExtractJob, number: int, out: npt.NDArray[Any]) -> int:
    """Take over rows of a chunk that images were added to; return how many.

    Only full batches are: a row's last bits may depend on what it was computed with. So the chunk has the same bytes as
    one that is computed whole.
    """
    record, compute = ChunkRecord.read(job.output, number), job.compute
    if record is None or compute.sizing.fixed is None or record.failures or not 0 < record.rows < len(out):
        return 0
    full = full_batch(
        torch.empty(3, *compute.sizing.fixed, device="meta"),
        batch_size=compute.batch,
        batch_pixels=compute.batch_pixels,
    )
    kept, path = record.rows // full * full, chunk_path(job.output, number)
    if not kept or record.fingerprint != job.manifest.fingerprint or not path.is_file():
        return 0
    if record.images != images_digest(job.images, job.manifest.rows_of(number)[: record.rows]):
        return 0
    earlier = path.read_bytes()
    if hashlib.sha256(earlier).hexdigest() != record.sha256:
        return 0
    held = np.load(io.BytesIO(earlier), allow_pickle=False)
    if held.shape != (record.rows, out.shape[1]) or held.dtype != out.dtype:
        return 0
    out[:kept] = held[:kept]
    return kept


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
