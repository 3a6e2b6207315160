"""A complete plug-in package to start from, made of the templates beside this file."""

from __future__ import annotations

import importlib.util
import keyword
import re
import secrets
import shutil
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["Names", "kinds", "write_plugin"]

TEMPLATES = Path(__file__).with_name("templates")
NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
LONGEST = 60
FILES = {
    "pyproject.toml": "common/pyproject.toml",
    "README.md": "common/README.md",
    "bench.yaml": "{kind}/bench.yaml",
    "src/{module}/__init__.py": "common/__init__.py",
    "src/{module}/component.py": "{kind}/component.py",
    "src/{module}/plugin.py": "{kind}/plugin.py",
    "tests/test_contract.py": "{kind}/test_contract.py",
}
"""File of the package: template it is made of."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a new plug-in is called.

    Attributes:
        distribution: what ``pip`` installs, ``vpr-ring-pooling``.
        module: what Python imports, ``vpr_ring_pooling``.
        component: what a run file writes after ``type:``, ``ring_pooling``.
        class_name: ``RingPooling``.
    """

    distribution: str
    module: str
    component: str
    class_name: str

    @classmethod
    def of(cls, name: str, *, kind: str) -> Names:
        """Derive all names from the distribution's.

        Raises:
            UsageError: it is no name for a distribution, a module and a component; says one that would be.
        """
        if len(name) > LONGEST or not re.fullmatch(NAME, name):
            raise UsageError(
                f"NAME: {name[:80]!r} cannot be the name of a package; write lower-case letters and digits with single "
                f"dashes between them, a letter first, {LONGEST} at most, such as {_suggestion(name, kind)!r}"
            )
        module = name.replace("-", "_")
        component = module.removeprefix("vpr_")
        if not component[0].isalpha():
            raise UsageError(f"NAME: {name!r} names a component {component!r}, which must begin with a letter")
        if keyword.iskeyword(module) or module in sys.stdlib_module_names:
            raise UsageError(f"NAME: {name!r} is a word of Python's own; choose another, such as 'vpr-{name}'")
        class_name = "".join(part.capitalize() for part in component.split("_"))
        if keyword.iskeyword(class_name) or class_name in _words(kind):
            class_name += kind.capitalize()
        return cls(distribution=name, module=module, component=component, class_name=class_name)


def kinds() -> tuple[str, ...]:
    """Kinds of component that there are templates for."""
    return tuple(_kinds())


def write_plugin(name: str, *, kind: str, into: Path, registry: Registry) -> tuple[Path, ...]:
    """Write the package ``into / name``; it appears whole or not at all.

    Args:
        name: of the distribution.
        kind: ``"pooling"`` and so on.
        into: folder for the package's folder; made when it is not there.
        registry: what is installed: the new component must have a name of its own.

    Returns:
        the files written, in the order in which to read them.

    Raises:
        UsageError: no such kind; the name is wrong or taken; the folder is there already.
    """
    if kind not in kinds():
        raise UsageError(f"--kind {kind}: there are {', '.join(kinds())}")
    names = Names.of(name, kind=kind)
    _check_free(names, kind, registry)
    folder = into / name
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} is there already; choose another name, or another folder with --into")
    values = _values(names, kind)
    into.mkdir(parents=True, exist_ok=True)
    work = into / f".{name}-{secrets.token_hex(8)}"
    written = []
    try:
        for target, template in FILES.items():
            path = work / target.format(module=names.module)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(_template(template.format(kind=kind)), values), encoding="utf-8")
            written.append(folder / path.relative_to(work))
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return tuple(written)


def _check_free(names: Names, kind: str, registry: Registry) -> None:
    """Refuse names that something installed has: both would be found, and neither could be used."""
    taken = {spec.name for spec in registry.specs(kind)}
    if names.component in taken:
        origin = registry.origin(kind, names.component)
        raise UsageError(
            f"NAME: {origin} has a {kind} named {names.component!r} already; choose another name, such as "
            f"'{names.distribution}-2'"
        )
    try:
        version = metadata.version(names.distribution)
    except metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(names.module)
        if spec is None or spec.origin is None:  # a folder of that name is no module
            return
        raise UsageError(
            f"NAME: there is a Python module {names.module} already, at {spec.origin}; choose another name"
        ) from None
    raise UsageError(
        f"NAME: {names.distribution} {version} is installed already; choose another name, or uninstall that one"
    )


def _values(names: Names, kind: str) -> dict[str, str]:
    said = _kinds()[kind]
    values = {
        "distribution": names.distribution,
        "module": names.module,
        "component": names.component,
        "Class": names.class_name,
        "summary": str(said["summary"]),
        "dependencies": "\n".join(f'    "{item}",' for item in said["dependencies"]),
        "test": "".join(f', "{item}"' for item in said.get("test", ())),
        "hook": str(said["hook"]),
        "noun": str(said["noun"]),
        "article": "An" if said["noun"][0] in "aeiou" else "A",
        "bench_what": str(said["bench_what"]),
    }
    values["block"] = _filled(str(said["block"]), values)
    commands = {
        'pip install -e ".[test]"': "in this folder",
        f"vpr plugins show {names.component}": "it is listed, with its parameters",
        "pytest": "the contract tests that the toolkit's own components pass",
        str(said["bench"]): "beside the toolkit's own, one table",
    }
    width = max(map(len, commands))
    values["commands"] = "\n".join(f"{command:<{width}}   # {why}" for command, why in commands.items())
    return values


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text)


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.template").read_text(encoding="utf-8")


def _kinds() -> dict[str, Any]:
    return tomllib.loads((TEMPLATES / "kinds.toml").read_text(encoding="utf-8"))


def _words(kind: str) -> set[str]:
    """Identifiers that a kind's templates use themselves."""
    return set(
        re.findall(r"(?<!\{)\b[A-Za-z_]\w*", "".join(map(_template, (f"{kind}/component.py", f"{kind}/plugin.py"))))
    )


def _suggestion(name: str, kind: str) -> str:
    parts = re.findall(r"[a-z0-9]+", name.lower())
    while parts and not parts[0][0].isalpha():
        parts = parts[1:]
    return "-".join(parts)[:LONGEST].strip("-") or f"my-{kind}"
