"""Missing chunks as work for an engine: computed here with the loaded network, or anywhere from plain data.

For work elsewhere the network and the list of image files are put beside the chunks, in a folder that goes when the
engine is done::

    .engine/model.safetensors    the network, with its configuration
    .engine/images.json          path of each image of the manifest
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from vpr_core import UsageError, build_registry
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import execution_of
from vpr_runner.exporting.stored import load_network
from vpr_runner.extraction.chunks import ExtractJob, extract_chunk
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.extraction.runtime_file import RuntimeFile
from vpr_runner.files import atomic
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["WORK_FOLDER", "MissingChunks", "run_chunk"]

WORK_FOLDER = ".engine"


class MissingChunks:
    """What an engine is given (`vpr_core.engines.ChunkWork`).

    Args:
        extraction: the planned extraction.
        chunks: numbers of the chunks to compute.
        architecture: of the network.
        send: writes the network with its run configuration to a folder; returns what `load_network` reads.
        registry: says which local plug-ins a worker has to load; None: none.
        progress: counts images.
    """

    def __init__(
        self,
        extraction: ExtractJob,
        chunks: Sequence[int],
        *,
        architecture: Architecture,
        send: Callable[[Path], Path],
        registry: Registry | None,
        progress: Progress,
    ) -> None:
        self.chunks = tuple(chunks)
        self._extraction, self._progress = extraction, progress
        self._architecture, self._send = architecture, send
        self._plugins = [str(p.origin.file) for p in registry.plugins if p.origin.file] if registry is not None else []
        self._folder = extraction.output.resolve() / WORK_FOLDER
        self._here: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @functools.cached_property
    def job(self) -> Mapping[str, Any]:
        """Folders and files that `run_chunk` reads; writes them."""
        extraction = self._extraction
        model = self._send(self._folder)
        paths = [str(extraction.images.path(position).resolve()) for position in range(len(extraction.images))]
        atomic.write_json(self._folder / "images.json", paths)
        return {
            "output": str(extraction.output.resolve()),
            "model": str(model),
            "images": str(self._folder / "images.json"),
            "manifest": atomic.sha256_of(extraction.output / "manifest.json"),
            "plugins": self._plugins,
            # What the user chose, said again by the process that the user started: a model file alone may not.
            "network": {kind: part.model_dump(mode="json") for kind, part in self._architecture.components},
        }

    @property
    def run(self) -> Callable[[Mapping[str, Any], int], None]:
        """`run_chunk`."""
        return run_chunk

    def run_here(self, chunk: int) -> None:
        """Compute a chunk with the network that is loaded; moves the progress bar batch by batch."""
        self._here.add(chunk)
        extract_chunk(self._extraction, chunk, progress=self._progress)

    def done(self, chunk: int) -> None:
        """Count the images of a chunk that was computed elsewhere."""
        if chunk not in self._here:
            self._progress.update(len(self._extraction.manifest.rows_of(chunk)))

    @property
    def elsewhere(self) -> list[int]:
        """Chunks that this process did not compute."""
        return [chunk for chunk in self.chunks if chunk not in self._here]


def run_chunk(job: Mapping[str, Any], chunk: int) -> None:
    """Compute a chunk of ``MissingChunks.job`` in a process that knows nothing else.

    The network is loaded for the first chunk and kept for the next ones of the same job.

    Raises:
        UsageError: a file of the job is not where it was written: no shared storage; or the plug-ins differ.
    """
    extract_chunk(_opened(json.dumps(job, sort_keys=True)), chunk)


@functools.lru_cache(maxsize=1)
def _opened(text: str) -> ExtractJob:
    job = json.loads(text)
    output = Path(job["output"])
    manifest = Manifest.read(output)
    if manifest is None or atomic.sha256_of(output / "manifest.json") != job["manifest"]:
        raise UsageError(
            f"{output}: this worker does not see the extraction's manifest there; output, model and images must lie on "
            "storage that every machine sees under one path"
        )
    registry = build_registry(plugin_files=job["plugins"])
    retriever, config = load_network(Path(job["model"]), registry, said=job["network"])
    architecture = Architecture.of(config)
    execution = execution_of(
        retriever,
        architecture,
        registry,
        compute=config.compute,
        images=None,
        calibrated=RuntimeFile(output).found(),
    )
    identity = "" if execution is None else execution.identity
    if identity != manifest.runtime:
        raise UsageError(
            f"{output}: this worker would execute the network by {identity or 'torch'}, the extraction has "
            f"{manifest.runtime or 'torch'}; install the same versions of all packages on every machine"
        )
    _refuse_other(retriever, manifest, fingerprint(retriever, architecture), output)
    paths = tuple(Path(path) for path in json.loads(Path(job["images"]).read_text(encoding="utf-8")))
    compute = Compute.of(config.compute, config.image)
    retriever.execution = execution
    return ExtractJob(
        retriever=retriever.to(compute.device),
        images=cast("ImageSet", _Files(names=manifest.names, paths=paths)),
        output=output,
        manifest=manifest,
        compute=compute,
    )


def _refuse_other(retriever: Retriever, manifest: Manifest, mark: str, output: Path) -> None:
    """Raise ``UsageError`` unless the network that was read is the one whose descriptors are being extracted."""
    if retriever.out_dim != manifest.dim:
        different = f"makes descriptors of {retriever.out_dim} numbers, the network that was sent {manifest.dim}"
    elif mark != manifest.fingerprint:
        different = f"has the fingerprint {mark[:12]}, the network that was sent {manifest.fingerprint[:12]}"
    else:
        return
    raise UsageError(
        f"{output}: the network that this worker read {different}; install the same versions of all packages on every "
        "machine (a network that was not made by `assemble` cannot be sent: compute with engine.type=local)"
    )


@dataclass(frozen=True, kw_only=True)
class _Files:
    """The part of an image set that is read when images are encoded."""

    names: tuple[str, ...]
    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, position: int) -> Path:
        return self.paths[position]
