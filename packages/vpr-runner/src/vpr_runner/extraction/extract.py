"""Extraction of any number of images: a manifest, fixed chunks, and nothing lost when it is interrupted.

The unit of work is engine-neutral (`vpr_runner.extraction.chunks`). An engine (a loop in this process, torchrun ranks,
a cluster) only schedules chunk numbers: doing one twice is harmless, restarting is doing what is missing.

```
manifest.json    model, settings, and every image: relative path and length
000000.npy       (rows, D) float32 or float16, one row an image, NaN where it could not be read
000000.json      SHA-256 of rows and images, model, failures: written last, so it says that the chunk is whole
```
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vpr_core import UsageError, VPRError
from vpr_runner.code import code_of
from vpr_runner.distributed import Ranks, ranks_of_environment
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import executing
from vpr_runner.exporting.stored import save_network
from vpr_runner.extraction.chunk_work import WORK_FOLDER, MissingChunks
from vpr_runner.extraction.chunks import ExtractJob, extract_chunk, has_chunks, plan_extraction
from vpr_runner.extraction.descriptors import Descriptors, load_descriptors
from vpr_runner.extraction.local_engine import LocalEngine
from vpr_runner.extraction.runtime_file import RuntimeFile
from vpr_runner.files import atomic
from vpr_runner.files.lock import folder_lock
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.exported import ExportedNetwork
from vpr_runner.network.storage import fingerprint, save_retriever
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry, RunConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = [
    "Descriptors",
    "ExtractJob",
    "ExtractResult",
    "extract",
    "extract_chunk",
    "load_descriptors",
    "plan_extraction",
]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExtractResult:
    """What an extraction left.

    Attributes:
        output: its folder; `load_descriptors` reads it.
        images: rows in all.
        written: rows computed by this call; the others were there.
        failures: name and reason of each image that could not be read; its row is NaN.
        runtime: what executed the network, as plain data; empty: torch.
    """

    output: Path
    images: int
    written: int
    failures: dict[str, str]
    runtime: Mapping[str, Any] = field(default_factory=dict)


def extract(
    retriever: Retriever,
    images: ImageSet,
    *,
    output: Path,
    config: RunConfig,
    chunk: int = 1024,
    dtype: Literal["float32", "float16"] = "float32",
    verify: bool = True,
    progress: bool = True,
    registry: Registry | None = None,
    begun: Callable[[], object] | None = None,
) -> ExtractResult:
    """Write the descriptors of ``images`` to the folder ``output``, or what is missing of them.

    The block ``engine`` of ``config`` says where chunks are computed; what comes out is the same.
    Under ``torchrun`` (engine ``local``) each process takes every ``world``-th chunk. No process group is made: one
    that dies stops nobody else, and the next start does what is missing.

    Args:
        retriever: the network.
        images: what to encode.
        output: a new folder, or one of the same extraction, begun earlier.
        config: says how: ``image.size`` and ``compute``; with the weights it is the model's fingerprint.
        chunk: images a file.
        dtype: of the rows.
        verify: read the images of finished chunks again and compare their contents.
        progress: show a bar.
        registry: makes the engine; None knows ``local`` alone.
        begun: called when the folder has been found fit and before anything is computed: what is to lie there, too.

    Raises:
        UsageError: another process is writing there, or the folder holds something else; the engine is unknown, or
            this is one of several processes of ``torchrun`` and the engine has workers of its own.
        VPRError: the engine came back and has not done its work.
    """
    compute, architecture = Compute.of(config.compute, config.image), Architecture.of(config)
    ranks = ranks_of_environment(compute.device)

    def send(folder: Path) -> Path:
        if not isinstance(retriever, ExportedNetwork):
            return save_retriever(retriever, folder, config)
        save_network(retriever, folder, config)
        return folder

    engine = _engine(config.engine, registry, ranks)
    with folder_lock(
        output,
        purpose="vpr extract",
        name=".lock" if ranks.is_main else f".lock-{ranks.rank}",
        worth=partial(has_chunks, output) if ranks.world == 1 else None,
    ):
        if ranks.world == 1:
            atomic.remove_leftovers(output)
            shutil.rmtree(output / WORK_FOLDER, ignore_errors=True)
        learnt = RuntimeFile(output)
        with executing(
            retriever, architecture, registry, compute=config.compute, images=images, calibrated=learnt.found()
        ) as execution:
            job = plan_extraction(
                retriever,
                images,
                output=output,
                compute=compute,
                model=fingerprint(retriever, architecture),
                chunk=chunk,
                dtype=dtype,
                code=code_of(() if isinstance(retriever, ExportedNetwork) else architecture.components, registry),
                runtime=execution,
            )
            learnt.keep(execution)
            if begun is not None:
                begun()
            missing = job.missing(verify=verify, ranks=ranks)
            written = sum(len(job.manifest.rows_of(number)) for number in missing)
            with Progress(written, "extract", shown=progress and ranks.is_main) as bar:
                if missing:
                    with MissingChunks(
                        job, missing, architecture=architecture, send=send, registry=registry, progress=bar
                    ) as work:
                        engine.run(work, done=work.done)
                    _refuse_undone(job, work.elsewhere, config.engine.type)
            runtime = {} if execution is None else execution.describe()
        failures = job.failures(ranks)
    if failures:
        log.warning("%d of %d images could not be read; their rows are NaN", len(failures), len(images))
    return ExtractResult(output=output, images=len(images), written=written, failures=failures, runtime=runtime)


def _engine(block: ComponentConfig, registry: Registry | None, ranks: Ranks) -> Any:
    if block.type == "local" and registry is None:
        return LocalEngine()
    if registry is None:
        raise UsageError(f"engine: {block.type!r} is made by a registry; give extract(..., registry=)")
    engine = registry.build("engine", block)
    if ranks.world > 1 and not isinstance(engine, LocalEngine):
        raise UsageError(
            f"engine: {block.type!r} has workers of its own; start the command once, without torchrun, or take "
            "engine.type=local"
        )
    return engine


def _refuse_undone(job: ExtractJob, numbers: Sequence[int], engine: str) -> None:
    """Look at what other processes say they have done: a worker may write to a disk that only it can see."""
    undone = job.undone(numbers)
    if undone:
        raise VPRError(
            f"{job.output}: the engine {engine!r} is done, but {len(undone)} of {len(numbers)} chunks are "
            f"not there (the first is {undone[0]}). Every worker must write to this very folder: put it on storage "
            "that all machines share under one path, then start again; finished chunks are kept"
        )
