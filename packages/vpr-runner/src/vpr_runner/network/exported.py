"""A network of which only an exported file is here: no modules of torch, executed by a runtime."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from vpr_core import UsageError
from vpr_core.runtimes import InputContract
from vpr_runner.network.retriever import Retriever

__all__ = ["ExportedNetwork"]


class ExportedNetwork(Retriever):
    """Images to unit descriptors by whatever ``execution`` says; the parts of a `Retriever` are inside the file.

    The blocks ``backbone`` and ``pooling`` of its run configuration stand for nothing.

    Args:
        file: the ONNX file.
        sha256: of the file.
        inputs: what it takes and gives.
        precision: of the graph.
        cosine: smallest and median cosine to the float32 network, as measured when it was exported; None: not known.
    """

    def __init__(
        self,
        *,
        file: Path,
        sha256: str,
        inputs: InputContract,
        precision: str,
        cosine: tuple[float, float] | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.file, self.sha256, self.inputs, self.precision, self.cosine = file, sha256, inputs, precision, cosine
        self.backbone = self.pooling = self.whitening = None
        self.uses_global_token = False
        self.untrained = ()

    @property
    def out_dim(self) -> int:
        """Length of a descriptor."""
        return self.inputs.out_dim

    def normalize(self, images: Tensor) -> Tensor:
        """Refuse: it is inside.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self.file}: an exported file gives descriptors only; what looks inside a network (explain, training, "
            "another export) takes the run that it came from"
        )

    def pool(self, features: Tensor, token: Tensor | None = None) -> Tensor:
        """Refuse, as `normalize` does."""
        return self.normalize(features)

    def from_activations(self, activations: Tensor) -> Tensor:
        """Refuse, as `normalize` does."""
        return self.normalize(activations)
