from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import MixVPR, mixvpr_from_authors


def authors_state(channels: int, locations: int, out: int, rows: int, depth: int, hidden: int) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    state = {}
    for i in range(depth):
        state |= {
            f"mix.{i}.mix.0.weight": draw(locations),
            f"mix.{i}.mix.0.bias": draw(locations),
            f"mix.{i}.mix.1.weight": draw(hidden, locations),
            f"mix.{i}.mix.1.bias": draw(hidden),
            f"mix.{i}.mix.3.weight": draw(locations, hidden),
            f"mix.{i}.mix.3.bias": draw(locations),
        }
    return state | {
        "channel_proj.weight": draw(out, channels),
        "channel_proj.bias": draw(out),
        "row_proj.weight": draw(rows, locations),
        "row_proj.bias": draw(rows),
    }


def published_mixvpr(state: dict[str, Tensor], features: Tensor, depth: int) -> Tensor:
    """Channel by channel x + W2 relu(W1 LN(x)); location by location W x + a; channel by channel R x + b; L2."""
    rows = []
    for image in features.double():
        x = [channel.clone() for channel in image.flatten(1)]
        for i in range(depth):
            s = {key.removeprefix(f"mix.{i}.mix."): value for key, value in state.items()}
            for c, channel in enumerate(x):
                mean = float(channel.sum()) / len(channel)
                variance = float(((channel - mean) ** 2).sum()) / len(channel)
                y = (channel - mean) / math.sqrt(variance + 1e-5) * s["0.weight"] + s["0.bias"]
                h = torch.stack([(w @ y + b).clamp(min=0) for w, b in zip(s["1.weight"], s["1.bias"], strict=True)])
                x[c] = channel + torch.stack([w @ h + b for w, b in zip(s["3.weight"], s["3.bias"], strict=True)])
        stacked = torch.stack(x)
        columns = [state["channel_proj.weight"] @ column + state["channel_proj.bias"] for column in stacked.T]
        values = [
            w @ torch.stack([column[d] for column in columns]) + b
            for d in range(len(columns[0]))
            for w, b in zip(state["row_proj.weight"], state["row_proj.bias"], strict=True)
        ]
        v = torch.stack(values)
        rows.append(v / math.sqrt(float((v * v).sum())))
    return torch.stack(rows)


@pytest.mark.parametrize(
    ("size", "depth", "ratio"), [((3, 4), 2, 1.0), ((5, 1), 1, 2.0), ((1, 1), 1, 1.0), ((3, 3), 3, 0.5)]
)
def test_equals_the_published_layer(size: tuple[int, int], depth: int, ratio: float) -> None:
    locations = size[0] * size[1]
    state = authors_state(6, locations, 5, 3, depth, int(ratio * locations))
    features = torch.randn(2, 6, *size, generator=torch.Generator().manual_seed(1))
    layer = MixVPR(in_channels=6, map_size=size, channels=5, rows=3, depth=depth, mlp_ratio=ratio)
    layer.load_state_dict(mixvpr_from_authors(state))
    expected = published_mixvpr(state, features, depth)
    assert expected.shape == (2, layer.out_dim)
    torch.testing.assert_close(layer(features).double(), expected, atol=5e-6, rtol=0)
    layer.double().load_state_dict(mixvpr_from_authors(state))
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-12, rtol=0)


def test_a_release_without_bias_of_the_rows_has_zeros_there() -> None:
    state = authors_state(6, 6, 5, 3, 1, 6)
    features = torch.randn(2, 6, 2, 3, dtype=torch.float64)
    del state["row_proj.bias"]
    layer = MixVPR(in_channels=6, map_size=(2, 3), channels=5, rows=3, depth=1).double()
    layer.load_state_dict(mixvpr_from_authors(state))
    expected = published_mixvpr(state | {"row_proj.bias": torch.zeros(3, dtype=torch.float64)}, features, 1)
    torch.testing.assert_close(layer(features), expected, atol=1e-12, rtol=0)


def test_another_map_size_is_refused_with_what_to_do() -> None:
    layer = MixVPR(in_channels=3, map_size=(4, 6), channels=2)
    with pytest.raises(ValueError, match=r"map of 6 x 4, this layer was made for 4 x 6 .*image.size"):
        layer(torch.zeros(1, 3, 6, 4))  # as many locations, another order


def test_start_as_published() -> None:
    torch.manual_seed(0)
    layer = MixVPR(in_channels=8, map_size=(10, 10), channels=4, depth=2)
    for mixer in layer.mixers:
        for linear in (mixer.inner, mixer.outer):
            assert not linear.bias.any()
            assert 0.018 < float(linear.weight.detach().std()) < 0.022


def test_constructor_refuses() -> None:
    with pytest.raises(ValueError, match=r"mlp_ratio must leave a hidden unit of 4 locations, got 0\.1"):
        MixVPR(in_channels=3, map_size=(2, 2), mlp_ratio=0.1)
    with pytest.raises(ValueError, match="map_size must be an integer"):
        MixVPR(in_channels=3, map_size=(2, 0))
    with pytest.raises(ValueError, match=r"map_size must be \(h, w\)"):
        MixVPR(in_channels=3, map_size=(2,))  # type: ignore[arg-type]
