"""Rendering a page: one HTML file that asks nobody for anything, but for tiles where the user names a service."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vpr_runner.files import atomic
from vpr_runner.pages.drawing import Drawing
from vpr_runner.pages.shown import service_link
from vpr_runner.pages.thumbnails import BUDGET, thumbnails
from vpr_runner.pages.tiles import tiled

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Shown
    from vpr_runner.pages.tiles import Tiles

__all__ = ["as_html", "as_text", "environment", "policy", "source", "write_page"]


def environment() -> Environment:
    """Return the templates; everything that is put into them is text, unless a template says otherwise."""
    return Environment(
        loader=PackageLoader("vpr_runner.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def policy(script: str, style: str, *, pictures: str = "") -> str:
    """Return a Content-Security-Policy that allows this script, this style, and pictures inside the page.

    ``pictures``: the address of others, as the policy writes it.
    """
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        f"img-src data: blob:{pictures and ' ' + pictures}; base-uri 'none'; form-action 'none'"
    )


def as_html(shown: Shown, *, tiles: Tiles | None = None, budget: int = BUDGET) -> str:
    """Return a page as HTML.

    Args:
        shown: what it shows.
        tiles: a map service whose pictures lie below the map; None: the page asks nobody for anything.
        budget: of its pictures, in bytes.

    Raises:
        UsageError: ``tiles`` are asked for and nothing is tied to the earth.
    """
    script, css, below = "".join(map(source, ("map.js", "page.js", "sort.js"))), source("page.css"), ""
    if tiles is not None:
        below = tiled(shown, tiles)
        script, css = f"{tiles.script}\n{source('tiles.js')}{script}", tiles.style + css
        budget -= len(tiles.script) + len(tiles.style)
    most = 5 if len(shown.queries) <= 40 else 3
    files = [query.file for query in shown.queries]
    for rank in range(most):
        files += [query.answers[rank].file for query in shown.queries if len(query.answers) > rank]
    drawing = Drawing(shown)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            shown=shown,
            drawing=drawing,
            marks=[drawing.mark(query) for query in shown.queries],
            pictures=thumbnails((file for file in files if file is not None), budget=budget),
            pictured=most,
            link=service_link,
            policy=policy(script, css, pictures="" if tiles is None else tiles.origin),
            script=Markup(script),
            style=Markup(css),
            tiled=below,
            known=any(query.right is not None for query in shown.queries),
            judged=any(query.believed is not None for query in shown.queries),
            provenance=as_text(shown.provenance),
        )
    )


def source(name: str) -> str:
    """Return one of our own scripts or styles."""
    return (Path(__file__).with_name("templates") / name).read_text(encoding="utf-8")


def as_text(provenance: Mapping[str, Any]) -> str:
    """Return where numbers came from, for people."""
    return json.dumps(provenance, indent=2, ensure_ascii=False, default=str)


def write_page(file: Path, shown: Shown, *, tiles: Tiles | None = None) -> None:
    """Write a page, whole or not at all."""
    atomic.write_text(file, as_html(shown, tiles=tiles))


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
