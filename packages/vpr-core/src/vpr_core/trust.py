"""What a stranger's file may choose: components that, as it configures them, only compute.

A model, a map or a run folder carries its configuration, and that was written by whoever made it. One rule holds for
all of them: *what an artefact says of itself can only choose among components that are declared pure*
(`vpr_core.ComponentSpec`: ``runs_foreign_code``, ``reaches_network``, ``reads_environment``, ``starts_processes``).
Anything else the user says, in a run file or on the command line of their own. Python files that an artefact names are
foreign code whatever they hold.

A loader asks before it builds anything, about what it is going to build: the weights that a file brings take the place
of those that its backbone would fetch, so set ``backbone.weights`` to none first.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from vpr_core.components import CAPABILITIES, Capability, ComponentConfig, ComponentSpec
from vpr_core.config.blocks import BLOCKS, Block
from vpr_core.config.locations import dotted
from vpr_core.errors import UsageError

if TYPE_CHECKING:
    from vpr_core.catalogue import Catalogue

__all__ = ["ForeignChoice", "ForeignChoiceError", "foreign_choices", "refuse_foreign_choices"]

Loc = tuple[str | int, ...]
_LONGEST = 1000
_LOADED: Capability = "runs_foreign_code"


@dataclass(frozen=True, kw_only=True)
class ForeignChoice:
    """One thing that an artefact may not choose.

    Attributes:
        path: where its configuration says so, ``backbone`` or ``plugins[0]``.
        kind: the kind of component; ``plugin`` for a Python file.
        name: of the component, or of the file.
        capabilities: what it would do, beyond computing.
        instead: what the user writes to choose it nonetheless: options of the command line.
    """

    path: str
    kind: str
    name: str
    capabilities: tuple[Capability, ...]
    instead: str

    def __str__(self) -> str:
        does = " and ".join(CAPABILITIES[name] for name in self.capabilities)
        what = f"{'Python file' if self.kind == 'plugin' else self.kind} {self.name[:80]!a}"
        return (
            f"{self.path}: {what} {does}, which nothing that comes with a file may choose. If you trust it, say so "
            f"yourself: {self.instead}"
        )


class ForeignChoiceError(UsageError):
    """An artefact chooses what it may not; all of it at once.

    Attributes:
        choices: each of them.
    """

    def __init__(self, choices: Collection[ForeignChoice], *, source: str) -> None:
        self.choices = tuple(choices)
        super().__init__(f"{source}: " + "\n".join(map(str, self.choices)))


def refuse_foreign_choices(
    config: BaseModel | Mapping[str, Any],
    catalogue: Catalogue,
    *,
    source: str,
    said: BaseModel | Mapping[str, Any] | None = None,
    kinds: Collection[str] | None = None,
) -> None:
    """Refuse a configuration that came with an artefact when it chooses what only the user may; see `foreign_choices`.

    Args:
        config: see there.
        catalogue: see there.
        source: the artefact, for the message.
        said: see there.
        kinds: see there.

    Raises:
        ForeignChoiceError: names every such choice, the reason, and what to write instead.
    """
    found = foreign_choices(config, catalogue, said=said, kinds=kinds)
    if found:
        raise ForeignChoiceError(found, source=source)


def foreign_choices(
    config: BaseModel | Mapping[str, Any],
    catalogue: Catalogue,
    *,
    said: BaseModel | Mapping[str, Any] | None = None,
    kinds: Collection[str] | None = None,
) -> tuple[ForeignChoice, ...]:
    """Return what ``config`` chooses and an artefact may not choose.

    Args:
        config: the configuration that came with the artefact: a `RunConfig`, or the plain data of one. What is not
            installed, or not valid, is left to whoever reads it.
        catalogue: what is installed, and the local files that the *user* named.
        said: what the user says, in the same form: a block that is the same there is the user's choice.
        kinds: the kinds that are going to be built; None: all. ``plugin`` stands for the Python files.

    A local plug-in that the user has loaded counts as installed. Components within the config of another (a loss with a
    memory names a loss) are asked about too.
    """
    asked = {*BLOCKS, "plugin"} if kinds is None else set(kinds)
    found = []
    for kind, block in BLOCKS.items():
        if kind not in asked:
            continue
        own = [_plain(value) for _, value in block.within(said)]
        for loc, value in block.within(config):
            if _plain(value) in own:
                continue
            needs = _needs(kind, value, catalogue)
            if needs is not None and needs[1]:
                found.append(_choice(loc, block, value, *needs))
    if "plugin" in asked:
        found += _files(config, catalogue, said)
    return tuple(found)


def _needs(kind: str, value: Any, catalogue: Catalogue) -> tuple[ComponentConfig | None, frozenset[Capability]] | None:
    """The config that ``value`` is, and all that it needs with the components in it; None: no component to build."""
    name = (
        value.type if isinstance(value, ComponentConfig) else value.get("type") if isinstance(value, Mapping) else None
    )
    spec = next((spec for spec in catalogue.specs(kind) if spec.name == name), None)
    if spec is None:
        return None
    config = value if isinstance(value, spec.config) else _validated(spec, value)
    if config is None:
        return None, spec.declared
    needs = set(spec.needed(config))
    for inner in _within(config):
        for other in _specs(catalogue):
            if other.config is type(inner):
                needs |= other.needed(inner)
    return config, frozenset(needs)


def _validated(spec: ComponentSpec[Any], value: Any) -> ComponentConfig | None:
    try:
        config: ComponentConfig = spec.config.model_validate_json(json.dumps(_plain(value)), strict=True)
    except (ValidationError, TypeError, ValueError):
        return None
    return config


def _specs(catalogue: Catalogue) -> Iterator[ComponentSpec[Any]]:
    for kind in BLOCKS:
        yield from catalogue.specs(kind)


def _within(value: Any) -> Iterator[ComponentConfig]:
    """Components in the fields of a config, at any depth."""
    inner: Collection[Any] = ()
    if isinstance(value, BaseModel):
        inner = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    for item in inner:
        if isinstance(item, ComponentConfig):
            yield item
        yield from _within(item)


def _choice(
    loc: Loc, block: Block, value: Any, config: ComponentConfig | None, needs: frozenset[Capability]
) -> ForeignChoice:
    name = value.type if isinstance(value, ComponentConfig) else str(value["type"])
    if config is None:
        written = _plain(value)
    else:
        written = {"type": name, **config.model_dump(mode="json", exclude={"type"}, exclude_defaults=True)}
    text = json.dumps([written] if block.many else written, ensure_ascii=True)
    override = f"{'.'.join(block.path)}={text}"
    return ForeignChoice(
        path=dotted(loc),
        kind=block.kind,
        name=name,
        capabilities=tuple(each for each in CAPABILITIES if each in needs),
        # Quoted for a shell: it is a stranger's text, and made to be copied.
        instead=f"--set {shlex.quote(override)}"
        if len(override) <= _LONGEST
        else f"its block under {'.'.join(block.path)} of a run file of your own",
    )


def _files(config: Any, catalogue: Catalogue, said: Any) -> Iterator[ForeignChoice]:
    """Python files that the artefact names and the user does not; a file is known by its name, as folders move."""

    def plugins(of: Any) -> list[str]:
        value = of.get("plugins") if isinstance(of, Mapping) else getattr(of, "plugins", None)
        return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []

    known = {plugin.origin.distribution for plugin in catalogue.plugins if plugin.origin.file is not None}
    known |= {_file_name(path) for path in plugins(said)}
    for number, path in enumerate(plugins(config)):
        if _file_name(path) not in known:
            yield ForeignChoice(
                path=f"plugins[{number}]",
                kind="plugin",
                name=path,
                capabilities=(_LOADED,),
                instead=f"--plugin {shlex.quote(ascii(path)[1:-1])}, after a look at it",
            )


def _file_name(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).as_posix()).name


def _plain(value: Any) -> Any:
    """A block as data to compare."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
