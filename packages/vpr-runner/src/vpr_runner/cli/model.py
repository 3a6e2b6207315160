"""Which network a command works with: a trained one from disk, or an untrained one that a run file describes."""

from __future__ import annotations

import os
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
        from vpr_runner.training.train import initialised

        return initialised(config, registry, progress=not quiet), config, registry
    given = list(plugins or ())
    registry = registry_of([*_plugins_of_model(source, allowed=given), *given], quiet=quiet)
    from vpr_runner import load_retriever

    retriever, stored = load_retriever(source, registry)
    config = parse_run(to_yaml(stored), registry, overrides_of(settings, device=device), source=str(source))
    return retriever, config, registry


def _plugins_of_model(source: Path, *, allowed: Sequence[Path]) -> list[Path]:
    """The local plug-ins that a stored model needs, known before it can be loaded.

    A model is data: it may point to the code of this user, and brings none of its own (see `_refuse_foreign`).
    """
    from vpr_core import UsageError
    from vpr_runner.files.documents import parsed

    description = source.with_suffix(".json") if source.suffix else source / "model.json"
    for candidate in (description, source / "model" / "model.json"):
        if candidate.is_file():
            try:
                content = parsed(candidate.read_text(encoding="utf-8"))
                named = [Path(name) for name in content["config"]["plugins"]]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{candidate}: damaged ({error}); it repeats what the model file says: delete it"
                ) from error
            trusted = {path.resolve() for path in allowed}
            for plugin in named:
                if plugin.resolve() not in trusted:
                    _refuse_foreign(plugin, candidate, source)
            return named
    return []


def _refuse_foreign(plugin: Path, description: Path, source: Path) -> None:
    """Refuse to run a file that came with a model, or that belongs to another user, because the model names it."""
    from vpr_core import UsageError

    folder = (source if source.is_dir() else source.parent).resolve()
    file = plugin.resolve()
    if not plugin.is_absolute():
        why = "by a relative path"
    elif file.is_relative_to(folder):
        why = "which came with it"
    elif hasattr(os, "getuid") and file.exists() and file.stat().st_uid not in (os.getuid(), 0):
        why = "which belongs to another user"
    else:
        return
    raise UsageError(
        f"{description} names the plug-in {str(plugin)!r}, {why}. A plug-in is a program: read it, and if you trust "
        f"it, name it yourself, with --plugin {plugin}"
    )
