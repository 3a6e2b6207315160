"""Whether what a suite requires is installed: distributions of plug-ins, and extras of the toolkit's own packages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata, util

__all__ = ["missing"]

_NAMED = re.compile(r"([\w.-]+)\s*(?:\[([\w., -]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")


def missing(requires: Iterable[str]) -> list[str]:
    """Return those of ``requires`` that are not installed: ``NAME``, or ``NAME[EXTRA]`` whose distributions are not.

    >>> missing(["vpr-runner", "VPR_Runner", "vpr-of-nobody"])
    ['vpr-of-nobody']
    """
    return [text for text in requires if not _is_there(text)]


def _is_there(text: str) -> bool:
    named = _NAMED.fullmatch(text)
    if named is None or not _is_installed(named[1]):
        return False
    extras = {_plain(extra) for extra in (named[2] or "").split(",") if extra.strip()}
    brought: dict[str, list[str]] = {extra: [] for extra in extras}
    for line in (metadata.requires(named[1]) or ()) if extras else ():
        of, wanted = _EXTRA.search(line), _NAMED.match(line)
        if of is not None and wanted is not None and _plain(of[1]) in extras:
            brought[_plain(of[1])].append(wanted[1])
    return all(names and all(map(_is_installed, names)) for names in brought.values())


def _is_installed(name: str) -> bool:
    if _plain(name).startswith("opencv-"):  # four distributions of one module, of which one may be installed
        return util.find_spec("cv2") is not None
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
