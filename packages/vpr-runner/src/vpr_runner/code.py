"""Which local plug-in files a run was made with, by their contents: another text is another run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["local_code"]


def local_code(registry: Registry | None) -> tuple[str, ...]:
    """Return file name and start of the SHA-256 of each local plug-in that is loaded, sorted; installed ones are none.

    A distribution says by its version that it has changed; a file that is edited between two starts says nothing.
    """
    plugins = () if registry is None else registry.plugins
    return tuple(sorted(str(plugin.origin) for plugin in plugins if plugin.origin.file is not None))
