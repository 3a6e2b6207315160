"""The HTTP service."""

# No `from __future__ import annotations`: FastAPI reads the annotations of functions that are defined in a function.

import asyncio
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, PlainTextResponse

from vpr_data import ImageDecodeError
from vpr_runner import __version__
from vpr_runner.encoding.refused import SizeRefusedError
from vpr_runner.locate.located import Located
from vpr_runner.locate.locator import Locator
from vpr_runner.serving.additions import Additions, RefusedError
from vpr_runner.serving.guard import Guard
from vpr_runner.serving.limits import Limits
from vpr_runner.serving.metrics import Metrics
from vpr_runner.serving.start_page import start_page

__all__ = ["application"]

IMAGE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Photos = Annotated[list[UploadFile], File(min_length=1)]
SAID = {"description": "A sentence that says why, below `detail`."}
REFUSALS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 403, 408, 413, 421, 422, 503), SAID)


def application(
    where: Locator,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    hosts: Collection[str] | None = None,
    photos: Path | None = None,
) -> FastAPI:
    """Return the service of one map.

    Args:
        where: the map, open.
        limits: what a request may cost.
        token: that requests must carry as ``Authorization: Bearer TOKEN``; None: nobody is asked.
        hosts: names that the service may be addressed by; None: any.
        photos: folder that the map was made of: photos may be added to both; None: none are taken.
    """
    bounds, metrics = limits or Limits(), Metrics()
    app = FastAPI(title="vpr", version=__version__, docs_url=None, redoc_url=None)
    # The network takes one photo at a time while the next is decoded; the event loop goes on reading and answering.
    pool = ThreadPoolExecutor(2, thread_name_prefix="vpr-serve")
    adder, one = ThreadPoolExecutor(1, thread_name_prefix="vpr-add"), asyncio.Lock()  # never in a search's way
    known = ("/", "/healthz", "/metrics", "/search", "/search/batch", "/images", "/openapi.json")
    app.add_middleware(Guard, limits=bounds, metrics=metrics, known=known, token=token, hosts=hosts)
    waiting, serving = 0, where
    page, headers = start_page(where)

    @contextmanager
    def turn() -> Iterator[None]:
        nonlocal waiting
        if waiting >= bounds.waiting:
            raise HTTPException(503, f"{waiting} requests are being worked on; try again", {"Retry-After": "1"})
        waiting += 1
        try:
            yield
        finally:
            waiting -= 1

    async def looked_up(sent: list[bytes], count: int) -> list[dict[str, Any]]:
        with turn():
            loop = asyncio.get_running_loop()
            return [
                await loop.run_in_executor(pool, _look_up, serving, photo, count, bounds, metrics) for photo in sent
            ]

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def start() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    @app.get("/healthz", responses={421: SAID})
    async def health() -> dict[str, Any]:
        """Whether the service lives, and what of."""
        calibrated = serving.guess.calibration is not None
        return {"status": "ok", "images": len(serving.map.places.names), "calibrated": calibrated}

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: SAID, 421: SAID})
    async def counted() -> PlainTextResponse:
        """Counts in the text format of Prometheus."""
        return PlainTextResponse(metrics.text())

    @app.post("/search", openapi_extra=IMAGE_BODY, responses=REFUSALS)
    async def search(request: Request, k: Annotated[int, Query(ge=1, le=bounds.answers)] = 5) -> dict[str, Any]:
        """Where the photo in the body was taken: answers, position, radius, and whether to believe it."""
        content = await request.body()
        if not content:
            raise HTTPException(400, "the body is empty; send the bytes of an image")
        return (await looked_up([content], k))[0]

    @app.post("/search/batch", responses=REFUSALS)
    async def batch(photos: Photos, k: Annotated[int, Query(ge=1, le=bounds.answers)] = 5) -> list[dict[str, Any]]:
        """The same for several photos: a form with a field ``photos`` for each."""
        return await looked_up([content for _, content in await _contents(photos, bounds)], k)

    if photos is not None:
        additions = Additions(photos=photos, pixels=bounds.pixels)

        @app.post("/images", status_code=201, responses={**REFUSALS, 409: SAID})
        async def add(photos: Photos) -> dict[str, Any]:
            """Add photos with positions to the map: a form with a field ``photos`` for each, under its file name."""
            nonlocal serving, page, headers
            sent = await _contents(photos, bounds)
            if len(dict(sent)) < len(sent):
                raise HTTPException(422, "two of the photos have one name")
            with turn():
                loop = asyncio.get_running_loop()
                async with one:
                    try:
                        serving, told = await loop.run_in_executor(adder, additions, serving, dict(sent))
                    except RefusedError as error:
                        raise HTTPException(error.status, str(error)) from None
                    page, headers = start_page(serving)
                return told

    return app


async def _contents(photos: list[UploadFile], bounds: Limits) -> list[tuple[str, bytes]]:
    """Return names and contents of the photos of a form."""
    if len(photos) > bounds.photos:
        raise HTTPException(413, f"{len(photos)} photos; at most {bounds.photos} in one request")
    found = []
    for photo in photos:
        content = await photo.read(bounds.upload + 1)
        if len(content) > bounds.upload:
            raise HTTPException(413, f"{photo.filename}: more than {bounds.upload} bytes")
        found.append((photo.filename or "", content))
    return found


def _look_up(where: Locator, photo: bytes, count: int, bounds: Limits, metrics: Metrics) -> dict[str, Any]:
    begun = time.perf_counter()
    with tempfile.NamedTemporaryFile(prefix="vpr-photo-") as file:
        file.write(photo)
        file.flush()
        try:
            found = where(Path(file.name), count=count, max_pixels=bounds.pixels)
        except ImageDecodeError as error:
            raise HTTPException(422, f"the photo cannot be read: {error.reason}") from None
        except SizeRefusedError as error:
            raise HTTPException(422, str(error)) from None
    metrics.photo(time.perf_counter() - begun)
    return as_json(found)


def as_json(found: Located) -> dict[str, Any]:
    """Return what the service says of one photo."""
    return {"estimate": found.estimate(), "answers": [answer.as_dict() for answer in found.answers], "text": str(found)}
