"""The contract of losses over place labels."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["PlaceLossContract"]


class PlaceLossContract(Contract):
    """A loss over labelled descriptors, ``(descriptors (B, D), places (B,)) -> scalar``.

    Attributes:
        dim: ``D`` of the descriptors it is tried with.
        stateless: the loss has no memory of earlier batches and no parameters; False for classifiers and memories.
        place_tolerance: largest relative difference of two losses that should be equal.
    """

    kind = "loss"
    dim: ClassVar[int] = 16
    stateless: ClassVar[bool] = True
    place_tolerance: ClassVar[float] = 1e-4

    def place_loss(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build the loss; skips when it learns from tuples."""
        if getattr(case.spec, "supervision", None) != "places":
            pytest.skip("learns from tuples")
        return case.build_with(config or case.config)

    def labelled(self, case: Case, places: int = 4, images: int = 3, *, spread: float = 1.0) -> tuple[Tensor, Tensor]:
        """``places * images`` unit descriptors scattered around one direction a place, and their labels."""
        generator = torch.Generator().manual_seed(3)
        centers = torch.randn(places, 1, self.option(case, "dim"), generator=generator)
        noise = torch.randn(places, images, self.option(case, "dim"), generator=generator)
        labels = torch.arange(places).repeat_interleave(images)
        return F.normalize((centers + spread * noise).flatten(0, 1), dim=1), labels

    def value_and_gradient(self, loss: Any, descriptors: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and its gradient for the descriptors."""
        leaf = descriptors.detach().clone().requires_grad_()
        value = loss(leaf, places)
        if value.ndim or not value.requires_grad:
            return value, torch.zeros_like(leaf)
        gradient: Tensor | None = torch.autograd.grad(value, [leaf], allow_unused=True)[0]
        return value.detach(), torch.zeros_like(leaf) if gradient is None else gradient

    def test_places_scalar_and_gradient(self, case: Case) -> None:
        """A finite scalar, and a finite gradient that is not zero while places overlap."""
        descriptors, places = self.labelled(case)
        value, gradient = self.value_and_gradient(self.place_loss(case), descriptors, places)
        case.require(value.ndim == 0, f"the loss must be a scalar, got shape {tuple(value.shape)}")
        case.require(torch.isfinite(value), f"the loss of ordinary unit descriptors is {value.item()}")
        case.require(torch.isfinite(gradient).all(), "the gradient is not finite")
        case.require(gradient.any(), "no gradient reaches the descriptors, though the places overlap; detach nothing")

    def test_places_degenerate_batches(self, case: Case) -> None:
        """One place only, every place once, equal and zero descriptors: finite loss, finite gradient."""
        descriptors, places = self.labelled(case)
        degenerate = {
            "a batch of one place": (descriptors, places * 0),
            "a batch without positives": (descriptors, torch.arange(len(places))),
            "a batch of one image": (descriptors[:1], places[:1]),
            "equal descriptors": (descriptors[:1].expand_as(descriptors), places),
            "zero descriptors": (descriptors * 0, places),
        }
        for name, (given, labels) in degenerate.items():
            value, gradient = self.value_and_gradient(self.place_loss(case), given, labels)
            case.require(
                torch.isfinite(value) and torch.isfinite(gradient).all(),
                f"{name} gives a loss or gradient that is not finite; a mean over nothing is 0/0, and a log or root "
                "has no "
                "gradient at 0",
            )

    def test_places_order_and_names_do_not_matter(self, case: Case) -> None:
        """Neither the order of images nor which number names a place changes the loss."""
        if not self.option(case, "stateless"):
            self.place_loss(case)
            pytest.skip("has parameters or a memory that belong to places by number")
        descriptors, places = self.labelled(case)
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(1))
        value = self.place_loss(case)(descriptors, places)
        other = {
            "the order of the images": self.place_loss(case)(descriptors[order], places[order]),
            "the number of a place": self.place_loss(case)(descriptors, 1000 - 7 * places),
        }
        for name, got in other.items():
            case.require(
                torch.allclose(value, got, rtol=self.option(case, "place_tolerance")),
                f"{name} changes the loss from {value.item():.7g} to {got.item():.7g}",
            )

    def test_places_labels_count(self, case: Case) -> None:
        """Other labels, another loss."""
        descriptors, places = self.labelled(case)
        value = self.place_loss(case)(descriptors, places)
        other = self.place_loss(case)(descriptors, places.roll(1))
        case.require(
            not torch.equal(value, other),
            f"the loss is {value.item():.7g} whatever the places are; compare with the labels",
        )

    def test_places_shapes_are_checked(self, case: Case) -> None:
        """One label an image, or an error."""
        loss = self.place_loss(case)
        descriptors, places = self.labelled(case)
        try:
            loss(descriptors, places[:-1])
        except (ValueError, RuntimeError, IndexError):
            return
        case.breach(f"takes {len(places) - 1} labels for {len(places)} descriptors without a word; raise ValueError")

    def test_places_state_round_trips(self, case: Case) -> None:
        """Parameters and memories of the loss are in its state_dict."""
        loss = self.place_loss(case)
        if not isinstance(loss, nn.Module):
            case.require(
                self.option(case, "stateless"), "has a state (stateless = False), so it must be a torch.nn.Module"
            )
            pytest.skip("is no module, so it has no state")
        descriptors, places = self.labelled(case)
        loss(descriptors, places)
        again = self.place_loss(case)
        again.load_state_dict(loss.state_dict(), strict=True)
        first, second = loss(descriptors.flip(0), places), again(descriptors.flip(0), places)
        case.require(
            torch.allclose(first, second),
            f"a second loss that loads the state_dict gives {second.item():.7g}, the first {first.item():.7g}; keep "
            "what "
            "changes in parameters and buffers",
        )

    def test_places_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes a loss or a gradient."""
        self.place_loss(case)
        check_fields_matter(case, lambda config: self.observe_places(case, config))

    def observe_places(self, case: Case, config: ComponentConfig) -> str:
        """Digest of losses and gradients over near and far places, two batches one after the other."""
        seen: list[Any] = []
        for spread in (0.1, 0.5, 1.0, 3.0):
            loss = self.place_loss(case, config)
            descriptors, places = self.labelled(case, spread=spread)
            seen.append(self.value_and_gradient(loss, descriptors, places))
            seen.append(self.value_and_gradient(loss, descriptors.flip(0), places))
        return digest(*seen)
