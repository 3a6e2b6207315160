"""Images that can be read, and that the network does not take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vpr_core import UsageError

__all__ = ["SizeRefusedError", "refused_by_layers"]

_TOO_SMALL = (
    "output size is too small",  # pooling
    "kernel size can't be greater than actual input size",  # convolution
    "padding size should be less than the corresponding input dimension",  # reflection
)
"""What torch's layers say, in lower case, of an image that has become smaller than they are; its kind is no other."""


class SizeRefusedError(UsageError):
    """The network takes no images of this size; says which it would take."""


@contextmanager
def refused_by_layers(height: int, width: int) -> Iterator[None]:
    """Say it as `SizeRefusedError` when a layer finds an image of ``height x width`` pixels too small."""
    try:
        yield
    except RuntimeError as error:
        said = str(error)
        if not any(phrase in said.lower() for phrase in _TOO_SMALL):
            raise
        raise SizeRefusedError(
            f"an image of {height} x {width} pixels is too small for the network's layers ({said.splitlines()[0]}); "
            "take a larger one, or have all images resized (image.size, image.short_side)"
        ) from error
