"""One optimisation step, equal to the plain one however it is cut up: over micro-batches or over processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from vpr_runner.distributed import ONE_PROCESS, Ranks
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch
from vpr_runner.keys import key
from vpr_runner.training.refusal import Remembered

__all__ = ["NonFiniteLossError", "Stepper", "Terms"]

Terms = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Descriptors ``(U, D)`` to a loss's sum and the number it is to be divided by."""


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient is NaN or infinite."""


@dataclass(kw_only=True)
class Stepper:
    """Accumulates the gradient of a loss's sum, divides it by the loss's count, and steps.

    Attributes:
        optimizer: steps the parameters that are trained.
        compute: device and precision.
        micro_batch: images a forward pass. A larger step is done by gradient caching: all descriptors without a graph,
            the loss's gradient with respect to them, then each part again with a graph. It costs a third more time,
            is exact for any loss, and needs a network whose images do not influence one another.
        grad_clip: largest norm of the gradient, or None.
        ranks: the processes that share a batch.
        remembering: modules with buffers that a forward pass changes, network and loss: as they were after a step that
            was not taken.
    """

    optimizer: torch.optim.Optimizer
    compute: Compute
    micro_batch: int | None = None
    grad_clip: float | None = None
    ranks: Ranks = ONE_PROCESS
    remembering: Sequence[nn.Module] = ()

    def __post_init__(self) -> None:
        half = self.compute.precision == "float16"
        self.scaler = torch.amp.GradScaler(self.compute.device.type, enabled=half)

    def step(
        self, forward: Callable[[Tensor], Tensor], batches: Sequence[Batch], terms: Terms, *, seed: int
    ) -> tuple[float, float]:
        """Make one step and return ``(sum, count)`` of the loss over all processes.

        A step whose count is 0 (no violating triplet) changes neither weights nor momentum. One that is refused, by
        whatever exception, or left out by the scaler of float16, changes nothing at all.

        Args:
            forward: values of a batch to descriptors.
            batches: this process's images; may be empty in a process that has no tuple of this step.
            terms: the loss.
            seed: keys dropout and its like.

        Raises:
            NonFiniteLossError: nothing was changed.
        """
        with Remembered(self.remembering) as memory:
            loss_sum, divisor, taken = self._step(forward, batches, terms, seed=seed)
            if taken:
                memory.keep()
        return loss_sum, divisor

    def _step(
        self, forward: Callable[[Tensor], Tensor], batches: Sequence[Batch], terms: Terms, *, seed: int
    ) -> tuple[float, float, bool]:
        self.optimizer.zero_grad(set_to_none=True)
        total, count = self._accumulate(forward, batches, terms, seed=seed)
        sums = torch.stack([total, count]).double()
        self.ranks.add([sums])
        loss_sum, divisor = (float(value) for value in sums)
        if not np.isfinite(loss_sum):
            raise NonFiniteLossError(f"loss is {loss_sum}")
        if divisor == 0:
            return loss_sum, divisor, True
        self._share_gradients()
        self.scaler.unscale_(self.optimizer)
        gradients = [parameter.grad for parameter in self._parameters() if parameter.grad is not None]
        torch._foreach_div_(gradients, divisor)
        norm = torch.nn.utils.get_total_norm(gradients)
        if not self.scaler.is_enabled() and not torch.isfinite(norm):
            raise NonFiniteLossError(f"gradient norm is {float(norm)} at loss {loss_sum / divisor:g}")
        if self.grad_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self._parameters(), self.grad_clip, norm)
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss_sum, divisor, self.scaler.get_scale() >= scale  # it is lowered where the gradient was not finite

    def _accumulate(
        self, forward: Callable[[Tensor], Tensor], batches: Sequence[Batch], terms: Terms, *, seed: int
    ) -> tuple[Tensor, Tensor]:
        """Leave the gradient of the loss's sum in the parameters."""
        zero = torch.zeros((), device=self.compute.device)
        if not batches:
            return zero, zero
        pieces = list(_pieces(batches, self.micro_batch))
        order = torch.from_numpy(np.argsort(np.concatenate([piece.rows for piece in pieces])))

        def run(number: int) -> Tensor:
            torch.manual_seed(key(seed, number))
            with self.compute.autocast():
                descriptors = forward(pieces[number].values)
            return descriptors.float()

        whole = self.micro_batch is None or len(order) <= self.micro_batch
        with torch.set_grad_enabled(whole):
            parts = [run(number) for number in range(len(pieces))]
        descriptors = torch.cat(parts)
        if not whole:
            descriptors.requires_grad_()
        total, count = terms(descriptors[order.to(descriptors.device)])
        if not bool(torch.isfinite(total)) or float(count) == 0:
            return total.detach(), count.detach()
        torch.autograd.backward(self.scaler.scale(total))
        if not whole and descriptors.grad is not None:
            shares = torch.split(descriptors.grad, [len(part) for part in parts])
            for number, share in enumerate(shares):
                torch.autograd.backward(run(number), share)
        return total.detach(), count.detach()

    def _share_gradients(self) -> None:
        """Sum gradients over processes, leaving alone what no process has a gradient for."""
        if self.ranks.world == 1:
            return
        parameters = self._parameters()
        present = torch.tensor([float(p.grad is not None) for p in parameters], device=self.compute.device)
        self.ranks.add([present])
        shared = [p for p, anywhere in zip(parameters, present.tolist(), strict=True) if anywhere]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in shared])
        self.ranks.add([flat])
        for parameter, part in zip(shared, torch.split(flat, [p.numel() for p in shared]), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


def _pieces(batches: Iterable[Batch], size: int | None) -> Iterable[Batch]:
    for batch in batches:
        for start in range(0, len(batch.rows), size or len(batch.rows)):
            stop = start + (size or len(batch.rows))
            yield Batch(batch.rows[start:stop], batch.values[start:stop])
