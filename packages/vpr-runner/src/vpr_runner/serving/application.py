"""The HTTP service."""

# No `from __future__ import annotations`: FastAPI reads the annotations of functions that are defined in a function.

import asyncio
import hmac
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from vpr_data import ImageDecodeError
from vpr_runner import __version__
from vpr_runner.locate.located import Located
from vpr_runner.locate.locator import Locator
from vpr_runner.pages.drawing import Drawing
from vpr_runner.pages.page import environment, policy
from vpr_runner.pages.shown import Shown
from vpr_runner.serving.limits import Limits
from vpr_runner.serving.metrics import Metrics

__all__ = ["application"]

OPEN = frozenset({"/", "/healthz"})
"""Paths that need no token: the empty page, and whether the service lives."""


def application(where: Locator, *, limits: Limits | None = None, token: str | None = None) -> FastAPI:
    """Return the service of one map.

    Args:
        where: the map, open.
        limits: what a request may cost.
        token: that requests must carry as ``Authorization: Bearer TOKEN``; None: nobody is asked.
    """
    bounds, metrics = limits or Limits(), Metrics()
    app = FastAPI(title="vpr", version=__version__, docs_url=None, redoc_url=None)
    # The network takes one photo at a time while the next is decoded; the event loop goes on reading and answering.
    pool = ThreadPoolExecutor(2, thread_name_prefix="vpr-serve")
    waiting = 0
    known = {"/", "/healthz", "/metrics", "/search", "/search/batch", "/openapi.json"}
    page, headers = _page(where)

    @app.middleware("http")
    async def guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path
        given = request.headers.get("authorization", "").partition(" ")[2]
        if token is not None and path not in OPEN and not hmac.compare_digest(given.encode(), token.encode()):
            response: Response = _said(401, "this service asks for a token: Authorization: Bearer TOKEN")
        else:
            response = await follow(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        metrics.request(path if path in known else "other", response.status_code)
        return response

    async def looked_up(photos: list[bytes], count: int) -> list[dict[str, Any]]:
        nonlocal waiting
        if waiting >= bounds.waiting:
            raise HTTPException(503, f"{waiting} requests are being worked on; try again", {"Retry-After": "1"})
        waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return [
                await loop.run_in_executor(pool, _look_up, where, photo, count, bounds, metrics) for photo in photos
            ]
        finally:
            waiting -= 1

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def start() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    @app.get("/healthz")
    async def health() -> dict[str, Any]:
        """Whether the service lives, and what of."""
        calibrated = where.guess.calibration is not None
        return {"status": "ok", "images": len(where.map.places.names), "calibrated": calibrated}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def counted() -> PlainTextResponse:
        """Counts in the text format of Prometheus."""
        return PlainTextResponse(metrics.text())

    @app.post(
        "/search",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def search(request: Request, k: Annotated[int, Query(ge=1, le=bounds.answers)] = 5) -> dict[str, Any]:
        """Where the photo in the body was taken: answers, position, radius, and whether to believe it."""
        return (await looked_up([await _body(request, bounds)], k))[0]

    @app.post("/search/batch")
    async def batch(
        photos: list[UploadFile], request: Request, k: Annotated[int, Query(ge=1, le=bounds.answers)] = 5
    ) -> list[dict[str, Any]]:
        """The same for several photos: a form with a field ``photos`` for each."""
        if len(photos) > bounds.photos:
            raise HTTPException(413, f"{len(photos)} photos; at most {bounds.photos} in one request")
        contents = [await photo.read(bounds.upload + 1) for photo in photos]
        for photo, content in zip(photos, contents, strict=True):
            if len(content) > bounds.upload:
                raise HTTPException(413, f"{photo.filename}: more than {bounds.upload} bytes")
        return await looked_up(contents, k)

    return app


async def _body(request: Request, bounds: Limits) -> bytes:
    """Read a body no farther than it may go."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > bounds.upload:
        raise HTTPException(413, f"the photo has {length} bytes; at most {bounds.upload}")
    content = bytearray()
    try:
        async with asyncio.timeout(bounds.seconds):
            async for piece in request.stream():
                content += piece
                if len(content) > bounds.upload:
                    raise HTTPException(413, f"the photo has more than {bounds.upload} bytes")
    except TimeoutError as error:
        raise HTTPException(408, f"the photo did not come within {bounds.seconds:g} seconds") from error
    if not content:
        raise HTTPException(400, "the body is empty; send the bytes of an image")
    return bytes(content)


def _look_up(where: Locator, photo: bytes, count: int, bounds: Limits, metrics: Metrics) -> dict[str, Any]:
    begun = time.perf_counter()
    with tempfile.NamedTemporaryFile(prefix="vpr-photo-") as file:
        file.write(photo)
        file.flush()
        try:
            found = where(Path(file.name), count=count, max_pixels=bounds.pixels)
        except ImageDecodeError as error:
            raise HTTPException(422, f"the photo cannot be read: {error.reason}") from None
    metrics.photo(time.perf_counter() - begun)
    return as_json(found)


def as_json(found: Located) -> dict[str, Any]:
    """Return what the service says of one photo."""
    return {"estimate": found.estimate(), "answers": [answer.as_dict() for answer in found.answers], "text": str(found)}


def _said(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)


def _page(where: Locator) -> tuple[str, dict[str, str]]:
    """Return the page that takes a photo, and its headers."""
    xy = where.map.places.metres()
    drawing = Drawing(Shown(title="", facts=[], queries=[], ground=np.zeros((0, 2)) if xy is None else xy))
    folder = Path(__file__).parents[1] / "pages" / "templates"
    script, style = ((folder / name).read_text(encoding="utf-8") for name in ("serve.js", "page.css"))
    allowed = policy(script, style).replace("default-src 'none'", "default-src 'none'; connect-src 'self'")
    html = (
        environment()
        .get_template("serve.html.j2")
        .render(drawing=drawing, images=len(where.map.places.names), script=script, style=style)
    )
    return html, {"Content-Security-Policy": allowed, "Referrer-Policy": "no-referrer"}
