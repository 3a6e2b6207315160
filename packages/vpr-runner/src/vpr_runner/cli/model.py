"""Which network a command works with: a trained one from disk, or an untrained one that a run file describes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vpr_runner.cli.loading import load, overrides_of, registry_of

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_runner import Retriever

__all__ = ["open_model"]


def open_model(
    source: Path,
    *,
    plugins: Sequence[Path] | None = None,
    settings: Sequence[str] | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> tuple[Retriever, RunConfig, Registry]:
    """Return the network, its run configuration with ``settings`` on top, and the registry.

    ``source`` is a run directory, a model file, or a run file: the last gives the network before training, its
    pooling layer initialised from features as training would.
    """
    from vpr_core.config import parse_run, to_yaml

    if source.suffix in {".yaml", ".yml"}:
        config, registry = load(source, plugins=plugins, settings=settings, device=device, quiet=quiet)
        from vpr_runner.training import initialised

        return initialised(config, registry, progress=not quiet), config, registry
    registry = registry_of([*_plugins_of_model(source), *(plugins or ())], quiet=quiet)
    from vpr_runner import load_retriever

    retriever, stored = load_retriever(source, registry)
    config = parse_run(to_yaml(stored), registry, overrides_of(settings, device=device), source=str(source))
    return retriever, config, registry


def _plugins_of_model(source: Path) -> list[Path]:
    """The local plug-ins that a stored model needs, known before it can be loaded."""
    import json

    from vpr_core import UsageError

    description = source.with_suffix(".json") if source.suffix else source / "model.json"
    for candidate in (description, source / "model" / "model.json"):
        if candidate.is_file():
            try:
                content = json.loads(candidate.read_text(encoding="utf-8"))
                return [Path(name) for name in content["config"]["plugins"]]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{candidate}: damaged ({error}); it repeats what the model file says: delete it"
                ) from error
    return []
