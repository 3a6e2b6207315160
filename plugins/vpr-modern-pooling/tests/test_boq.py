from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import BoQ, boq_from_authors
from vpr_modern_pooling.attention import Attention, EncoderBlock

State = dict[str, Tensor]


def authors_state(channels: int, d: int, queries: int, blocks: int, rows: int) -> State:
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=g, dtype=torch.float64)

    state = {"proj_c.weight": draw(d, channels, 3, 3), "proj_c.bias": draw(d)}
    state |= {"norm_input.weight": 1 + draw(d), "norm_input.bias": draw(d)}
    for i in range(blocks):
        b = f"boqs.{i}."
        for attention in ("encoder.self_attn", "self_attn", "cross_attn"):
            state |= {
                f"{b}{attention}.in_proj_weight": draw(3 * d, d),
                f"{b}{attention}.in_proj_bias": draw(3 * d),
                f"{b}{attention}.out_proj.weight": draw(d, d),
                f"{b}{attention}.out_proj.bias": draw(d),
            }
        for norm in ("encoder.norm1", "encoder.norm2", "norm_q", "norm_out"):
            state |= {f"{b}{norm}.weight": 1 + draw(d), f"{b}{norm}.bias": draw(d)}
        state |= {
            f"{b}encoder.linear1.weight": draw(4 * d, d),
            f"{b}encoder.linear1.bias": draw(4 * d),
            f"{b}encoder.linear2.weight": draw(d, 4 * d),
            f"{b}encoder.linear2.bias": draw(d),
            f"{b}queries": draw(1, queries, d),
        }
    return state | {"fc.weight": draw(rows, blocks * queries), "fc.bias": draw(rows)}


def normed(s: State, name: str, x: Tensor) -> Tensor:
    mean = x.sum() / len(x)
    variance = ((x - mean) ** 2).sum() / len(x)
    return (x - mean) / torch.sqrt(variance + 1e-5) * s[f"{name}.weight"] + s[f"{name}.bias"]


def attend(s: State, name: str, queries: list[Tensor], context: list[Tensor], heads: int) -> list[Tensor]:
    """softmax(q k / sqrt(width)) v, one query and one head at a time."""
    d = len(queries[0])
    width = d // heads
    w, b = s[f"{name}.in_proj_weight"], s[f"{name}.in_proj_bias"]
    found = []
    for query in queries:
        q, parts = w[:d] @ query + b[:d], []
        for h in range(heads):
            piece = slice(h * width, (h + 1) * width)
            keys = [(w[d : 2 * d] @ x + b[d : 2 * d])[piece] for x in context]
            values = [(w[2 * d :] @ x + b[2 * d :])[piece] for x in context]
            weights = [math.exp(float(q[piece] @ key) / math.sqrt(width)) for key in keys]
            parts.append(sum(a * v for a, v in zip(weights, values, strict=True)) / sum(weights))
        found.append(s[f"{name}.out_proj.weight"] @ torch.cat(parts) + s[f"{name}.out_proj.bias"])
    return found


def published_boq(state: State, features: Tensor, heads: int, blocks: int) -> Tensor:
    rows = []
    for image in features.double():
        height, width = image.shape[1:]
        padded = torch.zeros(len(image), height + 2, width + 2, dtype=torch.float64)
        padded[:, 1:-1, 1:-1] = image
        tokens = []
        for i in range(height):
            for j in range(width):
                patch = padded[:, i : i + 3, j : j + 3]
                value = torch.stack([(kernel * patch).sum() for kernel in state["proj_c.weight"]])
                tokens.append(normed(state, "norm_input", value + state["proj_c.bias"]))
        answers = []
        for block in range(blocks):
            s = {key.removeprefix(f"boqs.{block}."): value for key, value in state.items()}
            looked = attend(s, "encoder.self_attn", tokens, tokens, heads)
            tokens = [normed(s, "encoder.norm1", x + y) for x, y in zip(tokens, looked, strict=True)]
            for n, x in enumerate(tokens):
                hidden = (s["encoder.linear1.weight"] @ x + s["encoder.linear1.bias"]).clamp(min=0)
                y = s["encoder.linear2.weight"] @ hidden + s["encoder.linear2.bias"]
                tokens[n] = normed(s, "encoder.norm2", x + y)
            queries = list(s["queries"][0])
            looked = attend(s, "self_attn", queries, queries, heads)
            queries = [normed(s, "norm_q", q + y) for q, y in zip(queries, looked, strict=True)]
            answers += [normed(s, "norm_out", o) for o in attend(s, "cross_attn", queries, tokens, heads)]
        values = [
            sum(w[q] * answers[q][d] for q in range(len(answers))) + b
            for d in range(len(answers[0]))
            for w, b in zip(state["fc.weight"], state["fc.bias"], strict=True)
        ]
        v = torch.stack(values)
        rows.append(v / math.sqrt(float((v * v).sum())))
    return torch.stack(rows)


@pytest.mark.parametrize(("head_dim", "blocks"), [(4, 2), (8, 1), (2, 1)])
@pytest.mark.parametrize("size", [(2, 3), (1, 1), (3, 1)])
def test_equals_the_published_layer(head_dim: int, blocks: int, size: tuple[int, int]) -> None:
    state = authors_state(5, 8, 3, blocks, 2)
    features = torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(1))
    layer = BoQ(in_channels=5, channels=8, num_queries=3, num_blocks=blocks, rows=2, head_dim=head_dim)
    layer.load_state_dict(boq_from_authors(state))
    expected = published_boq(state, features, 8 // head_dim, blocks)
    assert expected.shape == (2, layer.out_dim)
    torch.testing.assert_close(layer(features).double(), expected, atol=5e-6, rtol=0)
    layer.double().load_state_dict(boq_from_authors(state))
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-11, rtol=0)


def test_parts_equal_torchs_own() -> None:
    """The layers that the authors took from torch."""
    theirs = torch.nn.TransformerEncoderLayer(12, 3, 48, dropout=0.0, batch_first=True).double().train()
    ours = EncoderBlock(channels=12, heads=3, hidden=48).double()
    names = {"self_attn.in_proj_": "attention.in_", "self_attn.out_proj": "attention.output", "linear1": "inner"}
    names |= {"linear2": "outer", "norm1": "attention_norm", "norm2": "norm"}
    state = {}
    for key, value in theirs.state_dict().items():
        (old,) = [name for name in names if key.startswith(name)]
        state[names[old] + key.removeprefix(old)] = value
    ours.load_state_dict(state)
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-12, rtol=0)


def test_queries_of_one_batch_row_serve_every_image() -> None:
    layer = Attention(channels=6, heads=2)
    queries, context = torch.randn(1, 4, 6), torch.randn(3, 5, 6)
    torch.testing.assert_close(layer(queries, context), layer(queries.expand(3, -1, -1), context))


def test_constructor_refuses() -> None:
    with pytest.raises(ValueError, match="head_dim must divide channels=10, got 4"):
        BoQ(in_channels=3, channels=10, head_dim=4)
    with pytest.raises(ValueError, match="heads must divide channels=10, got 4"):
        Attention(channels=10, heads=4)
    with pytest.raises(ValueError, match="num_queries must be an integer of 1 or more, got 0"):
        BoQ(in_channels=3, num_queries=0)
