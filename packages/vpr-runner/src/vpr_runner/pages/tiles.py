"""The map of a page on the tiles of a map service: Leaflet (https://leafletjs.com), put into the page whole.

Leaflet comes with the package XStatic-Leaflet (extra ``vpr-runner[tiles]``). The page then asks the service that the
user named for pictures, and so tells it which place is looked at; nobody else is asked for anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import numpy as np

from vpr_core import UsageError

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Shown, ShownQuery

__all__ = ["Tiles", "tiled"]

HOST = re.compile(r"(\{s\}\.)?[A-Za-z0-9.-]+(:\d+)?")
KNOWN = {"openstreetmap.org": "\u00a9 OpenStreetMap contributors"}
"""Whom a service wants to be named, by the end of its host."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """A service of map tiles.

    Attributes:
        address: of a tile, with ``{z}``, ``{x}``, ``{y}`` and, if it has several hosts, ``{s}``.
        origin: of it, as a Content-Security-Policy writes it.
        credit: whom to name.
        script: Leaflet.
        style: its style sheet, without pictures.
    """

    address: str
    origin: str
    credit: str
    script: str
    style: str

    @classmethod
    def at(cls, address: str) -> Self:
        """Return the service whose tiles lie at ``address``.

        Raises:
            UsageError: it is no such address, or Leaflet is not installed.
        """
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and HOST.fullmatch(parts.netloc) is not None
        if not whole or not all(part in parts.path + parts.query for part in ("{z}", "{x}", "{y}")):
            raise UsageError(
                f"--tiles {address}: an address of tiles looks like https://tile.openstreetmap.org/{{z}}/{{x}}/{{y}}.png"
            )
        try:
            folder = resources.files("xstatic.pkg.leaflet") / "data"
            script, style = ((folder / f"leaflet.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise UsageError(
                f"--tiles needs Leaflet: pip install '.[tiles]' at the top of the checkout ({error})"
            ) from error
        host = parts.netloc.rpartition("{s}.")[2]
        return cls(
            address=address,
            origin=f"{parts.scheme}://{'*.' if '{s}' in parts.netloc else ''}{host}",
            credit=next((name for end, name in KNOWN.items() if host.endswith(end)), f"tiles: {host}"),
            script=re.sub(r"//# sourceMappingURL=\S+\s*$", "", script),
            style=re.sub(r"url\([^)]*\)", "none", style),
        )


def tiled(shown: Shown, tiles: Tiles) -> str:
    """Return what `templates/tiles.js` draws, as JSON that may stand in a page.

    Raises:
        UsageError: nothing is tied to the earth.
    """
    marks = [_mark(query) for query in shown.queries]
    places = [*(mark[name] for mark in marks for name in ("here", "first") if mark[name]), *_ground(shown)[:1]]
    if not places:
        raise UsageError("--tiles: nothing here has a latitude and a longitude, so it lies on no map of the earth")
    content = {"address": tiles.address, "credit": tiles.credit, "marks": marks, "ground": _ground(shown)}
    # `<` could end the element that it stands in.
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _ground(shown: Shown) -> list[list[float]]:
    if shown.ground_degrees is None:
        return []
    known = shown.ground_degrees[np.isfinite(shown.ground_degrees).all(axis=1)]
    return np.round(known[:: max(1, -(-len(known) // 5000))], 6).tolist()  # type: ignore[no-any-return]


def _mark(query: ShownQuery) -> dict[str, Any]:
    estimate = None if query.estimate is None else query.estimate[1]
    places = [answer.degrees for answer in query.answers if answer.degrees is not None]
    return {
        "name": query.name,
        "state": query.state,
        "here": query.degrees or estimate,
        "centre": estimate,
        "radius": 0.0 if query.estimate is None else query.estimate[2],
        "first": places[0] if places else None,
        "others": places[1:],
    }
