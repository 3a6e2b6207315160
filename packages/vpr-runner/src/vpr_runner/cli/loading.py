"""From what stands on the command line to a registry and a validated run file. Imports neither torch nor numpy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig

__all__ = ["load", "overrides_of", "registry_of", "says_runtime"]


def registry_of(plugins: Sequence[Path] | None, *, quiet: bool = False) -> Registry:
    """Build the registry; plug-ins that failed to load are mentioned once, on stderr."""
    from vpr_core import build_registry

    registry = build_registry(plugin_files=list(plugins or ()))
    if not quiet:
        for failure in registry.failures:
            print(f"warning: plug-in {failure} is left out; `vpr plugins` says more", file=sys.stderr)
    return registry


def overrides_of(settings: Sequence[str] | None, *, device: str | None = None, seed: int | None = None) -> list[str]:
    """Return ``--set`` items in order, then those that have an option of their own."""
    overrides = list(settings or ())
    if device is not None:
        overrides.append(f"compute.device={device}")
    if seed is not None:
        overrides.append(f"seed={seed}")
    return overrides


def says_runtime(settings: Sequence[str] | None) -> bool:
    """Return whether one of the ``--set`` items is of ``compute.runtime``."""
    return any(setting.partition("=")[0].strip().startswith("compute.runtime") for setting in settings or ())


def load(
    run_file: Path,
    *,
    plugins: Sequence[Path] | None = None,
    settings: Sequence[str] | None = None,
    device: str | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> tuple[RunConfig, Registry]:
    """Read a run file with every component that it may name: those installed, ``--plugin``, and its own ``plugins:``.

    Raises:
        UsageError: the file or a plug-in file cannot be read.
        ConfigError: the run file is wrong; all faults at once.
    """
    from vpr_core import load_run_file, plugins_of_run_file

    overrides = overrides_of(settings, device=device, seed=seed)
    files = dict.fromkeys([*plugins_of_run_file(run_file, overrides), *(path.resolve() for path in plugins or ())])
    registry = registry_of(list(files), quiet=quiet)
    return load_run_file(run_file, registry, overrides), registry
