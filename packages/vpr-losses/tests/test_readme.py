"""The README's example is a training step."""

from __future__ import annotations

import re
from pathlib import Path

import torch

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_readmes_example_trains() -> None:
    block = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    generator = torch.Generator().manual_seed(0)
    made = {
        name: torch.nn.functional.normalize(torch.randn(rows, 8, generator=generator), dim=1).requires_grad_()
        for name, rows in (("queries", 2), ("cache", 20))
    }
    known: dict[str, object] = dict(made)
    exec(block.group(1), known)
    taught = known["tuples"].negatives  # type: ignore[attr-defined]
    assert (taught == -1).any()  # the last row of the cache is met as padding
    for name in made:
        assert made[name].grad is not None
        assert made[name].grad.abs().sum() > 0
    assert made["cache"].grad[19].eq(0).all() == (19 not in taught)
