"""The run-file model of one registry: each component block is the union of what is installed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, create_model, model_validator

from vpr_core.components import ComponentConfig
from vpr_core.config.run import COMPONENT_FIELDS, RunConfig

if TYPE_CHECKING:
    from vpr_core.registry import Registry

__all__ = ["DEFAULT_COMPONENTS", "named_in", "run_config_model"]

DEFAULT_COMPONENTS = {
    "loss": "weakly_supervised_ranking",
    "miner": "hard_negatives",
    "index": "flat",
    "engine": "local",
}
"""Blocks that a run file may leave out, as long as the component is installed and needs no parameter."""


def run_config_model(registry: Registry, names: Mapping[str, str | None] | None = None) -> type[RunConfig]:
    """Return the subclass of `RunConfig` whose blocks are discriminated unions of the components of ``registry``.

    A block always says its ``type``, even where one component is installed. `vpr_core.config.load_run_file` says the
    errors of this model in the words of the registry.

    Args:
        registry: what is installed.
        names: see `named_in`; the model knows these components only, and judges a run file that names them as the whole
            model does. Validators of everything installed would take longer to make than the run file to be read.
    """
    fields: dict[str, Any] = {kind: _field(registry, kind, names) for kind in COMPONENT_FIELDS}
    return create_model("RunConfig", __base__=RunConfig, __module__=__name__, **fields)


def named_in(data: Mapping[str, Any]) -> dict[str, str | None]:
    """The component that a run file names in each block, or takes for granted."""
    blocks = {kind: data.get(kind, {"type": DEFAULT_COMPONENTS.get(kind)}) for kind in COMPONENT_FIELDS}
    names = {kind: block.get("type") if isinstance(block, Mapping) else None for kind, block in blocks.items()}
    return {kind: name if isinstance(name, str) else None for kind, name in names.items()}


def _field(registry: Registry, kind: str, names: Mapping[str, str | None] | None) -> Any:
    """Annotation and default of one block."""
    specs = registry.specs(kind)
    if names is not None:  # to say that a name is unknown, one component serves as well as all
        specs = tuple(spec for spec in specs if spec.name == names[kind]) or specs[:1]
    configs: list[Any] = [spec.config for spec in specs] or [NothingInstalled]
    union: Any = functools.reduce(operator.or_, configs)
    union = Annotated[union, Field(discriminator="type")]
    description = RunConfig.model_fields[kind].description
    default = _default(registry, kind)
    return union, Field(description=description) if default is None else Field(default=default, description=description)


def _default(registry: Registry, kind: str) -> ComponentConfig | None:
    name = DEFAULT_COMPONENTS.get(kind)
    for spec in registry.specs(kind):
        if spec.name == name:
            config: type[ComponentConfig] = spec.config
            try:
                return config(type=spec.name)
            except ValidationError:  # another distribution took the name and wants parameters
                return None
    return None


class NothingInstalled(ComponentConfig):
    """Stands in the block of a kind of which nothing is installed, and accepts nothing."""

    type: Literal["(nothing installed)"]

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        raise ValueError("nothing of this kind is installed")
