"""Every installed component as plain data: what ``vpr plugins`` prints and what its reference is written from."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vpr_core import Registry

__all__ = ["described"]


def described(registry: Registry, *, kind: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
    """Return components as plain data, by kind in the order of a run file, then by name.

    Raises:
        UsageError: no such kind, or no component of that name.
    """
    from vpr_core import CAPABILITIES, KINDS, UsageError
    from vpr_runner.cli.parameters import parameters_of

    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind {kind}: there are {', '.join(KINDS)}")
    found = []
    for each in [kind] if kind else KINDS:
        for spec in registry.specs(each):
            if name is not None and spec.name != name:
                continue
            origin = registry.origin(each, spec.name)
            found.append(
                {
                    "kind": each,
                    "name": spec.name,
                    "distribution": origin.distribution,
                    "version": origin.version,
                    "summary": spec.summary,
                    "paper": spec.paper,
                    "may": [name for name in CAPABILITIES if name in spec.declared],
                    "may_depends": spec.capabilities is not None,
                    "parameters": [item.as_json() for item in parameters_of(spec.config)],
                }
            )
    if name is not None and not found:
        kinds = [kind] if kind else list(KINDS)
        raise UsageError(f"{name}: {_unknown(registry, kinds, name)}")
    return found


def _unknown(registry: Registry, kinds: Sequence[str], name: str) -> str:
    """What to say of a name that no component of ``kinds`` has: the nearest ones, or of a single kind all."""
    from vpr_core.known_plugins import comes_with

    if len(kinds) == 1:
        return registry.explain_unknown(kinds[0], name)
    kind_of = {spec.name: kind for kind in kinds for spec in registry.specs(kind)}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), kind_of, n=3)
    meant = " or ".join(f"{each!r} ({kind_of[each]})" for each in close)
    brought = next((said for kind in kinds if (said := comes_with(kind, name))), "")
    guess = f"did you mean {meant}? " if meant else ""
    said = f"no component of that name{brought}; {guess}`vpr plugins --brief` lists all"
    failed = "; ".join(map(str, registry.failures))
    return f"{said}; plug-ins that failed to load: {failed}" if failed else said
