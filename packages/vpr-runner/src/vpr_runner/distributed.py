"""Several processes, one training run: the ``torchrun`` environment contract and nothing else.

``RANK`` and ``WORLD_SIZE`` say who a process is, whoever started it (torchrun, SLURM, Ray Train). Every process draws
the same random numbers, since they are keyed, so only two things travel: slices of the descriptor cache, and the sums
of gradients and of violating triplets. Only rank 0 writes.

A process that dies ends the job (collectives run into `TIMEOUT`); start it again and it resumes from its checkpoint.
``torch.distributed`` trusts its network: use it on a private one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from vpr_core import UsageError, VPRError

__all__ = ["ONE_PROCESS", "TIMEOUT", "Ranks", "process_group", "ranks_of_environment"]

TIMEOUT = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int = 0
    world: int = 1

    @property
    def is_main(self) -> bool:
        """True in the one process that writes."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return this process's contiguous part of ``0 .. count - 1``; parts differ in length by one at most."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def gather_rows(self, local: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
        """Fill ``out`` with every process's `share` of rows, in order; ``local`` is this process's."""
        if self.world == 1:
            if out is not local:
                out[:] = local
            return
        shares = [Ranks(rank=rank, world=self.world).share(len(out)) for rank in range(self.world)]
        longest = max(share.stop - share.start for share in shares)
        padded = torch.zeros((longest, *out.shape[1:]), dtype=torch.from_numpy(local[:0]).dtype)
        padded[: len(local)] = torch.from_numpy(np.ascontiguousarray(local))
        device = _collective_device()
        parts = [torch.empty_like(padded, device=device) for _ in shares]
        with _together():
            dist.all_gather(parts, padded.to(device))
        for share, part in zip(shares, parts, strict=True):
            out[share] = part[: share.stop - share.start].cpu().numpy()

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.world > 1:
            for tensor in tensors:
                with _together():
                    dist.all_reduce(tensor)

    def same_weights(self, module: torch.nn.Module) -> None:
        """Give every process rank 0's parameters and buffers."""
        if self.world > 1:
            for tensor in module.state_dict().values():
                with _together():
                    dist.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.world > 1:
            with _together():
                dist.barrier()


ONE_PROCESS = Ranks()


def ranks_of_environment(device: torch.device) -> Ranks:
    """Return who this process is, without joining a group, and make its own accelerator the current one.

    Raises:
        UsageError: the environment's numbers make no sense.
    """
    rank, world = _number("RANK", 0), _number("WORLD_SIZE", 1)
    if world == 1:
        return ONE_PROCESS
    if rank >= world:
        raise UsageError(f"environment variable RANK is {rank}; with WORLD_SIZE {world} it is less than that")
    if device.type == "cuda":
        torch.cuda.set_device(_number("LOCAL_RANK", 0) % torch.cuda.device_count())
    return Ranks(rank=rank, world=world)


@contextmanager
def process_group(device: torch.device) -> Iterator[Ranks]:
    """Join the process group that the environment describes; without one, be the only process."""
    ranks = ranks_of_environment(device)
    if ranks.world == 1:
        yield ranks
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield ranks
    finally:
        dist.destroy_process_group()


@contextmanager
def _together() -> Iterator[None]:
    """Say in a sentence that another process is gone: its own message is further up, among those of all processes."""
    try:
        yield
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0]
        raise VPRError(
            f"another process of this job has ended or cannot be reached ({said}); start the same command again, it "
            "goes on from its last checkpoint"
        ) from error


def _collective_device() -> torch.device:
    return torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise UsageError(f"environment variable {name} is {text!r}; a launcher such as torchrun sets it to a number")
    return int(text)
