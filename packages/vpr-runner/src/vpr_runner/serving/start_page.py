"""The page that takes a photo, and the headers that it comes with."""

from __future__ import annotations

import numpy as np

from vpr_runner.locate.locator import Locator
from vpr_runner.pages.drawing import Drawing
from vpr_runner.pages.page import environment, policy, source
from vpr_runner.pages.shown import Shown

__all__ = ["start_page"]


def start_page(where: Locator) -> tuple[str, dict[str, str]]:
    """Return the page of a map as HTML, and its headers."""
    xy = where.map.places.xy
    drawing = Drawing(Shown(title="", facts=[], queries=[], ground=np.zeros((0, 2)) if xy is None else xy))
    script, style = source("map.js") + source("serve.js"), source("page.css")
    allowed = policy(script, style).replace("default-src 'none'", "default-src 'none'; connect-src 'self'")
    html = (
        environment()
        .get_template("serve.html.j2")
        .render(drawing=drawing, images=len(where.map.places.names), script=script, style=style)
    )
    return html, {"Content-Security-Policy": allowed, "Referrer-Policy": "no-referrer"}
