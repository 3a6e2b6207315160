"""A plug-in that is one file: ``--plugin ./idea.py``, for an experiment that needs no package."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from vpr_core.errors import UsageError
from vpr_core.origin import PluginOrigin

__all__ = ["import_file", "resolve_file"]


def resolve_file(path: str | Path) -> tuple[Path, PluginOrigin]:
    """Return the absolute path of a local plug-in and its identity.

    Raises:
        UsageError: there is no such file, or it is not Python.
    """
    file = Path(path).expanduser().resolve()
    if file.suffix != ".py":
        raise UsageError(f"plug-in {str(path)!r} is not a Python file; name a file that ends in .py")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"plug-in {str(path)!r} cannot be read: {error.strerror} (looked for {file}); "
            "name an existing file, or install the package that holds it"
        ) from error
    version = f"sha256:{hashlib.sha256(content).hexdigest()[:12]}"
    return file, PluginOrigin(distribution=file.name, version=version, entry=str(file))


def import_file(file: Path) -> ModuleType:
    """Import ``file`` under a module name of its own; its folder is not put on ``sys.path``."""
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    name = f"vpr_local_plugin_{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks up the names in a model's annotations there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
