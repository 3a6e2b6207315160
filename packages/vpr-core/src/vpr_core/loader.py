"""Finding and loading plug-ins: entry points of group ``vpr`` and single files, each in a cage of its own.

Every plug-in gets its own plug-in manager. So an import error, a misspelt hook or an exception inside a hook costs that
plug-in only, and becomes a `PluginFailure` that names its distribution and version. pluggy's own
``load_setuptools_entrypoints`` stops at the first broken plug-in and drops one of two that share an entry name.
"""

from __future__ import annotations

import difflib
import os
import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pluggy

from vpr_core import hookspecs
from vpr_core.components import ComponentSpec
from vpr_core.errors import PluginError
from vpr_core.hookspecs import HOOK_API, HOOK_API_MINOR, HOOK_OF_KIND, MODELS_HOOK, OLDEST_HOOK_API
from vpr_core.local_plugin import import_file, resolve_file
from vpr_core.models import ModelSpec, check_model
from vpr_core.origin import LoadedPlugin, LoadReport, PluginFailure, PluginOrigin
from vpr_core.validation import check_spec

__all__ = ["DISABLE_VARIABLE", "GROUP", "canonical_name", "disabled_distributions", "discover", "load_plugins"]

GROUP = "vpr"
MAX_ERROR = 1000
DISABLE_VARIABLE = "VPR_DISABLE_PLUGINS"


def canonical_name(name: str) -> str:
    """A distribution's name as packaging compares it (PEP 503): ``Vpr_Foo`` is ``vpr-foo``."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def disabled_distributions(text: str | None = None) -> frozenset[str]:
    """Canonical names in ``text``, by default those of the environment variable ``VPR_DISABLE_PLUGINS``."""
    names = os.environ.get(DISABLE_VARIABLE, "") if text is None else text
    return frozenset(canonical_name(name) for name in names.split(",") if name.strip())


def load_plugins(*, plugin_files: Sequence[str | Path] = (), disabled: Iterable[str] | None = None) -> LoadReport:
    """Load every installed plug-in that is not disabled, then the given files.

    Args:
        plugin_files: local plug-ins; the same file twice counts once.
        disabled: distributions to leave out; None reads ``VPR_DISABLE_PLUGINS``.

    Raises:
        UsageError: a file of ``plugin_files`` does not exist; anything else that is wrong is a `PluginFailure`.
    """
    off = disabled_distributions() if disabled is None else frozenset(map(canonical_name, disabled))
    plugins: list[LoadedPlugin] = []
    failures: list[PluginFailure] = []
    left_out: set[str] = set()
    for origin, load in [*_installed(), *_local(plugin_files)]:
        if canonical_name(origin.distribution) in off:
            left_out.add(origin.distribution)
            continue
        try:
            manager = _managed(load(), origin)
            plugins.append(LoadedPlugin(origin=origin, specs=_collect(manager), models=partial(_models, manager)))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a plug-in may fail in any way; it is reported, not hidden
            failures.append(_failure(origin, error))
    return LoadReport(plugins=tuple(plugins), failures=tuple(failures), disabled=tuple(sorted(left_out)))


def discover() -> tuple[PluginOrigin, ...]:
    """What is installed in the group, importing none of it: for a plug-in that hangs or breaks its host."""
    return tuple(origin for origin, _ in _installed())


def _installed() -> Iterator[tuple[PluginOrigin, Callable[[], object]]]:
    """Entry points of the group, in an order that does not depend on the file system."""
    found = []
    for point in metadata.entry_points(group=GROUP):
        dist = point.dist
        origin = PluginOrigin(
            distribution=dist.name if dist is not None else "unknown",
            version=dist.version if dist is not None else "unknown",
            entry=point.name,
        )
        found.append((origin, point.load))
    yield from sorted(found, key=lambda pair: (canonical_name(pair[0].distribution), pair[0].entry))


def _local(plugin_files: Sequence[str | Path]) -> Iterator[tuple[PluginOrigin, Callable[[], object]]]:
    resolved = dict(resolve_file(path) for path in plugin_files)
    for file, origin in resolved.items():
        yield origin, lambda file=file: import_file(file)  # type: ignore[misc]


def _managed(plugin: object, origin: PluginOrigin) -> pluggy.PluginManager:
    """A manager of this plug-in alone, which implements hooks as they are specified."""
    _check_api(plugin)
    manager = pluggy.PluginManager("vpr")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=origin.identity)  # raises PluginValidationError for arguments a hook does not have
    _check_hooks(manager, plugin)
    return manager


def _collect(manager: pluggy.PluginManager) -> tuple[ComponentSpec[Any], ...]:
    """Call the plug-in's hooks and check the components that they yield."""
    specs: list[ComponentSpec[Any]] = []
    for kind, hook in HOOK_OF_KIND.items():
        specs.extend(check_spec(spec, kind=kind, hook=hook) for spec in _yielded(manager, hook))
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        if (spec.kind, spec.name) in seen:
            raise ValueError(f"yields the {spec.kind} {spec.name!r} twice; names are unique within a kind")
        seen.add((spec.kind, spec.name))
    return tuple(specs)


