"""The loss contracts pass sound losses and catch each fault, and nothing but that fault."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from vpr_core import ComponentConfig, LossSpec
from vpr_core.testing import LossContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["loss"] = "loss"
    margin: float = Field(default=0.1, ge=0, le=4, description="Margin.")


class Ranking(nn.Module):
    """A sound loss: hinge of the best positive against each negative, over the negatives that violate."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.margin = config.margin

    def terms(
        self,
        query: Tensor,
        positives: Tensor,
        negatives: Tensor,
        *,
        positive_mask: Tensor | None = None,
        negative_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        self.check(query, positives, negatives)
        near, far = self.distance(query, positives), self.distance(query, negatives)
        if positive_mask is not None:
            near = torch.where(positive_mask, near, torch.inf)
        best = self.best(near)
        usable = torch.isfinite(best)[:, None].expand_as(far)
        if negative_mask is not None:
            usable = usable & negative_mask
        hinge = torch.where(torch.isfinite(best), best, 0.0)[:, None] + self.margin - far
        hinge = torch.where(usable, hinge, 0.0).clamp(min=0)
        return hinge.sum(), (hinge > 0).sum()

    def forward(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> Tensor:
        total, count = self.terms(query, positives, negatives, **masks)
        return total / count.clamp(min=1)

    def check(self, query: Tensor, positives: Tensor, negatives: Tensor) -> None:
        for name, given in (("positives", positives), ("negatives", negatives)):
            if given.ndim != 3 or (given.shape[0], given.shape[2]) != tuple(query.shape):
                raise ValueError(f"{name} must be (T, n, D) for query {tuple(query.shape)}, got {tuple(given.shape)}")

    def distance(self, query: Tensor, others: Tensor) -> Tensor:
        return (query[:, None] - others).square().sum(dim=2)

    def best(self, near: Tensor) -> Tensor:
        return near.min(dim=1).values


def spec_of(loss: Any, supervision: Any = "tuples") -> LossSpec[Any]:
    return LossSpec(name="loss", config=Config, build=loss, summary="A loss.", supervision=supervision)


def test_a_sound_tuple_loss_keeps_the_contract() -> None:
    assert breaches(LossContract, spec_of(Ranking)) == {}


class NotScalar(Ranking):
    def forward(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> Tensor:
        return super().forward(query, positives, negatives, **masks)[None]


class MeanInstead(Ranking):
    def forward(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> Tensor:
        total, count = self.terms(query, positives, negatives, **masks)
        return total / (count.clamp(min=1) * 2)


class AveragesInTerms(Ranking):
    def terms(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        total, count = super().terms(query, positives, negatives, **masks)
        return total / count.clamp(min=1), (count > 0).long()


class DeafToNegativeMask(Ranking):
    def terms(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        masks.pop("negative_mask", None)
        return super().terms(query, positives, negatives, **masks)


class LeaksGradientIntoMasked(Ranking):
    def terms(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        total, count = super().terms(query, positives, negatives, **masks)
        return total + (negatives - negatives.detach()).sum(), count


class RootWithoutEps(Ranking):
    def distance(self, query: Tensor, others: Tensor) -> Tensor:
        return super().distance(query, others).sqrt()


class Broadcasts(Ranking):
    def check(self, query: Tensor, positives: Tensor, negatives: Tensor) -> None:
        pass


class DetachedNegatives(Ranking):
    def terms(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().terms(query, positives, negatives.detach(), **masks)


class FirstPositiveOnly(Ranking):
    def best(self, near: Tensor) -> Tensor:
        return near[:, 0]


class ForgetsMargin(Ranking):
    def __init__(self, config: Config) -> None:
        super().__init__(Config())


class InfiniteWithoutPositives(Ranking):
    def best(self, near: Tensor) -> Tensor:
        return near.min(dim=1).values.clamp(max=1e38)


class EmptyRowsCount(Ranking):
    def terms(self, query: Tensor, positives: Tensor, negatives: Tensor, **masks: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        total, count = super().terms(query, positives, negatives, **masks)
        return total, count + len(query)


BROKEN: dict[type[Ranking], dict[str, str]] = {
    NotScalar: {"test_tuples_scalar_and_gradient": "forward must return a scalar, got shape (1,)"},
    MeanInstead: {"test_tuples_terms_agree_with_forward": "return sum / max(count, 1) of terms"},
    AveragesInTerms: {"test_tuples_terms_add_up": "average in forward only"},
    DeafToNegativeMask: {"test_tuples_masks_are_kept": "zeros in masked-out negatives change the loss"},
    LeaksGradientIntoMasked: {
        "test_tuples_masks_are_kept": "masked-out negatives (zeros) get a gradient; use torch.where",
        "test_tuples_empty_rows_teach_nothing": "the loss must be 0 with zero gradients",
    },
    RootWithoutEps: {"test_tuples_degenerate_descriptors": "the square root has no gradient at 0"},
    Broadcasts: {
        "test_tuples_shapes_are_checked": "takes another number of tuples without a word: (6, 16), (1, 3, 16)"
    },
    DetachedNegatives: {"test_tuples_scalar_and_gradient": "no gradient ever reaches negatives, near or far"},
    FirstPositiveOnly: {"test_tuples_order_does_not_matter": "reversing the positives changes the loss"},
    ForgetsMargin: {"test_tuples_config_fields_matter": "the field 'margin' changes nothing: 0.1 and 0.2"},
    InfiniteWithoutPositives: {"test_tuples_empty_rows_teach_nothing": "a tuple without positives gives"},
    EmptyRowsCount: {"test_tuples_empty_rows_teach_nothing": "let such a tuple add nothing to either"},
}


@pytest.mark.parametrize(("loss", "expected"), BROKEN.items(), ids=[loss.__name__ for loss in BROKEN])
def test_a_fault_of_a_tuple_loss_is_caught(loss: type[Ranking], expected: dict[str, str]) -> None:
    found = breaches(LossContract, spec_of(loss))
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert found[test].startswith("loss 'loss': ")
        assert said in found[test]


def test_a_loss_that_uses_the_first_positive_may_say_so() -> None:
    assert breaches(LossContract, spec_of(FirstPositiveOnly), Trial(options={"ordered": True})) == {}


def test_no_terms() -> None:
    class NoTerms(nn.Module):
        def __init__(self, config: Config) -> None:
            super().__init__()

        def forward(self, query: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
            return query.sum()

    found = breaches(LossContract, spec_of(NoTerms))
    assert "needs terms(...) -> (sum, count)" in found["test_supervision_is_declared"]


# --- place labels -----------------------------------------------------------------------------------------------------


class Places(nn.Module):
    """A sound loss over labels: each pair of one place drawn near, each of two pushed out of the margin."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.margin = config.margin

    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        if len(descriptors) != len(places):
            raise ValueError(f"places must have {len(descriptors)} labels, got {len(places)}")
        square = (descriptors[:, None] - descriptors[None]).square().sum(dim=2)
        same = places[:, None] == places[None]
        return self.reduce(torch.where(same, square, (1 + self.margin - square).clamp(min=0)), same)

    def reduce(self, pairs: Tensor, same: Tensor) -> Tensor:
        return pairs.mean()


def test_a_sound_place_loss_keeps_the_contract() -> None:
    assert breaches(LossContract, spec_of(Places, "places")) == {}


class Vector(Places):
    def reduce(self, pairs: Tensor, same: Tensor) -> Tensor:
        return pairs.mean(dim=1)


class MeanOverNothing(Places):
    def reduce(self, pairs: Tensor, same: Tensor) -> Tensor:
        return pairs[~same].mean() + pairs[same].mean()


class OrderOfImages(Places):
    def reduce(self, pairs: Tensor, same: Tensor) -> Tensor:
        return (pairs * torch.arange(len(pairs))).mean()


class NumbersOfPlaces(Places):
    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        return super().forward(descriptors, places) + places.sum() * descriptors.square().mean()


class BlindToPlaces(Places):
    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        if len(descriptors) != len(places):
            raise ValueError("lengths differ")
        return self.margin * descriptors.mean(dim=0).square().sum()


class Broadcast(Places):
    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        return super().forward(descriptors[: len(places)], places)


class Memory(Places):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.center = torch.zeros(16)

    def forward(self, descriptors: Tensor, places: Tensor) -> Tensor:
        value = super().forward(descriptors - self.center, places) + (descriptors - self.center).square().mean()
        self.center = self.center + 0.1 * descriptors.detach().mean(dim=0)
        return value


BROKEN_PLACES: dict[type[Places], dict[str, str]] = {
    Vector: {"test_places_scalar_and_gradient": "the loss must be a scalar, got shape (12,)"},
    MeanOverNothing: {
        "test_places_degenerate_batches": "a batch of one place gives a loss or gradient that is not finite"
    },
    OrderOfImages: {"test_places_order_and_names_do_not_matter": "the order of the images changes the loss"},
    NumbersOfPlaces: {"test_places_order_and_names_do_not_matter": "the number of a place changes the loss"},
    BlindToPlaces: {"test_places_labels_count": "whatever the places are; compare with the labels"},
    Broadcast: {"test_places_shapes_are_checked": "takes 11 labels for 12 descriptors without a word"},
    Memory: {"test_places_state_round_trips": "a second loss that loads the state_dict gives"},
}


@pytest.mark.parametrize(("loss", "expected"), BROKEN_PLACES.items(), ids=[loss.__name__ for loss in BROKEN_PLACES])
def test_a_fault_of_a_place_loss_is_caught(loss: type[Places], expected: dict[str, str]) -> None:
    found = breaches(LossContract, spec_of(loss, "places"))
    assert set(found) >= set(expected)
    assert loss is Vector or set(found) == set(expected)
    for test, said in expected.items():
        assert said in found[test]


def test_supervision_is_declared() -> None:
    found = breaches(LossContract, spec_of(Ranking, "labels"))
    assert "supervision must be 'tuples' or 'places', got 'labels'" in found["test_supervision_is_declared"]
