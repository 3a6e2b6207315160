"""What identifies the data that a network was trained on, or that a number was measured on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from vpr_runner.files.contents import digest_of_contents

if TYPE_CHECKING:
    from vpr_runner.files.contents import NamedFiles

__all__ = ["fingerprint_of_benchmark", "fingerprint_of_data"]


def fingerprint_of_data(dataset: Any) -> str | None:
    """Return the SHA-256 of what a data set says of itself and of every image of its splits.

    A data set answers quickly, and so by names, positions and lengths of files; two images of one length that change
    places are other data nonetheless.

    Args:
        dataset: a `vpr_core.types.Dataset`.

    Returns:
        None when the data set says nothing.
    """
    fingerprint = getattr(dataset, "fingerprint", None)
    if not callable(fingerprint):
        return None
    parts = [str(fingerprint())]
    for name in dataset.split_names:
        try:
            split = dataset.split(name)
        except (FileNotFoundError, ValueError) as error:  # one that is not there may not be what is asked about
            parts += [name, type(error).__name__]
        else:
            parts += [name, digest_of_contents(split.database), digest_of_contents(split.queries)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fingerprint_of_benchmark(said: str, images: NamedFiles) -> str:
    """Return the same for a retrieval benchmark, whose own fingerprint is ``said``."""
    return hashlib.sha256(f"{said}\n{digest_of_contents(images)}".encode()).hexdigest()