def _models(manager: pluggy.PluginManager) -> tuple[ModelSpec, ...]:
    """Ask the plug-in for its networks by name, and check them."""
    models = tuple(map(check_model, _yielded(manager, MODELS_HOOK)))
    twice = [name for name, count in Counter(model.name for model in models).items() if count > 1]
    if twice:
        raise ValueError(f"yields the model {twice[0]!r} twice")
    return models


def _yielded(manager: pluggy.PluginManager, hook: str) -> Iterator[object]:
    """Whatever the plug-in's implementation of ``hook`` yields; nothing where it has none."""
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return
    results = caller()
    if not results:
        raise TypeError(f"{hook} returned None; yield specs, or return a list of them")
    for result in results:
        if isinstance(result, (str, bytes, dict)) or not isinstance(result, Iterable):
            raise TypeError(f"{hook} must yield specs or return a list of them, got {type(result).__name__}")
        yield from result


def _check_api(plugin: object) -> None:
    """Refuse a plug-in written for hooks that this core does not have."""
    wanted = getattr(plugin, "VPR_HOOK_API", HOOK_API)
    major, minor = _version(wanted)
    newer = (major, minor) > (HOOK_API, HOOK_API_MINOR)
    if newer or major < OLDEST_HOOK_API:
        have = f"{HOOK_API}.{HOOK_API_MINOR}" if major == HOOK_API else str(HOOK_API)
        have = f"{OLDEST_HOOK_API} to {have}" if OLDEST_HOOK_API < HOOK_API else have
        upgrade = "vpr-core" if newer else "the plug-in"
        raise PluginError(f"written for version {wanted} of the hooks, this vpr-core has {have}; upgrade {upgrade}")


def _version(wanted: object) -> tuple[int, int]:
    """Major and minor version of ``VPR_HOOK_API``: 1 is 1.0, "1.1" is text, as 1.10 would be no number."""
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return wanted, 0
    found = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", wanted) if isinstance(wanted, str) else None
    if found is None:
        raise PluginError(
            f"VPR_HOOK_API must be a whole number such as {HOOK_API}, got {wanted!r}; "
            f'with a minor version it is text: VPR_HOOK_API = "{HOOK_API}.{HOOK_API_MINOR}"'
        )
    return int(found[1]), int(found[2])


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse a misspelt hook, a hook without its decorator, and a plug-in without any hook."""
    known = [*HOOK_OF_KIND.values(), MODELS_HOOK]
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        callers = manager.get_hookcallers(plugin) or []
        unknown = sorted(caller.name for caller in callers if not caller.has_spec())
        said = "; ".join(f"unknown hook {name!r}{_did_you_mean(name, known)}" for name in unknown)
        raise PluginError(f"{said}; hooks are {', '.join(known)}") from error
    bare = [name for name in known if hasattr(plugin, name) and manager.parse_hookimpl_opts(plugin, name) is None]
    if bare:
        raise PluginError(f"{', '.join(bare)} is not marked as a hook; write @vpr_core.hookimpl above it")
    if not manager.get_hookcallers(plugin):
        raise PluginError(f"implements no hook; define at least one of {', '.join(known)} under @vpr_core.hookimpl")


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _failure(origin: PluginOrigin, error: BaseException) -> PluginFailure:
    said = "".join(character if character.isprintable() else " " for character in str(error))
    said = " ".join(said.split())[:MAX_ERROR]
    return PluginFailure(
        distribution=origin.distribution,
        version=origin.version,
        entry=origin.entry,
        error=f"{type(error).__name__}: {said}" if said else type(error).__name__,
        traceback="".join(traceback.format_exception(error)),
    )
