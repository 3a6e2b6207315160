"""The backbone contract passes a sound network and catches each fault, and nothing but that fault."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from vpr_core import BackboneSpec, ComponentConfig
from vpr_core.testing import BackboneContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["net"] = "net"
    width: int = Field(default=8, ge=1, le=64, description="Channels.")
    train_from: Literal["all", "top", "none"] = Field(default="top", description="Lowest trained stage.")


class Net(nn.Module):
    """A sound network of two stages with stride 4, the lower one frozen unless said otherwise."""

    stages = ("bottom", "top")
    mean = (0.5, 0.5, 0.5)
    std = (0.2, 0.2, 0.2)
    input_scale = 1.0
    stride = 4

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.out_channels = config.width
        self.split = {"all": 0, "top": 1, "none": 2}[config.train_from]
        self.bottom = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.top = nn.Sequential(nn.Conv2d(6, config.width, 3, 2, 1))
        for position, stage in enumerate((self.bottom, self.top)):
            stage.requires_grad_(position >= self.split)

    def train(self, mode: bool = True) -> Net:
        super().train(mode)
        for stage in (self.bottom, self.top)[: self.split]:
            stage.eval()
        return self

    def frozen(self, images: Tensor) -> Tensor:
        for stage in (self.bottom, self.top)[: self.split]:
            images = stage(images)
        return images

    def trainable(self, activations: Tensor) -> Tensor:
        for stage in (self.bottom, self.top)[self.split :]:
            activations = stage(activations)
        return activations

    def forward(self, images: Tensor) -> Tensor:
        return self.trainable(self.frozen(images))


def spec_of(net: Any) -> BackboneSpec[Any]:
    return BackboneSpec(name="net", config=Config, build=net, summary="A net.")


@pytest.mark.parametrize("train_from", ["all", "top", "none"])
def test_a_sound_network_keeps_the_contract(train_from: str) -> None:
    assert breaches(BackboneContract, spec_of(Net), Trial(parameters={"train_from": train_from})) == {}


class WrongChannels(Net):
    def trainable(self, activations: Tensor) -> Tensor:
        return super().trainable(activations)[:, :-1]


class WrongStride(Net):
    stride = 16


class TokensInsteadOfMap(Net):
    def trainable(self, activations: Tensor) -> Tensor:
        return super().trainable(activations).flatten(2).transpose(1, 2)


class NoStd(Net):
    std = (0.2, 0.0, 0.2)


class RepeatedStages(Net):
    stages = ("a", "a")


class BatchDependent(Net):
    def trainable(self, activations: Tensor) -> Tensor:
        activations = super().trainable(activations)
        return activations - activations.mean(dim=0, keepdim=True)


class Random(Net):
    def trainable(self, activations: Tensor) -> Tensor:
        return nn.functional.dropout(super().trainable(activations), 0.2, training=True)


class ForwardOfItsOwn(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + 1


class BatchNormGoesOn(Net):
    def train(self, mode: bool = True) -> Net:
        nn.Module.train(self, mode)
        return self


class FrozenLearns(Net):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.requires_grad_(True)


class HeadAboveTheCut(Net):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.fc = nn.Linear(3, 3)


class NaNOnBlack(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)

    def trainable(self, activations: Tensor) -> Tensor:
        return super().trainable(activations)

    def frozen(self, images: Tensor) -> Tensor:
        return super().frozen(images / images.abs().amax(dim=(1, 2, 3), keepdim=True))


class StateOutside(Net):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.bias = torch.randn(1)

    def trainable(self, activations: Tensor) -> Tensor:
        return super().trainable(activations) + self.bias


class SeedOfTheClock(Net):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.seed()
            self.top[0].weight.normal_()


class ForgetsWidth(Net):
    def __init__(self, config: Config) -> None:
        super().__init__(Config(train_from=config.train_from))


BROKEN: dict[type[Net], dict[str, str]] = {
    WrongChannels: {
        "test_output_shape": "must give a map (2, out_channels=8, ~24.0, ~32.0) at stride=4, got (2, 7, 24, 32)"
    },
    WrongStride: {"test_output_shape": "~6.0, ~8.0) at stride=16, got (2, 8, 24, 32); set out_channels and stride"},
    TokensInsteadOfMap: {"test_output_shape": "got (2, 768, 8); set out_channels and stride"},
    NoStd: {"test_attributes": "std must be above 0"},
    RepeatedStages: {"test_attributes": "needs stages: the names of its stages from input to output, each once"},
    BatchDependent: {"test_batch_independent": "an image alone has another map than in a batch of 3"},
    Random: {
        "test_batch_independent": "called twice in eval mode it gives two maps",
        "test_frozen_then_trainable": "forward(x) and trainable(frozen(x)) differ",
        "test_state_round_trips": "gives another map",
    },
    ForwardOfItsOwn: {"test_frozen_then_trainable": "forward(x) and trainable(frozen(x)) differ"},
    BatchNormGoesOn: {
        "test_frozen_part_stays_as_it_is": "frozen(x) changes in training mode; keep its batch normalisation"
    },
    FrozenLearns: {
        "test_frozen_part_stays_as_it_is": "frozen(x) requires a gradient; set requires_grad = False",
        "test_every_parameter_gets_a_gradient": "no gradient reaches bottom.0.weight, bottom.0.bias",
    },
    HeadAboveTheCut: {
        "test_every_parameter_gets_a_gradient": "no gradient reaches fc.weight, fc.bias; set requires_grad"
    },
    NaNOnBlack: {"test_black_image": "NaN or infinity in the map of a black image"},
    StateOutside: {"test_state_round_trips": "a second network that loads the state_dict gives another map"},
    SeedOfTheClock: {
        "test_same_seed_same_network": "two networks with one seed differ in top.0.weight; draw weights",
        "test_config_fields_matter": "built twice with one seed it behaves differently",
    },
    ForgetsWidth: {"test_config_fields_matter": "the field 'width' changes nothing: 8 and 9, 7, 16, 4 give the same"},
}


@pytest.mark.parametrize(("net", "expected"), BROKEN.items(), ids=[net.__name__ for net in BROKEN])
def test_a_fault_is_caught_with_what_to_do(net: type[Net], expected: dict[str, str]) -> None:
    found = breaches(BackboneContract, spec_of(net))
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert found[test].startswith("backbone 'net': ")
        assert said in found[test]


def test_a_token_is_split_like_the_map() -> None:
    class WithToken(Net):
        def with_token(self, maps: Tensor) -> tuple[Tensor, Tensor]:
            return maps, maps.mean(dim=(2, 3))

        def forward_with_token(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return self.with_token(self(images))

        def trainable_with_token(self, activations: Tensor) -> tuple[Tensor, Tensor]:
            return self.with_token(self.trainable(activations))

    class Differs(WithToken):
        def trainable_with_token(self, activations: Tensor) -> tuple[Tensor, Tensor]:
            maps, token = super().trainable_with_token(activations)
            return maps, 2 * token

    assert breaches(BackboneContract, spec_of(WithToken)) == {}
    found = breaches(BackboneContract, spec_of(Differs))
    assert "forward_with_token(x) and trainable_with_token(frozen(x)) differ" in found["test_frozen_then_trainable"]
