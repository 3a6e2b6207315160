"""Build backend of the distributions that need others of this repository: hatchling, and one thing more.

None of our names has to be on a package index, or be ours there. So what pip installs from a checkout, by
``pip install .`` or ``pip install ./packages/vpr-runner``, names its siblings by the folders they lie in: nothing is
looked up, and nobody else's package of that name is taken. Editable installs name versions as usual, and so do source
distributions and what is built from them.

In pyproject.toml, ``dependencies`` (and ``optional-dependencies`` that name siblings) are dynamic: they stand, with the
``folders`` where siblings lie, below ``tool.hatch.metadata.hooks.custom``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling import build
from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.requirements import Requirement

_BY_FOLDER = "VPR_BUILD_SIBLINGS_BY_FOLDER"
"""Set while a wheel is made: the hook is made by hatchling, which tells it nothing."""


def __getattr__(name: str) -> Any:
    """Return hatchling's hook of that name (PEP 517); those that make a wheel know siblings by folder."""
    hook = getattr(build, name)
    return _by_folder(hook) if name in ("build_wheel", "prepare_metadata_for_build_wheel") else hook


def _by_folder(hook: Callable[..., str]) -> Callable[..., str]:
    def wrapped(*given: Any, **settings: Any) -> str:
        with _set(_BY_FOLDER):
            return hook(*given, **settings)

    return wrapped


@contextmanager
def _set(variable: str) -> Iterator[None]:
    os.environ[variable] = "1"
    try:
        yield
    finally:
        del os.environ[variable]


class Siblings(MetadataHookInterface):
    """Sets the dependencies of a distribution."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields; siblings are named by folder while a wheel is made and they are there."""
        folders = [Path(self.root, folder).resolve() for folder in self.config.get("folders", ())]
        known = folders if os.environ.get(_BY_FOLDER) else []
        metadata["dependencies"] = list(located(self.config["dependencies"], known))
        if "optional-dependencies" in self.config:
            extras = self.config["optional-dependencies"]
            metadata["optional-dependencies"] = {name: list(located(wanted, known)) for name, wanted in extras.items()}


def located(wanted: Iterable[str], folders: Iterable[Path]) -> Iterator[str]:
    """Yield requirements; one of a distribution that lies in a folder of its name as a reference to that folder."""
    folders = tuple(folders)
    for text in wanted:
        requirement = Requirement(text)
        found = [path for folder in folders if _is_project(path := folder / requirement.name, requirement.name)]
        if found:
            requirement = Requirement(f"{_with_extras(requirement)} @ {found[0].as_uri()}")
        yield str(requirement)


def _with_extras(requirement: Requirement) -> str:
    return f"{requirement.name}[{','.join(sorted(requirement.extras))}]" if requirement.extras else requirement.name


def _is_project(folder: Path, name: str) -> bool:
    file = folder / "pyproject.toml"
    return file.is_file() and tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name") == name
