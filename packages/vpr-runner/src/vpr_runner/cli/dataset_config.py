"""The configuration of a data set from what stands on the command line, or from a run file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_runner.cli.loading import load, registry_of

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry

__all__ = ["dataset_config"]


def dataset_config(
    name: str, *, root: Path | None, settings: Sequence[str] | None, plugins: Sequence[Path] | None
) -> tuple[ComponentConfig, Registry]:
    """Return the checked ``dataset`` block and the registry.

    Args:
        name: of a data set, or a run file whose ``dataset`` block is meant.
        root: its field ``root``.
        settings: ``field=value`` of the block.
        plugins: local files.

    Raises:
        UsageError: ``root`` is needed and not given.
        ConfigError: all faults of the block.
    """
    if name.endswith((".yaml", ".yml")):
        overrides = [f"dataset.{item}" for item in settings or ()]
        overrides += [f"dataset.root={json.dumps(str(root))}"] if root is not None else []
        config, registry = load(Path(name), plugins=plugins, settings=overrides)
        return config.dataset, registry
    registry = registry_of(plugins)
    registry.get("dataset", name)
    return _validated(name, root, settings or (), registry), registry


def _validated(name: str, root: Path | None, settings: Sequence[str], registry: Registry) -> ComponentConfig:
    from pydantic import ConfigDict, ValidationError, create_model

    from vpr_core import ConfigError, UsageError
    from vpr_core.config import parse_yaml
    from vpr_core.config.faults import faults_of
    from vpr_core.config.overrides import apply_overrides

    block = {"type": name, **({"root": str(root)} if root is not None else {})}
    document = parse_yaml(json.dumps({"dataset": block}), source=f"data set {name}")
    data, by_path = apply_overrides(document, [f"dataset.{item}" for item in settings])
    field = registry.run_config_model().model_fields["dataset"]
    kind: Any = field.annotation
    model = create_model("DatasetBlock", __config__=ConfigDict(extra="forbid"), dataset=(kind, field))
    try:
        validated = model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        if root is None and any(
            fault["loc"][-1:] == ("root",) and fault["type"] == "missing" for fault in error.errors()
        ):
            raise UsageError(f"{name}: say where it lies with --root DIR") from None
        raise ConfigError(faults_of(error, data, registry, document, by_path), source=document.source) from None
    config: ComponentConfig = validated.dataset  # type: ignore[attr-defined]
    return config
