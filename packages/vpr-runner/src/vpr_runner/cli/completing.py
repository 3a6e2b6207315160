"""What a shell is told after TAB: names of components and suites, keys and values of ``--set``.

Nothing that a command line or a run file names is run for it: local plug-ins are left out. Imports neither torch nor
numpy. `vpr --install-completion` makes bash, zsh, fish and PowerShell ask.
"""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_runner.cli.parameters import Parameter

__all__ = ["component", "component_field", "device", "kind", "model", "setting", "suite", "typed"]

Candidates = list[tuple[str, str]]
_FREE = ("int", "float", "text", "path", "block", "any", "list")
"""How `Parameter.kind` begins where any value of a type will do."""


def component(of: str | None = None) -> Callable[[str], Candidates]:
    """Return what completes names of components of one kind, or of any."""

    def complete(incomplete: str) -> Candidates:
        registry = _registry()
        kinds = [of] if of else _kinds()
        return _fitting(((spec.name, spec.summary) for each in kinds for spec in registry.specs(each)), incomplete)

    return complete


def kind(incomplete: str) -> Candidates:
    """Complete a kind of component."""
    return _fitting(((name, "") for name in _kinds()), incomplete)


def suite(incomplete: str) -> Candidates:
    """Complete the name of a suite."""
    from vpr_runner.bench.suite import known_suites

    return _fitting(((name, "") for name in known_suites()), incomplete)


def device(incomplete: str) -> Candidates:
    """Complete a device."""
    return _fitting(((name, "") for name in ("cpu", "cuda", "mps", "xpu")), incomplete)


def model(incomplete: str) -> Candidates:
    """Complete a network: a name, beside what lies here and begins so; where no name fits, files are the shell's."""
    names = _fitting(((name, item.summary) for name, (item, _) in _registry().models.items()), incomplete)
    if not names or not incomplete:
        return names
    folder, _, begun = incomplete.rpartition("/")
    here = sorted(path.name for path in Path(folder or ".").glob("*") if path.name.startswith(begun))
    return [*names, *((f"{folder}/{name}" if folder else name, "") for name in here)]


def setting(incomplete: str) -> Candidates:
    """Complete ``KEY=VALUE`` of ``--set``: keys of the run file's own components where the command names one."""
    registry = _registry()
    return _assigned(lambda: _settings(registry, _named(typed())), incomplete, nested=True)


def component_field(of: str | None = None) -> Callable[[str], Candidates]:
    """Return what completes ``FIELD=VALUE`` of the component that the command names."""

    def complete(incomplete: str) -> Candidates:
        registry, words = _registry(), typed()
        specs = [spec for each in ([of] if of else _kinds()) for spec in registry.specs(each) if spec.name in words]
        return _assigned(lambda: [item for spec in specs for item in _parameters(spec.config, "")], incomplete)

    return complete


def _assigned(parameters: Callable[[], Iterable[Parameter]], incomplete: str, *, nested: bool = False) -> Candidates:
    """Complete a key, with its ``=``, or the value after it.

    A shell puts a blank after the only candidate. So there are two where one key is left: with nothing after the ``=``,
    and with the default.
    """
    key, assigned, begun = incomplete.partition("=")
    known = {item.name: item for item in parameters()}
    if assigned:
        values = _values(known[key]) if key in known else []
        return _fitting([(f"{key}={value}", "") for value in values], f"{key}={begun}")
    found = [item for name, item in known.items() if name.startswith(key)]
    sections = dict.fromkeys(item.name.partition(".")[0] for item in found)
    if nested and "." not in key and len(sections) > 1:
        return _fitting(((name if name in known else f"{name}.", "") for name in sections), key)
    candidates = [(f"{item.name}=", item.description) for item in found]
    if len(found) == 1:
        candidates += [(f"{found[0].name}={value}", "") for value in _values(found[0])]
    return _fitting(candidates, key)


def _values(parameter: Parameter) -> list[str]:
    """What a parameter may be where that can be listed, else its default."""
    words = parameter.kind.split(" | ")
    listed = [word for word in words if not word.startswith((*_FREE, "{"))]
    default = [] if parameter.default is None else [parameter.default.strip('"')]
    return list(dict.fromkeys(default if set(listed) <= {"null"} else listed + default))


def _settings(registry: Registry, named: Mapping[str, str]) -> Iterator[Parameter]:
    from vpr_core.config import BLOCKS, RunConfig
    from vpr_runner.cli.parameters import Parameter, parameters_of

    for name in ("name", "seed"):
        yield Parameter(name=name, kind="text", bounds="", default=None, description="")
    sections = [name for name in RunConfig.model_fields if name in ("image", "init", "train", "whiten", "eval")]
    for name in [*sections, "compute"]:
        model = _model(RunConfig.model_fields[name].annotation)
        yield from (_placed(item, name) for item in parameters_of(model))
    for block in BLOCKS.values():
        path = ".".join(block.path)
        specs = registry.specs(block.kind)
        names = " | ".join(spec.name for spec in specs)
        if block.many:
            yield Parameter(name=path, kind="list", bounds="", default=None, description="")
            continue
        yield Parameter(name=f"{path}.type", kind=names, bounds="", default=block.default, description="Its name.")
        for spec in specs:
            if named.get(path) in (None, spec.name):
                yield from _parameters(spec.config, path)


def _parameters(config: Any, path: str) -> Iterator[Parameter]:
    from vpr_runner.cli.parameters import parameters_of

    return (_placed(item, path) for item in parameters_of(config))


def _placed(parameter: Parameter, path: str) -> Parameter:
    from dataclasses import replace

    return replace(parameter, name=f"{path}.{parameter.name}" if path else parameter.name)


def _model(annotation: Any) -> Any:
    """The section that a field holds, with or without null beside it."""
    from typing import get_args

    return next((option for option in get_args(annotation) if option is not type(None)), annotation)


def typed() -> list[str]:
    """Return the words of the command line so far. Typer's context lacks them while an option waits for its value."""
    if "COMP_WORDS" in os.environ:
        return os.environ["COMP_WORDS"].split("\n")
    try:
        return shlex.split(os.environ.get("_TYPER_COMPLETE_ARGS", ""))
    except ValueError:  # within a quotation
        return []


def _named(words: Iterable[str]) -> dict[str, str]:
    """Which component the blocks of the run file have that the command names; nothing when it cannot be read."""
    from vpr_core import UsageError
    from vpr_core.config import read_yaml

    file = next((Path(word) for word in words if word.endswith((".yaml", ".yml"))), None)
    try:
        content = read_yaml(file).data if file is not None else {}
    except UsageError:
        return {}
    blocks = content.items() if isinstance(content, dict) else ()
    return {key: str(block["type"]) for key, block in blocks if isinstance(block, dict) and "type" in block}


def _fitting(candidates: Iterable[tuple[str, str]], incomplete: str) -> Candidates:
    return [(value, _short(said)) for value, said in dict(candidates).items() if value.startswith(incomplete)]


def _short(text: str) -> str:
    """A few words: Typer sends them through Rich, which takes brackets for markup and breaks what is longer."""
    first = re.split(r"[.;:(\[]( |$)|[\[\]\n]", text, maxsplit=1)[0]
    return textwrap.shorten(first, 48, placeholder=" ...")


def _kinds() -> list[str]:
    from vpr_core import KINDS

    return list(KINDS)


def _registry() -> Registry:
    from vpr_core import build_registry

    return build_registry()
