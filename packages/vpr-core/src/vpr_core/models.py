"""Networks that have a name of their own: what a command takes in place of a run file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MODEL_BLOCKS", "MODEL_NAME", "ModelSpec", "check_model"]

MODEL_NAME = r"[a-z0-9][a-z0-9_.]*(-[a-z0-9_.]+)*"
MODEL_BLOCKS = ("backbone", "pooling", "image", "init", "whiten")
"""Blocks of a run file that make a network what it is; a name says nothing of data, index or training."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A network by name: plain data, no torch.

    Attributes:
        name: what is typed, ``resnet18-netvlad``: lower-case words joined by dashes.
        run: the blocks of a run file that it stands for, ``backbone`` and ``pooling`` at least; ``image`` is the size
            that is recommended.
        dim: length of a descriptor.
        summary: one line.
        weights: whose weights it starts from, with their tag; empty: none, its numbers are random.
        licence: of these weights as their authors state it.
        needs: what is to be had or agreed to first, besides the distribution that the name comes with; empty: nothing.
    """

    name: str
    run: Mapping[str, Mapping[str, Any]]
    dim: int
    summary: str
    weights: str = ""
    licence: str = ""
    needs: str = ""

    @property
    def image(self) -> str:
        """The recommended image as a run file writes it, ``size: [480, 640]``; empty: their own, down to 1024 pixels.

        Example:
            >>> ModelSpec(name="a", run={"image": {"size": [48, 64]}}, dim=1, summary="x").image
            'size: [48, 64]'
        """
        return ", ".join(f"{key}: {value}" for key, value in self.run.get("image", {}).items())


def check_model(spec: object) -> ModelSpec:
    """Return ``spec`` as the `ModelSpec` that it is.

    Raises:
        TypeError: it is something else.
        ValueError: its name, blocks or texts break the rules.
    """
    if not isinstance(spec, ModelSpec):
        raise TypeError(f"vpr_models must yield ModelSpec, got {ascii(spec)[:80]}")
    name: object = spec.name  # a plug-in is not type-checked
    if not isinstance(name, str) or re.fullmatch(MODEL_NAME, name) is None or len(name) > 100:
        raise ValueError(f"vpr_models: name must be lower-case words joined by dashes, got {ascii(name)[:80]}")
    where = f"model {spec.name!r}"
    missing = [block for block in ("backbone", "pooling") if block not in spec.run]
    unknown = [block for block in spec.run if block not in MODEL_BLOCKS]
    if missing or unknown:
        raise ValueError(
            f"{where}: run must hold backbone and pooling, and may hold {', '.join(MODEL_BLOCKS[2:])}; "
            f"got {', '.join(spec.run) or 'nothing'}"
        )
    if type(spec.dim) is not int or spec.dim < 1:
        raise ValueError(f"{where}: dim must be a whole number above 0, got {spec.dim!r}")
    for field in ("summary", "weights", "licence", "needs"):
        text = getattr(spec, field)
        if not isinstance(text, str) or not text.isprintable():
            raise ValueError(f"{where}: {field} must be one printable line, got {ascii(text)[:80]}")
    if not spec.summary.strip():
        raise ValueError(f"{where}: summary is empty; say in one line what the network is")
    return spec
