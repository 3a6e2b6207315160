"""The run-file model of one catalogue: each component block is the union of what is installed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, create_model, model_validator

from vpr_core.components import ComponentConfig
from vpr_core.config.blocks import BLOCKS, Block
from vpr_core.config.run import RunConfig
from vpr_core.config.sections import ComputeConfig

if TYPE_CHECKING:
    from vpr_core.catalogue import Catalogue

__all__ = ["DEFAULT_COMPONENTS", "named_in", "run_config_model"]

DEFAULT_COMPONENTS = {block.kind: block.default for block in BLOCKS.values() if block.default and not block.optional}
"""Blocks that a run file may leave out, as long as the component is installed and needs no parameter."""

Names = Mapping[str, Sequence[str]]


def run_config_model(catalogue: Catalogue, names: Names | None = None) -> type[RunConfig]:
    """Return the subclass of `RunConfig` whose blocks are discriminated unions of the components of ``catalogue``.

    A block always says its ``type``, even where one component is installed. `vpr_core.config.load_run_file` says the
    errors of this model in the words of the catalogue. One model is made for each ``names``, and kept with the
    catalogue.

    Args:
        catalogue: what is installed.
        names: see `named_in`; the model knows these components only, and judges a run file that names them as the whole
            model does. Validators of everything installed would take longer to make than the run file to be read.
    """
    key = ("run_config_model", None if names is None else tuple((kind, tuple(names[kind])) for kind in sorted(names)))
    if key not in catalogue.memo:
        fields: dict[str, Any] = {
            block.path[0]: _field(catalogue, block, names) for block in BLOCKS.values() if len(block.path) == 1
        }
        fields["compute"] = _compute(catalogue)
        catalogue.memo[key] = create_model("RunConfig", __base__=RunConfig, __module__=__name__, **fields)
    found: type[RunConfig] = catalogue.memo[key]
    return found


def named_in(data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The components that a run file names in each block, or takes for granted."""
    return {block.kind: tuple(_names(block, data)) for block in BLOCKS.values()}


def _names(block: Block, data: Any) -> list[str]:
    for key in block.path:
        data = data.get(key, {"type": block.default}) if isinstance(data, Mapping) else None
    items = data if block.many and isinstance(data, list) else [data]
    named = [item.get("type") for item in items if isinstance(item, Mapping)]
    return sorted({name for name in named if isinstance(name, str)})


def _field(catalogue: Catalogue, block: Block, names: Names | None) -> Any:
    """Annotation and default of one block."""
    specs = catalogue.specs(block.kind)
    if names is not None:  # to say that a name is unknown, one component serves as well as all
        specs = tuple(spec for spec in specs if spec.name in names[block.kind]) or specs[:1]
    configs: list[Any] = [spec.config for spec in specs] or [NothingInstalled]
    union: Any = functools.reduce(operator.or_, configs)
    union = Annotated[union, Field(discriminator="type")]
    section: Any = RunConfig if len(block.path) == 1 else ComputeConfig
    field = section.model_fields[block.path[-1]]
    if block.many:
        return tuple[union, ...], Field(default=(), max_length=100, description=field.description)
    default = _default(catalogue, block)
    if block.optional:
        return union | None, Field(default=default, description=field.description)
    if default is None:
        return union, Field(description=field.description)
    return union, Field(default=default, description=field.description)


def _default(catalogue: Catalogue, block: Block) -> ComponentConfig | None:
    for spec in catalogue.specs(block.kind):
        if spec.name == block.default:
            config: type[ComponentConfig] = spec.config
            try:
                return config(type=spec.name)
            except ValidationError:  # another distribution took the name and wants parameters
                return None
    return None


class _Compute(ComputeConfig):
    """`ComputeConfig`, its validator made when one is needed."""

    model_config = ConfigDict(defer_build=True)


def _compute(catalogue: Catalogue) -> Any:
    """The section ``compute``, one class for all runs of a catalogue: there are few runtimes, and runs are compared."""
    key = ("compute",)
    if key not in catalogue.memo:
        runtime = _field(catalogue, BLOCKS["runtime"], None)
        doc = ComputeConfig.__doc__
        catalogue.memo[key] = create_model(
            "ComputeConfig", __base__=_Compute, __module__=__name__, __doc__=doc, runtime=runtime
        )
    section: Any = catalogue.memo[key]
    return section, Field(default=section(), description=RunConfig.model_fields["compute"].description)


class NothingInstalled(ComponentConfig):
    """Stands in the block of a kind of which nothing is installed, and accepts nothing."""

    type: Literal["(nothing installed)"] = Field(description="Nothing of this kind is installed.")

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        raise ValueError("nothing of this kind is installed")
