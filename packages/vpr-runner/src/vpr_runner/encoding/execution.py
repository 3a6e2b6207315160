"""What executes a network where images are encoded: torch, or a runtime that gets the whole network as one file.

A runtime is looked at before it is used: at its first use, on this machine and of this network, its descriptors of the
user's own images are compared with torch's in float32, the cosines are said, and what is below a bound is refused
(`vpr_runner.exporting.parity.BOUNDS`).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_core import UsageError, VPRError
from vpr_core.runtimes import InputContract, RuntimeRequest
from vpr_data.city.store import cache_root
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import evaluating
from vpr_runner.encoding.refused import SizeRefusedError
from vpr_runner.encoding.samples import Samples
from vpr_runner.exporting.kept import kept_export
from vpr_runner.exporting.parity import Parity, compare
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.network.exported import ExportedNetwork

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.config.sections import ComputeConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["CALIBRATE", "COMPARE", "Execution", "compare_once", "described", "executing", "execution_of"]

log = logging.getLogger(__name__)

COMPARE, CALIBRATE = 16, 300
"""Images of the user that a runtime is compared on, and at most calibrated on, evenly drawn."""


@dataclass(kw_only=True, eq=False)
class Execution:
    """One runtime, made for one network; called with images as torch has them.

    Attributes:
        runtime: a `vpr_core.runtimes.Runtime`.
        precision: of the descriptors, ``int8`` also for a file that was quantised when it was exported.
        identity: name, precision and calibration: descriptors of two identities are not mixed.
        cosine: smallest and median cosine to torch's float32; None: not compared yet.
        kept: where `compare_once` remembers them; None: there is nothing to compare with.
        inputs: what the runtime takes; None: whatever it gets.
    """

    runtime: Any
    precision: str
    identity: str
    cosine: tuple[float, float] | None = None
    kept: Path | None = None
    inputs: InputContract | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Return descriptors ``(B, D)``, float32 on the device of ``images``.

        Raises:
            SizeRefusedError: see `check`.
        """
        self.check(images)
        given = np.ascontiguousarray(images.cpu().numpy())
        if self.inputs is not None and self.inputs.dtype == "float32" and given.dtype == np.uint8:
            given = given.astype(np.float32) / np.float32(255)
        return torch.from_numpy(self.runtime.run(given)).to(images.device)

    def check(self, images: Tensor) -> None:
        """Refuse images of a size that the network does not take.

        Raises:
            SizeRefusedError: says which it would take.
        """
        fault = "" if self.inputs is None else self.inputs.fault((int(images.shape[2]), int(images.shape[3])))
        if fault:
            raise SizeRefusedError(fault)

    @property
    def calibrated(self) -> Path | None:
        """The file of what the runtime has learnt from images, or None."""
        found: Path | None = getattr(self.runtime, "calibrated", None)
        return found

    def describe(self) -> dict[str, Any]:
        """For a record of what was computed: what the runtime says of itself, and how far it is from torch."""
        said = {**self.runtime.describe(), "identity": self.identity, "precision": self.precision}
        if self.cosine is not None:
            said["cosine_to_torch_float32"] = {"smallest": self.cosine[0], "median": self.cosine[1]}
        return said


@contextmanager
def executing(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry | None,
    *,
    compute: ComputeConfig,
    images: ImageSet | None,
    calibrated: Path | None = None,
) -> Iterator[Execution | None]:
    """Have ``retriever`` executed as ``compute.runtime`` says while the block runs; None stands for torch."""
    before = retriever.execution
    retriever.execution = None
    found = execution_of(retriever, architecture, registry, compute=compute, images=images, calibrated=calibrated)
    retriever.execution = found
    try:
        yield found
    finally:
        retriever.execution = before


def execution_of(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry | None,
    *,
    compute: ComputeConfig,
    images: ImageSet | None,
    calibrated: Path | None = None,
) -> Execution | None:
    """Return what executes a network by ``compute.runtime``; None: torch does.

    Args:
        retriever: the network, or a file of one.
        architecture: of the network: what it is exported by, and how images are sized.
        registry: builds the runtime; None knows torch alone.
        compute: the block of a run file: which runtime, and how images are decoded.
        images: the user's, to compare and to calibrate on.
        calibrated: the file of an earlier runtime's ``calibrated``, when its very numbers are wanted.

    Raises:
        UsageError: the runtime is not installed, does not take the network, or gives other descriptors than torch.
    """
    block = _block(retriever, compute.runtime, registry)
    if block is None:
        return None
    if registry is None:
        raise UsageError(f"compute.runtime: {block.type!r} is made by a registry; give registry=")
    if compute.precision != "float32":
        raise UsageError(
            f"compute.precision: {compute.precision} is of torch; the runtime {block.type!r} has its own: "
            f"compute.runtime={{type: {block.type}, precision: ...}}"
        )
    cache = cache_root() / "runtimes"
    cache.mkdir(parents=True, exist_ok=True)
    needs_network = registry.get("runtime", block.type).needs == "network"
    model, digest, inputs = _model(retriever, architecture, registry)
    wanted = Compute.of(compute, architecture.image)
    samples = None if images is None else Samples(images, wanted, inputs)
    request = RuntimeRequest(
        model=None if needs_network else model,
        network=retriever if needs_network else None,
        digest=digest,
        inputs=inputs,
        cache=cache,
        threads=torch.get_num_threads(),
        samples=None if samples is None else lambda: samples.batches(CALIBRATE),
        samples_digest="" if samples is None else samples.digest(CALIBRATE),
        calibrated=calibrated,
    )
    try:
        runtime = registry.build("runtime", block, request)
    except VPRError:
        raise
    except Exception as error:  # those of onnxruntime are of no common kind
        raise UsageError(f"compute.runtime: {block.type!r} cannot execute this network: {error}") from error
    found = _identified(runtime, retriever, inputs)
    if isinstance(retriever, ExportedNetwork):
        if found.precision == retriever.precision:
            found.cosine = retriever.cosine
        return found
    found.kept = cache / f"{_key(found, digest)}.json"
    compare_once(found, retriever, () if samples is None else samples.batches(COMPARE), device=wanted.device)
    return found


