"""Where a component came from: the identity of a plug-in, and the record of one that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpr_core.components import ComponentSpec
from vpr_core.models import ModelSpec

__all__ = ["LoadReport", "LoadedPlugin", "PluginFailure", "PluginOrigin"]


@dataclass(frozen=True, kw_only=True)
class PluginOrigin:
    """Where a plug-in comes from.

    Attributes:
        distribution: name of the installed distribution, or the file name of a local plug-in.
        version: its version; of a local file the start of its SHA-256, so that a run's record says which text ran.
        entry: name of its entry point in group ``vpr``, or the path of a local file.
    """

    distribution: str
    version: str
    entry: str

    @property
    def identity(self) -> str:
        """``distribution:entry``: two plug-ins may share an entry name, never both."""
        return f"{self.distribution}:{self.entry}"

    @property
    def file(self) -> Path | None:
        """Path of a local plug-in; None for an installed one."""
        return Path(self.entry) if self.version.startswith("sha256:") else None

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, kw_only=True)
class PluginFailure:
    """A plug-in that was found and could not be used.

    Attributes:
        distribution: see `PluginOrigin`.
        version: see `PluginOrigin`.
        entry: see `PluginOrigin`.
        error: one line, ``ModuleNotFoundError: No module named 'x'``.
        traceback: the whole story, for the author.
    """

    distribution: str
    version: str
    entry: str
    error: str
    traceback: str = field(default="", repr=False)

    @property
    def identity(self) -> str:
        """``distribution:entry``."""
        return f"{self.distribution}:{self.entry}"

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.error})"


@dataclass(frozen=True, kw_only=True)
class LoadedPlugin:
    """A plug-in that works, and what it yielded.

    Attributes:
        origin: where it comes from.
        specs: its components.
        models: gives its networks by name: asked for when a name is, as most commands need none.
    """

    origin: PluginOrigin
    specs: tuple[ComponentSpec[Any], ...]
    models: Callable[[], tuple[ModelSpec, ...]] = tuple


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Plug-ins that work, plug-ins that do not, and installed distributions left out on request."""

    plugins: tuple[LoadedPlugin, ...]
    failures: tuple[PluginFailure, ...]
    disabled: tuple[str, ...]
