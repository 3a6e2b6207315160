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

from vpr_torchhub.origin import careful_downloads

__all__ = ["load"]

log = logging.getLogger(__name__)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MISSING = re.compile(r"Missing dependencies: (.+)")
_NO_ENTRY = re.compile(r"Cannot find callable \S+ in hubconf")


def load(
    repository: str,
    entry: str,
    *others: str,
    arguments: Mapping[str, Any] | None = None,
    ref: str | None = None,
    local: Path | None = None,
    caches: str = "",
) -> nn.Module:
    """Return what ``entry`` of a repository's ``hubconf.py`` builds; this runs the repository's code.

    torch.hub keeps code and weights in its cache (``torch.hub.get_dir()``) and asks the network for what is not there.
    What the code prints goes to stderr. Modules that it imports from its own folder are forgotten afterwards, so that
    two repositories may both call one ``network`` or ``utils``.

    Args:
        repository: ``owner/name`` on GitHub.
        entry: name of the function.
        others: names that it has had in other commits, tried in turn where ``entry`` is not there.
        arguments: its keyword arguments.
        ref: branch, tag or full commit; None: the default branch. A commit is fetched as it is: GitHub also serves
            commits of forks under this name, so take it from a source you trust.
        local: a folder with a ``hubconf.py``, used in place of GitHub.
        caches: what to copy to a machine without a network, for the message; empty: torch.hub's cache.

    Raises:
        FileNotFoundError: ``local`` has no ``hubconf.py``.
        ValueError: there is no such entry point, it refuses the arguments, it fails, or it builds no ``nn.Module``.
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
        with _nothing_left_behind(folders), careful_downloads(), contextlib.redirect_stdout(sys.stderr):
            model = torch.hub.load(  # type: ignore[no-untyped-call]
                where,
                entry,
                source="github" if local is None else "local",
                trust_repo=True,
                skip_validation=ref is not None and _COMMIT.fullmatch(ref) is not None,
                verbose=False,
                **dict(arguments or {}),
            )
    except SystemExit as error:  # a hubconf.py that parses arguments of a command line
        raise ValueError(
            f"{name}: its code ended the process (exit {error.code}) instead of building a network"
        ) from error
    except Exception as error:
        if others and _NO_ENTRY.match(str(error)):
            return load(repository, *others, arguments=arguments, ref=ref, local=local, caches=caches)
        said = _explained(error, name, repository, entry, arguments or {}, local=local, caches=caches)
        if said is error:
            raise
        raise said from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"{name}: builds a {type(model).__name__}, a torch.nn.Module is needed")
    return model


def _explained(
    error: Exception,
    name: str,
    repository: str,
    entry: str,
    arguments: Mapping[str, Any],
    *,
    local: Path | None,
    caches: str,
) -> Exception:
    """What is said of what went wrong, in one line: the code is not ours, its traceback helps nobody here."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        return ModuleNotFoundError(f"{name}: its code needs {error.name}, which is not installed: pip install it")
    if missing := _MISSING.fullmatch(text):
        return ModuleNotFoundError(f"{name}: its code needs {missing[1]}, not installed: pip install it")
    if _NO_ENTRY.match(text):
        return ValueError(f"{repository}: hubconf.py has no entry point {entry!r}; look there for its name")
    if isinstance(error, TypeError | AssertionError):
        return ValueError(f"{name}: refuses the arguments {dict(arguments)}: {error}")
    offline = isinstance(error, OSError) or "no internet connection" in text  # URLError and HTTPError are OSErrors
    if offline and local is not None and isinstance(error, OSError):
        return error
    if offline:
        cache = caches or torch.hub.get_dir()
        return ConnectionError(
            f"{name}: cannot be fetched ({_first_line(error)}); fetch it once where there is a network and copy "
            f"{cache}, or give a checkout as 'local'"
        )
    return ValueError(
        f"{name}: its code failed ({type(error).__name__}: {_first_line(error)}); it may not go with the installed "
        f"torch {torch.__version__} or with weights of another commit: pin 'ref', or look at {repository}'s issues"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


@contextlib.contextmanager
def _nothing_left_behind(folders: list[Path]) -> Iterator[None]:
    """Take back additions to ``sys.path``, and forget modules that came from ``folders``.

    The code does not see the arguments of the command that loads it, either: some parse ``sys.argv`` when imported.
    """
    path, arguments, modules = list(sys.path), list(sys.argv), set(sys.modules)
    sys.argv[1:] = []
    try:
        yield
    finally:
        sys.path[:], sys.argv[:] = path, arguments
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
