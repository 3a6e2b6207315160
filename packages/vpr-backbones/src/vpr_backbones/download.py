"""Published weights, fetched once into torch's or Hugging Face's own cache."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision.models

__all__ = ["fetch_torchvision"]


def fetch_torchvision(name: str) -> Path:
    """Return the file of torchvision's IMAGENET1K_V1 weights of a network, downloading it if need be.

    The file lies where torchvision itself keeps it; its name holds the first digits of its SHA-256, which are checked.

    Raises:
        ConnectionError: it is not there and cannot be downloaded; says where to put it by hand.
    """
    url: str = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].url
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    digits = path.stem.rpartition("-")[2]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digits, progress=False)
    except (OSError, RuntimeError) as error:
        raise ConnectionError(explain(name, url, path, error)) from error
    return path


def explain(name: str, url: str, path: Path, error: BaseException) -> str:
    """The message for weights that cannot be had."""
    return (
        f"weights: imagenet weights of {name} cannot be downloaded from {url} ({type(error).__name__}: {error}). "
        f"Fetch that file on a machine with a network and either put it at {path} or say weights: <path to the file>; "
        "weights: none starts from random numbers"
    )
