"""One call of an entry point of a ``hubconf.py``, kept from what it would leave behind in the process."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["load"]

log = logging.getLogger(__name__)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def load(
    repository: str,
    entry: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    ref: str | None = None,
    local: Path | None = None,
) -> nn.Module:
    """Return what ``entry`` of a repository's ``hubconf.py`` builds; this runs the repository's code.

    torch.hub keeps code and weights in its cache (``torch.hub.get_dir()``) and asks the network for what is not there.
    What the code prints goes to stderr. Modules that it imports from its own folder are forgotten afterwards, so that
    two repositories may both call one ``network`` or ``utils``.

    Args:
        repository: ``owner/name`` on GitHub.
        entry: name of the function.
        arguments: its keyword arguments.
        ref: branch, tag or full commit; None: the default branch. A commit is fetched as it is: GitHub also serves
            commits of forks under this name, so take it from a source you trust.
        local: a folder with a ``hubconf.py``, used in place of GitHub.

    Raises:
        FileNotFoundError: ``local`` has no ``hubconf.py``.
        ValueError: there is no such entry point, it refuses the arguments, or it builds no ``nn.Module``.
        ModuleNotFoundError: the code needs a package that is not installed.
        ConnectionError: it could not be fetched.
    """
    name = f"{repository} {entry}"
    if local is not None and not (local / "hubconf.py").is_file():
        raise FileNotFoundError(f"local {local}: no hubconf.py there; give the folder of a checkout of {repository}")
    where = str(local) if local is not None else repository if ref is None else f"{repository}:{ref}"
    log.info("loading %s from %s", entry, where)
    folders = [Path(torch.hub.get_dir()).resolve()] if local is None else [local.resolve()]
    try:
        with _nothing_left_behind(folders), contextlib.redirect_stdout(sys.stderr):
            model = torch.hub.load(  # type: ignore[no-untyped-call]
                where,
                entry,
                source="github" if local is None else "local",
                trust_repo=True,
                skip_validation=ref is not None and _COMMIT.fullmatch(ref) is not None,
                verbose=False,
                **dict(arguments or {}),
            )
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name}: its code needs {error.name}, which is not installed: pip install it"
        ) from error
    except RuntimeError as error:
        missing = re.fullmatch(r"Missing dependencies: (.+)", str(error))
        cannot = re.match(r"Cannot find callable (\S+) in hubconf", str(error))
        if missing:
            raise ModuleNotFoundError(f"{name}: its code needs {missing[1]}, not installed: pip install it") from error
        if cannot:
            raise ValueError(
                f"{repository}: hubconf.py has no entry point {entry!r}; look there for its name"
            ) from error
        raise
    except (TypeError, AssertionError) as error:
        raise ValueError(f"{name}: refuses the arguments {dict(arguments or {})}: {error}") from error
    except OSError as error:  # URLError and HTTPError are OSErrors
        if local is not None:
            raise
        raise ConnectionError(
            f"{name}: cannot be fetched ({error}); fetch it once where there is a network and copy "
            f"{torch.hub.get_dir()}, or give a checkout as 'local'"
        ) from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"{name}: builds a {type(model).__name__}, a torch.nn.Module is needed")
    return model


@contextlib.contextmanager
def _nothing_left_behind(folders: list[Path]) -> Iterator[None]:
    """Take back additions to ``sys.path``, and forget modules that came from ``folders``."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            origin = getattr(sys.modules[name], "__file__", None)
            spaces = list(getattr(sys.modules[name], "__path__", []))  # a namespace package has no file
            if any(
                Path(place).resolve().is_relative_to(folder)
                for place in [origin, *spaces]
                if place
                for folder in folders
            ):
                del sys.modules[name]
