"""The contract of losses over tuples."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["TupleLossContract"]


class TupleLossContract(Contract):
    """A loss over ``query (T, D)``, ``positives (T, P, D)``, ``negatives (T, K, D)`` with boolean masks.

    Attributes:
        tolerance: largest relative difference of two losses that should be equal.
        ordered: the loss regards the order of positives and negatives (it uses the first of them).
        spreads: how far apart the descriptors lie that it is tried with.
    """

    kind = "loss"
    ordered: ClassVar[bool] = False
    spreads: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.4)
    tolerance: ClassVar[float] = 1e-5

    def tuple_loss(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build the loss; skips when it learns from place labels."""
        if getattr(case.spec, "supervision", None) != "tuples":
            pytest.skip("learns from place labels")
        return case.build_with(config or case.config)

    def tuples(self, count: int = 6, positives: int = 3, negatives: int = 5, *, spread: float = 0.4) -> list[Tensor]:
        """Unit descriptors around one direction, so that some negatives are nearer than the positives."""
        generator = torch.Generator().manual_seed(3)
        center = torch.randn(16, generator=generator)
        shapes = [(count, 16), (count, positives, 16), (count, negatives, 16)]
        return [F.normalize(center + spread * 4 * torch.randn(*s, generator=generator), dim=-1) for s in shapes]

    def masks(self, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """Masks that keep the first positive and the first two negatives of each tuple, and a few more."""
        generator = torch.Generator().manual_seed(9)
        positive = torch.rand(positives.shape[:2], generator=generator) < 0.5
        negative = torch.rand(negatives.shape[:2], generator=generator) < 0.5
        positive[:, 0] = True
        negative[:, :2] = True
        return positive, negative

    def value_and_gradients(self, loss: Any, tensors: list[Tensor], **masks: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The loss, and its gradient for query, positives and negatives."""
        leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
        value = loss(*leaves, **masks)
        if value.ndim or not value.requires_grad:
            return value, [torch.zeros_like(leaf) for leaf in leaves]
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(value, leaves, allow_unused=True)
        return value.detach(), [
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(leaves, gradients, strict=True)
        ]

    def close(self, first: Tensor, second: Tensor) -> bool:
        """Whether two results are equal but for rounding."""
        return torch.allclose(first, second, rtol=self.tolerance, atol=self.tolerance)

    def test_tuples_scalar_and_gradient(self, case: Case) -> None:
        """A finite scalar with finite gradients, and query, positives and negatives all feel it somewhere."""
        loss = self.tuple_loss(case)
        felt = dict.fromkeys(("query", "positives", "negatives"), False)
        for spread in self.spreads:
            value, gradients = self.value_and_gradients(loss, self.tuples(spread=spread))
            case.require(value.ndim == 0, f"forward must return a scalar, got shape {tuple(value.shape)}")
            case.require(torch.isfinite(value), f"the loss of ordinary unit descriptors is {value.item()}")
            for name, gradient in zip(felt, gradients, strict=True):
                case.require(torch.isfinite(gradient).all(), f"the gradient for {name} is not finite")
                felt[name] |= bool(gradient.any())
        silent = [name for name, was in felt.items() if not was]
        case.require(not silent, f"no gradient ever reaches {', '.join(silent)}, near or far; detach nothing")

    def test_tuples_terms_agree_with_forward(self, case: Case) -> None:
        """``forward == sum / max(count, 1)``, with and without masks."""
        loss = self.tuple_loss(case)
        tensors = self.tuples()
        positive, negative = self.masks(*tensors[1:])
        for masks in ({}, {"positive_mask": positive, "negative_mask": negative}):
            total, count = loss.terms(*tensors, **masks)
            wanted = total / torch.as_tensor(count).clamp(min=1)
            got = loss(*tensors, **masks)
            case.require(
                self.close(got, wanted.to(got.dtype)),
                f"forward gives {got.item():.7g}, terms give {wanted.item():.7g}; return sum / max(count, 1) of terms",
            )

    def test_tuples_terms_add_up(self, case: Case) -> None:
        """The terms of a batch are the sums of its tuples' terms: a step accumulated over parts is the whole step."""
        loss = self.tuple_loss(case)
        tensors = self.tuples()
        positive, negative = self.masks(*tensors[1:])
        whole = loss.terms(*tensors, positive_mask=positive, negative_mask=negative)
        parts = [
            loss.terms(
                *(t[i : i + 1] for t in tensors), positive_mask=positive[i : i + 1], negative_mask=negative[i : i + 1]
            )
            for i in range(len(tensors[0]))
        ]
        for position, name in enumerate(("sum", "count")):
            total = torch.stack([torch.as_tensor(part[position]).double() for part in parts]).sum()
            case.require(
                self.close(torch.as_tensor(whole[position]).double(), total),
                f"the {name} of six tuples is {float(whole[position]):.7g}, the {name}s of each add up to "
                f"{float(total):.7g}; "
                "average in forward only, and let no tuple see another",
            )

    def test_tuples_masks_are_kept(self, case: Case) -> None:
        """What is masked out changes neither the loss nor gets a gradient, whatever stands there."""
        loss = self.tuple_loss(case)
        tensors = self.tuples()
        positive, negative = self.masks(*tensors[1:])
        masks = {"positive_mask": positive, "negative_mask": negative}
        value, gradients = self.value_and_gradients(loss, tensors, **masks)
        for name, position, mask in (("positive", 1, positive), ("negative", 2, negative)):
            for kind, filler in {"zeros": 0.0, "large numbers": 50.0}.items():
                spoiled = list(tensors)
                spoiled[position] = torch.where(mask[..., None], tensors[position], torch.tensor(filler))
                other, changed = self.value_and_gradients(loss, spoiled, **masks)
                case.require(
                    self.close(value, other),
                    f"{kind} in masked-out {name}s change the loss from {value.item():.7g} to {other.item():.7g}; heed "
                    f"{name}_mask",
                )
                case.require(
                    not changed[position][~mask].any(),
                    f"masked-out {name}s ({kind}) get a gradient; use torch.where with the mask before the sum",
                )
            case.require(not gradients[position][~mask].any(), f"masked-out {name}s get a gradient; heed {name}_mask")

    def test_tuples_empty_rows_teach_nothing(self, case: Case) -> None:
        """A tuple without negatives or positives leaves the others alone; without both it is as if it were not "
        "there."""
        loss = self.tuple_loss(case)
        tensors = self.tuples()
        positive, negative = (torch.ones(t.shape[:2], dtype=torch.bool) for t in tensors[1:])
        keep = torch.arange(len(tensors[0])) != 2
        wanted = loss.terms(*(t[keep] for t in tensors))
        empty_positive, empty_negative = positive.clone(), negative.clone()
        empty_positive[2], empty_negative[2] = False, False
        got = loss.terms(*tensors, positive_mask=empty_positive, negative_mask=empty_negative)
        case.require(
            all(
                self.close(torch.as_tensor(a).double(), torch.as_tensor(b).double())
                for a, b in zip(got, wanted, strict=True)
            ),
            f"a tuple that is masked out altogether gives (sum, count) = {_pair(got)} where leaving it out gives "
            f"{_pair(wanted)}; let such a tuple add nothing to either",
        )
        for name, masks in {
            "negatives": {"positive_mask": positive, "negative_mask": empty_negative},
            "positives": {"positive_mask": empty_positive, "negative_mask": negative},
            "tuples": {"positive_mask": positive & False, "negative_mask": negative & False},
        }.items():
            value, gradients = self.value_and_gradients(loss, tensors, **masks)
            case.require(
                torch.isfinite(value) and all(torch.isfinite(gradient).all() for gradient in gradients),
                f"a tuple without {name} gives a loss or gradient that is not finite; the best of nothing is infinite: "
                "leave such tuples out with torch.where before the difference",
            )
        case.require(
            value == 0 and all(not gradient.any() for gradient in gradients),
            f"with everything masked out the loss must be 0 with zero gradients, got {value.item()}",
        )

    def test_tuples_order_does_not_matter(self, case: Case) -> None:
        """Neither the order of tuples nor that of their negatives and positives changes the loss."""
        loss = self.tuple_loss(case)
        query, positives, negatives = self.tuples()
        value = loss(query, positives, negatives)
        orders = {
            "tuples": (query.flip(0), positives.flip(0), negatives.flip(0)),
            "positives": (query, positives.flip(1), negatives),
            "negatives": (query, positives, negatives.flip(1)),
        }
        for name, given in orders.items():
            if name != "tuples" and self.option(case, "ordered"):
                continue
            other = loss(*given)
            case.require(
                self.close(value, other),
                f"reversing the {name} changes the loss from {value.item():.7g} to {other.item():.7g}"
                + ("; set ordered = True if it is meant to use the first" if name != "tuples" else ""),
            )

    def test_tuples_degenerate_descriptors(self, case: Case) -> None:
        """Equal descriptors and zero descriptors give a finite loss and finite gradients."""
        loss = self.tuple_loss(case)
        query, positives, negatives = self.tuples()
        degenerate = {
            "equal": [query, query[:, None].expand_as(positives), query[:, None].expand_as(negatives)],
            "zero": [tensor * 0 for tensor in (query, positives, negatives)],
        }
        for name, given in degenerate.items():
            value, gradients = self.value_and_gradients(loss, given)
            case.require(
                torch.isfinite(value) and all(torch.isfinite(gradient).all() for gradient in gradients),
                f"{name} descriptors give a loss or gradient that is not finite; the square root has no gradient at 0: "
                "use squared distances or an eps under the root",
            )

    def test_tuples_shapes_are_checked(self, case: Case) -> None:
        """Shapes that do not belong together are an error, not a broadcast."""
        loss = self.tuple_loss(case)
        query, positives, negatives = self.tuples()
        wrong = {
            "another number of tuples": (query, positives[:1], negatives),
            "another dimension": (query, positives, negatives[..., :1]),
            "no axis of negatives": (query, positives, negatives[:, 0]),
        }
        for name, given in wrong.items():
            try:
                loss(*given)
            except (ValueError, RuntimeError):
                continue
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in given)
            case.breach(
                f"takes {name} without a word: {shapes}; check the shapes and raise ValueError that prints them"
            )

    def test_tuples_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes a loss or a gradient."""
        self.tuple_loss(case)
        check_fields_matter(case, lambda config: self.observe_tuples(case, config))

    def observe_tuples(self, case: Case, config: ComponentConfig) -> str:
        """Digest of losses, terms and gradients over near and far tuples."""
        loss = self.tuple_loss(case, config)
        seen: list[Any] = []
        for spread in self.spreads:
            tensors = [tensor.double() for tensor in self.tuples(spread=spread)]
            seen.append(self.value_and_gradients(loss, tensors))
            seen.append([torch.as_tensor(term) for term in loss.terms(*tensors)])
        return digest(*seen)


def _pair(terms: tuple[Tensor, Tensor]) -> str:
    return f"({float(terms[0]):.7g}, {float(terms[1]):.7g})"
