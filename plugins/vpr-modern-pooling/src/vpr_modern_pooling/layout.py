"""Renaming the tensors of a state with every one accounted for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

__all__ = ["Layout", "pair"]

AROUND = ("state_dict", "model_state_dict")
PREFIXES = ("aggregator.", "aggregation.")


def pair(theirs: str, ours: str) -> dict[str, str]:
    """Return the names of a layer's ``weight`` and ``bias``, theirs to ours.

    >>> pair("fc", "projection")
    {'fc.weight': 'projection.weight', 'fc.bias': 'projection.bias'}
    """
    return {f"{theirs}.{kind}": f"{ours}.{kind}" for kind in ("weight", "bias")}


class Layout:
    """The pooling layer's tensors in a checkpoint of another project.

    Args:
        title: method and project, for messages.
        state: a state dict of the layer or of a whole model, see `vpr_modern_pooling.authors`.

    Attributes:
        state: the layer's tensors under the project's names.
    """

    def __init__(self, title: str, state: Mapping[str, Any]) -> None:
        self.title = title
        for key in AROUND:
            if isinstance(state.get(key), Mapping):
                state = state[key]
        plain = {key.removeprefix("module."): value for key, value in state.items()}
        for prefix in PREFIXES:
            below = {key.removeprefix(prefix): value for key, value in plain.items() if key.startswith(prefix)}
            plain = below or plain
        strangers = [key for key, value in plain.items() if not isinstance(value, Tensor)]
        if strangers:
            raise ValueError(f"state: {title}: {_listed(strangers)} must be tensors; give a state_dict")
        self.state: dict[str, Tensor] = plain

    def count(self, prefix: str) -> int:
        """Return how many numbered parts there are below ``prefix``, at least 1.

        They are numbered from 0; a gap shows as missing tensors.
        """
        numbers = [key.removeprefix(prefix).split(".")[0] for key in self.state if key.startswith(prefix)]
        return max((int(number) + 1 for number in numbers if number.isdecimal()), default=1)

    def take(self, names: Mapping[str, str], *, as_matrix: Collection[str] = ()) -> dict[str, Tensor]:
        """Return the tensors under our names.

        Args:
            names: theirs to ours, all of them.
            as_matrix: their 1x1 convolutions ``(out, in, 1, 1)``, which are matrices ``(out, in)`` here.

        Raises:
            ValueError: tensors are missing or unexpected, or a convolution is not 1x1.
        """
        missing = [key for key in names if key not in self.state]
        unexpected = [key for key in self.state if key not in names]
        if missing or unexpected:
            faults = [f"missing {_listed(missing)}"] * bool(missing)
            faults += [f"unexpected {_listed(unexpected)}"] * bool(unexpected)
            raise ValueError(f"state: is no {self.title}: {'; '.join(faults)}")
        taken = {}
        for theirs, ours in names.items():
            value = self.state[theirs]
            if theirs in as_matrix:
                if value.dim() != 4 or tuple(value.shape[2:]) != (1, 1):
                    raise ValueError(f"state: {theirs} must have shape (out, in, 1, 1), got {tuple(value.shape)}")
                value = value[:, :, 0, 0]
            taken[ours] = value.detach().clone()
        return taken


def _listed(names: Collection[str], limit: int = 8) -> str:
    shown = ", ".join(list(names)[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
