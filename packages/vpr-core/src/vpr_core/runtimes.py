"""What crosses the border to a runtime: a whole network on one side, whatever executes it on the other.

Like `vpr_core.types`, structural: neither side imports the other. ``B`` images of ``H x W`` pixels, ``D`` descriptor
dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from vpr_core.types import Float32Array

    Images = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

__all__ = ["InputContract", "Runtime", "RuntimeRequest"]


@dataclass(frozen=True, kw_only=True)
class InputContract:
    """What a network takes and gives: images ``(B, 3, H, W)``, red first; descriptors ``(B, out_dim)``, unit rows.

    Attributes:
        dtype: ``uint8`` (0..255) or ``float32`` (0..1); normalisation is inside the network.
        out_dim: ``D``.
        size: ``(H, W)`` when the network takes no other; None: any.
        multiple_of: ``H`` and ``W`` must be multiples of it (a transformer's patch).
        least: smallest ``(H, W)``. An exported graph may have lost what refused less, and answer with nonsense.
    """

    dtype: Literal["uint8", "float32"]
    out_dim: int
    size: tuple[int, int] | None = None
    multiple_of: int = 1
    least: tuple[int, int] = (1, 1)

    def check(self, images: Any) -> None:
        """Refuse an array that the network does not take, whatever a graph would make of it.

        Raises:
            ValueError: says what is wrong and what would be taken.

        Example:
            >>> InputContract(dtype="uint8", out_dim=4, least=(9, 9)).fault((8, 64))
            'height and width of images must be at least (9, 9), got (8, 64)'
        """
        if images.ndim != 4 or images.shape[1] != 3 or str(images.dtype) != self.dtype:
            raise ValueError(f"images must be {self.dtype} (B, 3, H, W), got {images.dtype} {tuple(images.shape)}")
        fault = self.fault((int(images.shape[2]), int(images.shape[3])))
        if fault:
            raise ValueError(fault)

    def fault(self, size: tuple[int, int]) -> str:
        """Say why images of this size are not taken, and which would be; empty when they are."""
        wanted = ""
        if self.size is not None and size != tuple(self.size):
            wanted = f"{tuple(self.size)}"
        elif any(side % self.multiple_of for side in size):
            wanted = f"multiples of {self.multiple_of}"
        elif size[0] < self.least[0] or size[1] < self.least[1]:
            wanted = f"at least {tuple(self.least)}"
        return f"height and width of images must be {wanted}, got {size}" if wanted else ""


@dataclass(frozen=True, kw_only=True)
class RuntimeRequest:
    """What a runtime is built for.

    Attributes:
        model: the network as an ONNX file (image in, unit descriptor out; batch open, and size unless the contract
            fixes it); None for a spec with ``needs="network"``.
        network: the network as a torch module in evaluation mode; None for a spec with ``needs="onnx"``.
        digest: of weights and architecture; what a runtime compiles, it keeps under this and its own version.
        inputs: what the network takes and gives.
        cache: folder for what is worth keeping; it may hold files of other models and runtimes.
        threads: threads to use; None: the runtime's own choice.
        samples: yields batches of the user's images, as `inputs` says, to calibrate with; None: there are none.
        samples_digest: of which images these are; what is learnt from them is kept under it, too.
        calibrated: the file that a runtime of the same name, precision and network had as its ``calibrated``, when its
            numbers are to be had again; it is used instead of calibrating. None: there is none.
    """

    digest: str
    inputs: InputContract
    cache: Path
    model: Path | None = None
    network: Any = None
    threads: int | None = None
    samples: Callable[[], Iterable[Images]] | None = None
    samples_digest: str = ""
    calibrated: Path | None = None


class Runtime(Protocol):
    """Executes one network.

    One that learns from samples (int8) may also have ``calibrated``: the path of one ONNX file that holds what it has
    learnt. The host keeps it with what was computed, and gives it to the next request, on this machine or another.
    """

    @property
    def name(self) -> str:
        """The component's name."""
        ...

    @property
    def precision(self) -> str:
        """What it computes in: ``float32``, ``bfloat16``, ``float16`` or ``int8``."""
        ...

    def run(self, images: Images) -> Float32Array:
        """Return the descriptors ``(B, D)``, float32, of ``images (B, 3, H, W)``.

        A row depends on its image alone, up to rounding of the precision; ``images`` are left as they were. Raises
        ``ValueError`` for what the input contract does not allow.
        """
        ...

    def describe(self) -> Mapping[str, Any]:
        """Return what identifies the computation, as plain data for a run's provenance.

        At least ``name``, ``precision`` and ``version`` (of the software that executes), and what else changes the
        numbers: device, instruction set, calibration.
        """
        ...