def compare_once(
    execution: Execution, retriever: Retriever, batches: Iterable[npt.NDArray[Any]], *, device: torch.device
) -> None:
    """Compare with torch's float32 on images of the user, unless that was done on this machine.

    Raises:
        UsageError: the descriptors are farther apart than the bound of the precision.
    """
    if execution.kept is None or execution.cosine is not None:
        return
    execution.cosine = _remembered(execution.kept)
    if execution.cosine is not None:
        return
    compared = [(batch, True) for batch in batches]
    if not compared:
        return
    parity = compare(_by_torch(retriever, device), execution.runtime.run, compared)
    name = str(execution.runtime.name)
    parity.check(
        execution.precision,
        what=f"compute.runtime: {name!r} (to go back: --set compute.runtime='{{type: torch}}')",
    )
    execution.cosine = parity.cosine, parity.median
    _say(execution, parity)
    atomic.write_json(execution.kept, {"smallest": parity.cosine, "median": parity.median, "images": parity.images})


def _by_torch(retriever: Retriever, device: torch.device) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """The network in torch and float32, where it lies, as a function of arrays."""

    def run(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        before, retriever.execution = retriever.execution, None
        try:
            with evaluating(retriever.to(device)), torch.inference_mode():
                found: npt.NDArray[np.float32] = retriever(torch.from_numpy(images).to(device)).float().cpu().numpy()
        finally:
            retriever.execution = before
        return found

    return run


def _say(execution: Execution, parity: Parity) -> None:
    log.info(
        "runtime %s on %d of your images: smallest cosine to torch float32 %.6f, median %.6f; to go back: --set "
        "compute.runtime='{type: torch}'",
        execution.identity,
        parity.images,
        parity.cosine,
        parity.median,
    )


def _remembered(file: Path) -> tuple[float, float] | None:
    try:
        said = parsed(file.read_text(encoding="utf-8"))
        return float(said["smallest"]), float(said["median"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(execution: Execution, digest: str) -> str:
    text = json.dumps([digest, execution.identity, dict(execution.runtime.describe())], sort_keys=True)
    return f"compared-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _block(retriever: Retriever, block: ComponentConfig | None, registry: Registry | None) -> ComponentConfig | None:
    if block is not None and block.type != "torch":
        return block
    if not isinstance(retriever, ExportedNetwork):
        return None
    if registry is None or "onnxruntime" not in {spec.name for spec in registry.specs("runtime")}:
        raise UsageError(
            f"{retriever.file}: executed by the runtime 'onnxruntime', which is not installed here; in a checkout: pip "
            "install './packages/vpr-runner[onnx]' ./plugins/vpr-onnxruntime"
        )
    found: ComponentConfig = registry.get("runtime", "onnxruntime").config(type="onnxruntime")
    return found


def _identified(runtime: Any, retriever: Retriever, inputs: InputContract) -> Execution:
    precision = str(runtime.precision)
    if isinstance(retriever, ExportedNetwork) and retriever.precision != "float32":
        precision = retriever.precision
    learnt = getattr(runtime, "calibrated", None)
    mark = "" if learnt is None else f" {atomic.sha256_of(Path(learnt))[:12]}"
    return Execution(runtime=runtime, precision=precision, identity=f"{runtime.name} {precision}{mark}", inputs=inputs)


def _model(retriever: Retriever, architecture: Architecture, registry: Registry) -> tuple[Path, str, InputContract]:
    if isinstance(retriever, ExportedNetwork):
        return retriever.file, retriever.sha256, retriever.inputs
    return kept_export(retriever, architecture, registry, cache=cache_root() / "exports")


def described(execution: Execution | None) -> Mapping[str, Any]:
    """What a provenance records of it: nothing for torch, whose version stands among the libraries."""
    return {} if execution is None else {"runtime": execution.describe()}
