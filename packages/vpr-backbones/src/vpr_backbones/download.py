"""Published weights, fetched once into torch's or Hugging Face's own cache."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from vpr_backbones.without_compiler import without_compiler

__all__ = ["fetch_timm", "fetch_torchvision", "room_for"]


def fetch_torchvision(name: str) -> Path:
    """Return the file of torchvision's IMAGENET1K_V1 weights of a network, downloading it if need be.

    The file lies where torchvision itself keeps it; its name holds the first digits of its SHA-256, which are checked.

    Raises:
        ConnectionError: it is not there and cannot be downloaded; says where to put it by hand.
    """
    with without_compiler():
        import torchvision.models

    url: str = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].url
    return _fetch_url(name, url)


def fetch_timm(name: str, published: Any) -> Path:
    """Return the file of a timm model's published weights, downloading it if need be.

    Args:
        name: of the model, for messages.
        published: timm's ``pretrained_cfg``, which says where the weights are.

    Raises:
        ValueError: nothing is published for this model.
        ConnectionError: it is not there and cannot be downloaded.
    """
    hub, url = published.get("hf_hub_id"), published.get("url")
    if not hub and not url:
        raise ValueError(f"weights: timm publishes no weights of {name!r}; say weights: none, or give a file")
    if not hub:
        return _fetch_url(name, url)
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = hub.partition("@")
    named = published.get("hf_hub_filename")
    files = [named] if named else ["model.safetensors", "pytorch_model.bin"]
    problem: Exception | None = None
    for file in files:
        try:
            return Path(hf_hub_download(repository, file, revision=revision or None))
        except LocalEntryNotFoundError as error:
            problem = error
            break
        except EntryNotFoundError as error:
            problem = error
        except (HfHubHTTPError, OSError, RuntimeError) as error:
            problem = error
            break
    address = f"https://huggingface.co/{repository}"
    raise ConnectionError(explain(name, address, "the Hugging Face cache ($HF_HOME)", problem)) from problem


def _fetch_url(name: str, url: str) -> Path:
    """Download into torch's cache, checking the digits of the SHA-256 that are part of the name.

    The download grows in a folder of its own beside the file, and is moved when it is whole and has been checked. What
    a killed start left in that folder goes with the next one; a second process waits instead of fetching it again.
    """
    path: Path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if path.is_file():
        return path
    digits = path.stem.rpartition("-")[2]
    is_hash = len(digits) >= 8 and set(digits) <= set("0123456789abcdef")
    try:
        with room_for(path) as room:
            if not path.is_file():  # or another process was faster
                torch.hub.download_url_to_file(
                    url, str(room / path.name), hash_prefix=digits if is_hash else None, progress=False
                )
                (room / path.name).replace(path)
    except (OSError, RuntimeError) as error:
        raise ConnectionError(explain(name, url, str(path), error)) from error
    return path


@contextlib.contextmanager
def room_for(path: Path) -> Iterator[Path]:
    """An empty folder beside ``path`` that is this process's alone, and is gone afterwards.

    The folder itself is locked, by the operating system: a killed owner leaves an unlocked folder, which is taken over
    and emptied; a living one is waited for.
    """
    room = path.with_name(f".{path.name}.part")
    while True:
        room.mkdir(parents=True, exist_ok=True)
        lock = _locked(room)
        if lock is None or _is_still(room, lock):
            break
        os.close(lock)  # its owner removed it while we waited: another folder has that name by now
    try:
        for left in room.iterdir():
            left.unlink()
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A handle that holds the lock; None where folders cannot be locked: there a file may be fetched twice."""
    if os.name == "nt":
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _is_still(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


def explain(name: str, url: str, place: str, error: BaseException | None) -> str:
    """The message for weights that cannot be had."""
    return (
        f"weights: imagenet weights of {name} cannot be downloaded from {url} ({type(error).__name__}: {error}). "
        f"Fetch that file on a machine with a network and either put it at {place} or say weights: <path to the file>; "
        "weights: none starts from random numbers"
    )
