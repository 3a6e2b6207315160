"""Which code besides this toolkit's a run was made with: another text, or another version, is another run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from vpr_core.config import BLOCKS

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry, RunConfig

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


def code_of(config: RunConfig, registry: Registry | None, kinds: Collection[str]) -> tuple[str, ...]:
    """Return `local_code`, and name and version of each plug-in that a component of ``config`` comes from.

    Only those of ``kinds`` are asked about. The toolkit's own packages are left out: which formats of theirs go on with
    which, the folders themselves say.
    """
    if registry is None:
        return ()
    found = set(local_code(registry))
    for kind in kinds:
        for component in _named(config, kind):
            origin = registry.origin(kind, component.type)
            if origin.distribution not in _OWN:
                found.add(str(origin))
    return tuple(sorted(found))


_OWN = {f"vpr-{name}" for name in ("backbones", "pooling", "losses", "data", "eval", "rerank", "sequences", "runner")}


def _named(config: RunConfig, kind: str) -> Iterator[ComponentConfig]:
    """The components of a kind in a run file."""
    if kind not in BLOCKS:
        return
    here: Any = config
    for key in BLOCKS[kind].path:
        here = getattr(here, key, None)
    if here is not None:
        yield from here if BLOCKS[kind].many else [here]
