"""Rendering a page: one HTML file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vpr_runner.files import atomic
from vpr_runner.pages.drawing import Drawing
from vpr_runner.pages.shown import service_link
from vpr_runner.pages.thumbnails import BUDGET, thumbnails

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Shown

__all__ = ["as_html", "environment", "policy", "write_page"]


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


def policy(script: str, style: str, *, also: str = "") -> str:
    """Return a Content-Security-Policy that allows this script, this style, and pictures inside the page."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data: blob:; "
        f"base-uri 'none'; form-action 'none'{also}"
    )


def as_html(shown: Shown, *, budget: int = BUDGET) -> str:
    """Return a page as HTML; ``budget`` is that of its pictures in bytes."""
    templates = environment()
    script, style = (Path(__file__).with_name("templates") / name for name in ("page.js", "page.css"))
    js, css = script.read_text(encoding="utf-8"), style.read_text(encoding="utf-8")
    most = 5 if len(shown.queries) <= 40 else 3
    files = [query.file for query in shown.queries]
    for rank in range(most):
        files += [query.answers[rank].file for query in shown.queries if len(query.answers) > rank]
    drawing = Drawing(shown)
    return templates.get_template("page.html.j2").render(
        shown=shown,
        drawing=drawing,
        marks=[drawing.mark(query) for query in shown.queries],
        pictures=thumbnails((file for file in files if file is not None), budget=budget),
        pictured=most,
        link=service_link,
        policy=policy(js, css),
        script=Markup(js),
        style=Markup(css),
        known=any(query.right is not None for query in shown.queries),
        judged=any(query.believed is not None for query in shown.queries),
        provenance=json.dumps(shown.provenance, indent=2, ensure_ascii=False, default=str),
    )


def write_page(file: Path, shown: Shown) -> None:
    """Write a page, whole or not at all."""
    atomic.write_text(file, as_html(shown))


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
