"""Which code besides this toolkit's a run was made with: another text, or another version, is another run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry

__all__ = ["OF_DESCRIPTORS", "OF_RECALL", "OF_WEIGHTS", "code_of", "local_code"]

OF_DESCRIPTORS = ("backbone", "pooling")
"""Kinds of components that decide a descriptor."""
OF_WEIGHTS = (*OF_DESCRIPTORS, "dataset", "loss", "miner")
"""Those that decide trained weights."""
OF_RECALL = (*OF_WEIGHTS, "index", "sequence", "reranker", "runtime")
"""Those that decide a number of a bench."""


def local_code(registry: Registry | None) -> tuple[str, ...]:
    """Return file name and start of the SHA-256 of each local plug-in that is loaded, sorted; installed ones are none.

    A distribution says by its version that it has changed; a file that is edited between two starts says nothing.
    """
    plugins = () if registry is None else registry.plugins
    return tuple(sorted(str(plugin.origin) for plugin in plugins if plugin.origin.file is not None))


def code_of(components: Iterable[tuple[str, ComponentConfig]], registry: Registry | None) -> tuple[str, ...]:
    """Return `local_code`, and name and version of each plug-in that one of ``components`` comes from.

    Each is given with its kind, as by `vpr_core.config.components_of`. The toolkit's own packages are left out: which
    formats of theirs go on with which, the folders themselves say.
    """
    if registry is None:
        return ()
    found = set(local_code(registry))
    for kind, component in components:
        origin = registry.origin(kind, component.type)
        if origin.distribution not in _OWN:
            found.add(str(origin))
    return tuple(sorted(found))


_OWN = {f"vpr-{name}" for name in ("backbones", "pooling", "losses", "data", "eval", "rerank", "sequences", "runner")}
