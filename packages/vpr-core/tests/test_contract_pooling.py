"""The pooling contract passes a sound layer and catches each fault, and nothing but that fault."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from vpr_core import ComponentConfig, FeatureSpec, PoolingSpec
from vpr_core.testing import PoolingContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["layer"] = "layer"
    power: float = Field(default=1.5, gt=0, le=10, description="Exponent.")


class Layer(nn.Module):
    """A sound layer: a learnt projection of the mean and of the power mean, started from features."""

    orderless = True

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__()
        self.power = config.power
        self.in_channels = features.channels
        self.out_dim = 2 * features.channels
        self.weight = nn.Parameter(torch.randn(self.out_dim, self.out_dim) / self.out_dim**0.5)
        self.register_buffer("center", torch.zeros(features.channels))

    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        if len(features) < 2 or not torch.isfinite(features).all():
            raise ValueError("features must hold at least two finite rows")
        order = torch.randperm(len(features), generator=generator)
        self.center.copy_(features[order[: len(order) // 2]].mean(dim=0))

    def forward(self, features: Tensor) -> Tensor:
        self.check(features)
        with torch.autocast(features.device.type, enabled=False):
            x = features.flatten(2).to(self.weight.dtype) - self.center[:, None]
            return self.normalize(self.pool(x) @ self.weight)

    def check(self, features: Tensor) -> None:
        if features.shape[1] != self.in_channels:
            raise ValueError(f"features must have {self.in_channels} channels, got {features.shape[1]}")

    def pool(self, x: Tensor) -> Tensor:
        return torch.cat((x.mean(dim=2), x.clamp(min=1e-6).pow(self.power).mean(dim=2)), dim=1)

    def normalize(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1)


def spec_of(layer: Any, config: type[ComponentConfig] = Config) -> PoolingSpec[Any]:
    return PoolingSpec(name="layer", config=config, build=lambda c, features: layer(c, features), summary="A layer.")


def test_a_sound_layer_keeps_the_contract() -> None:
    assert breaches(PoolingContract, spec_of(Layer)) == {}


class WrongShape(Layer):
    def normalize(self, x: Tensor) -> Tensor:
        return F.normalize(x[:, :-1], dim=1)


class NotUnit(Layer):
    def normalize(self, x: Tensor) -> Tensor:
        return 0.9 * super().normalize(x)


class NotFiniteWhenLarge(Layer):
    def normalize(self, x: Tensor) -> Tensor:
        return F.normalize(torch.where(x.abs() > 1e3, torch.full_like(x, torch.inf), x), dim=1)


class NaNOnZero(Layer):
    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x / x.norm(dim=1, keepdim=True))

    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        super().init_from_features(features, generator=generator)
        self.center.zero_()


class NaNGradientOnZero(Layer):
    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x.sign() * x.abs().pow(0.9))

    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        super().init_from_features(features, generator=generator)
        self.center.zero_()


class BatchDependent(Layer):
    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x - x.mean(dim=0, keepdim=True) * 0.5)


class OrderDependent(Layer):
    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x * torch.linspace(0.5, 1.5, x.shape[2], dtype=x.dtype))


class SilentOnChannels(Layer):
    def check(self, features: Tensor) -> None:
        pass

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features[:, : self.in_channels])


class UnusedParameter(Layer):
    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.forgotten = nn.Parameter(torch.zeros(3))


class DetachedParameter(Layer):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) + 0 * self.center.sum()

    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x) * 1.0

    def normalize(self, x: Tensor) -> Tensor:
        return super().normalize(x.detach())


class StateOutsideStateDict(Layer):
    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        super().init_from_features(features, generator=generator)
        self.shift = 3 * features.mean()

    def pool(self, x: Tensor) -> Tensor:
        return super().pool(x + getattr(self, "shift", 0.0))


class ForgetsItsField(Layer):
    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(Config(), features)


class IgnoresTheGenerator(Layer):
    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        super().init_from_features(features, generator=None)


class RandomInEval(Layer):
    def pool(self, x: Tensor) -> Tensor:
        return F.dropout(super().pool(x), 0.3, training=True)


class StartsFromNothing(Layer):
    def init_from_features(self, features: Tensor, *, generator: torch.Generator | None = None) -> None:
        order = torch.randperm(len(features), generator=generator)
        self.center.copy_(features[order[: len(order) // 2]].mean(dim=0))


class OverflowsInHalfPrecision(Layer):
    def normalize(self, x: Tensor) -> Tensor:
        y = F.normalize(x, dim=1)
        return y * 1.1 if x.abs().max() > 20 and self.spoiled else y

    def forward(self, features: Tensor) -> Tensor:
        self.spoiled = torch.is_autocast_enabled("cpu")
        return super().forward(features)


class RoundsUnderAutocast(Layer):
    """Unit and finite, and not what float32 gives."""

    def normalize(self, x: Tensor) -> Tensor:
        coarse = torch.is_autocast_enabled("cpu") or x.dtype != torch.float32
        return super().normalize((4 * x).sign() if coarse else x)

    def forward(self, features: Tensor) -> Tensor:
        self.check(features)
        x = features.flatten(2).to(self.weight.dtype) - self.center[:, None]
        return self.normalize((self.pool(x) @ self.weight).float())


class OnlyContiguous(Layer):
    def forward(self, features: Tensor) -> Tensor:
        self.check(features)
        flat = torch.as_strided(features, features.shape, torch.empty(features.shape).stride())
        return super().forward(flat)


class NoOutDim(Layer):
    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        del self.out_dim


BROKEN: dict[type[Layer], dict[str, str]] = {
    WrongShape: {"test_output_shape": "must give descriptors (1, out_dim=48), got (1, 47)"},
    NotUnit: {
        "test_rows_are_unit": "rows must have length 1, those of normal maps are off by 0.1",
        "test_autocast": "under autocast rows are off unit length by 0.1",
    },
    NotFiniteWhenLarge: {"test_rows_are_unit": "NaN or infinity in the descriptors of large maps"},
    NaNOnZero: {
        "test_zero_features": "zero features give NaN or infinity; divide by max(norm, eps)",
    },
    NaNGradientOnZero: {"test_zero_features": "zero features give a NaN or infinite gradient"},
    BatchDependent: {"test_batch_independent": "image 0 has another descriptor alone than in a batch of 4"},
    OrderDependent: {"test_orderless": "declares orderless = True, yet permuted locations give another descriptor"},
    SilentOnChannels: {
        "test_wrong_channels_refused": "built for 24 channels it takes 25 and returns (3, 48); raise ValueError"
    },
    UnusedParameter: {
        "test_every_parameter_gets_a_gradient": "no gradient reaches forgotten; use each parameter in forward"
    },
    StateOutsideStateDict: {"test_state_round_trips": "keep what init_from_features or training changes in parameters"},
    ForgetsItsField: {"test_config_fields_matter": "the field 'power' changes nothing: 1.5 and 3.0, 0.75"},
    IgnoresTheGenerator: {
        "test_same_seed_same_layer": "two layers with one seed differ; in init_from_features draw from the generator",
        "test_config_fields_matter": "built twice with one seed it behaves differently",
    },
    StartsFromNothing: {"test_feature_start": "init_from_features makes NaN or infinite parameters out of one feature"},
    OverflowsInHalfPrecision: {"test_autocast": "under autocast rows are off unit length"},
    OnlyContiguous: {"test_memory_layout": "channels-last maps give other descriptors"},
}


@pytest.mark.parametrize(("layer", "expected"), BROKEN.items(), ids=[layer.__name__ for layer in BROKEN])
def test_a_fault_is_caught_with_what_to_do(layer: type[Layer], expected: dict[str, str]) -> None:
    found = breaches(PoolingContract, spec_of(layer))
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert found[test].startswith("pooling 'layer': ")
        assert said in found[test]


def test_another_direction_under_autocast_is_caught() -> None:
    found = breaches(PoolingContract, spec_of(RoundsUnderAutocast))
    assert "less than bfloat16_cosine = 0.99" in found["test_autocast"]


def test_randomness_in_eval_is_caught() -> None:
    found = breaches(PoolingContract, spec_of(RandomInEval))
    assert (
        "two layers with one seed differ" in found["test_same_seed_same_layer"]
        or "called twice" in found["test_same_seed_same_layer"]
    )
    assert "test_batch_independent" in found


def test_a_detached_parameter_is_caught() -> None:
    found = breaches(PoolingContract, spec_of(DetachedParameter))
    assert "test_every_parameter_gets_a_gradient" in found


@pytest.mark.parametrize(
    ("layer", "said"),
    [(NoOutDim, "the layer needs out_dim: int, got None"), (lambda c, f: abs, "build must return a torch.nn.Module")],
)
def test_what_is_no_pooling_layer_is_said_at_once(layer: Any, said: str) -> None:
    assert said in breaches(PoolingContract, spec_of(layer))["test_output_shape"]


def test_a_layer_that_says_order_matters_may_depend_on_it() -> None:
    class Ordered(OrderDependent):
        orderless = False

    assert breaches(PoolingContract, spec_of(Ordered)) == {}


def test_a_layer_of_one_map_size() -> None:
    class Fixed(Layer):
        def check(self, features: Tensor) -> None:
            super().check(features)
            if features.shape[2:] != (5, 7):
                raise ValueError("features must be 5 x 7")

    assert breaches(PoolingContract, spec_of(Fixed), Trial(options={"any_size": False})) == {}
    assert "5 x 7" in breaches(PoolingContract, spec_of(Fixed))["test_output_shape"]


class BakesItsSize(Layer):
    """The window is a Python number, which an exported graph keeps: it refuses other sizes."""

    def pool(self, x: Tensor) -> Tensor:
        half = int(x.shape[2]) // 2
        return torch.cat((x[:, :, :half].mean(dim=2), x.mean(dim=2) / float(x.shape[2])), dim=1)


class BakesItsSizeInONNX(Layer):
    """torch.export holds; ONNX keeps the kernel of the example, so that other sizes give other numbers."""

    orderless = False

    def forward(self, features: Tensor) -> Tensor:
        self.check(features)
        x = F.adaptive_avg_pool2d(features.float(), (2, 1)).flatten(1)
        return self.normalize(x @ self.weight)


EXPORT = "test_exports_right_or_refuses"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_layer_that_exports_wrongly_is_caught() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    assert breaches(PoolingContract, spec_of(Layer), only=EXPORT) == {}
    assert "torch.export with maps (5, 7) it refuses 1 maps" in breaches_of(BakesItsSize)
    refuses = Trial(options={"exports": False})
    assert "onnxruntime with maps (5, 7) it must refuse maps" in breaches_of(BakesItsSize, refuses)
    assert "torch.export with maps (5, 7) it must refuse maps" in breaches_of(Layer, refuses)
    assert "onnxruntime with maps (5, 7)" in breaches_of(BakesItsSizeInONNX)
    one_size = Trial(options={"any_size": False})
    assert breaches(PoolingContract, spec_of(BakesItsSizeInONNX), one_size, only=EXPORT) == {}


def breaches_of(layer: type[Layer], trial: Trial | None = None) -> str:
    return breaches(PoolingContract, spec_of(layer), trial, only=EXPORT)[EXPORT]


def test_a_layer_with_a_global_token() -> None:
    class Tokened(Layer):
        uses_global_token = True

        def forward(self, features: Tensor, token: Tensor) -> Tensor:  # type: ignore[override]
            return F.normalize(
                super().forward(features) + 0.1 * torch.cat((token, token), dim=1).to(self.weight.dtype), dim=1
            )

    assert breaches(PoolingContract, spec_of(Tokened)) == {}


# --- the field check --------------------------------------------------------------------------------------------------


class ManyFields(ComponentConfig):
    type: Literal["layer"] = "layer"
    power: float = Field(default=1.5, gt=0, description="x")
    count: int = Field(default=1, ge=1, description="x")
    flag: bool = Field(default=False, description="x")
    mode: Literal["a", "b"] = Field(default="a", description="x")
    limit: float | None = Field(default=None, gt=0, description="x")
    grid: tuple[int, int] = Field(default=(1, 2), description="x")
    text: str = Field(default="x", description="x")


class UsesAll(Layer):
    def __init__(self, config: Any, features: FeatureSpec) -> None:
        super().__init__(config, features)
        numbers = [config.count, config.flag, config.mode == "a", config.limit or 0, *config.grid, len(config.text)]
        self.register_buffer("numbers", torch.tensor([float(number) for number in numbers]))


def test_every_kind_of_field_is_tried() -> None:
    trial = Trial(other={"text": ["longer"]})
    assert breaches(PoolingContract, spec_of(UsesAll, ManyFields), trial) == {}
    found = breaches(PoolingContract, spec_of(Layer, ManyFields), trial)
    assert set(found) == {"test_config_fields_matter"}
    said = found["test_config_fields_matter"]
    for part in (
        "'count' changes nothing: 1 and 2",
        "'flag' changes nothing: False and True",
        "'mode' changes nothing: 'a' and 'b'",
        "'limit' changes nothing: None and 0.5",
        "'grid' changes nothing: (1, 2) and (2, 2)",
        "'text' changes nothing: 'x' and 'longer'",
    ):
        assert part in said
    assert "'power'" not in said


def test_a_field_that_cannot_be_varied_asks_for_values() -> None:
    found = breaches(PoolingContract, spec_of(UsesAll, ManyFields))["test_config_fields_matter"]
    assert "no other value than 'x' could be tried for the field 'text'. Give some: other =" in found


def test_an_excused_field_is_not_asked_about_and_a_typing_error_is_told() -> None:
    assert breaches(PoolingContract, spec_of(ForgetsItsField), Trial(inert={"power": "kept for old run files"})) == {}
    found = breaches(PoolingContract, spec_of(Layer), Trial(inert={"powr": "x"}))
    assert "inert or other names powr, its config has type, power" in found["test_config_fields_matter"]


def test_values_that_do_not_go_together_are_passed_over() -> None:
    class Fussy(Layer):
        def __init__(self, config: Config, features: FeatureSpec) -> None:
            if config.power > 1.5:
                raise ValueError("power must not exceed 1.5 here")
            super().__init__(config, features)

    assert breaches(PoolingContract, spec_of(Fussy)) == {}


# --- what all contracts share -----------------------------------------------------------------------------------------


def test_a_field_without_description_is_named() -> None:
    class Bare(Config):
        other: int = 3

    class Uses(Layer):
        def __init__(self, config: Any, features: FeatureSpec) -> None:
            super().__init__(config, features)
            self.register_buffer("other", torch.tensor(config.other))

    found = breaches(PoolingContract, spec_of(Uses, Bare))
    assert found == {"test_config_is_documented": "pooling 'layer': give the fields other a Field(description=...)"}


def test_a_config_that_does_not_survive_json_is_named() -> None:
    class Odd(Config):
        blob: bytes = Field(default=b"\xff\xfe", description="x")

    found = breaches(PoolingContract, spec_of(Layer, Odd), Trial(inert={"blob": "x"}))
    assert "test_config_round_trips" in found


def test_parameters_that_do_not_validate_say_where_to_set_them() -> None:
    found = breaches(PoolingContract, spec_of(Layer), Trial(parameters={"power": -1}))
    assert all("Set `parameters` of the contract class" in said for said in found.values())
    assert "greater than 0" in found["test_output_shape"]
