"""What stands before every request: the token, the host, how much may be sent and how long that may take."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vpr_runner.serving.limits import Limits
from vpr_runner.serving.metrics import Metrics

__all__ = ["OPEN", "Guard"]

OPEN = frozenset({"/", "/healthz"})
"""Paths that need no token: the empty page, and whether the service lives."""
FORMS = frozenset({"/search/batch", "/images"})
"""Paths that take several photos, as a form."""
FORM_OVERHEAD = 4096
"""Bytes beside the photo, of each part of a form."""


class Guard:
    """Middleware.

    Args:
        app: what follows.
        limits: of a request.
        metrics: counts it.
        known: paths that are counted by name.
        token: that requests must carry; None: nobody is asked.
        hosts: names that the service may be addressed by, without port; None: any. A page elsewhere whose name was
            made to lead here sends its own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        metrics: Metrics,
        known: Collection[str],
        token: str | None = None,
        hosts: Collection[str] | None = None,
    ) -> None:
        self._app, self._limits, self._metrics, self._known = app, limits, metrics, frozenset(known)
        self._token, self._hosts = token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if message["status"] in (408, 413):
                    headers["Connection"] = "close"  # the rest of the body would be read, however long it is
                self._metrics.request(path if path in self._known else "other", message["status"])
            await send(message)

        refusal = self._refusal(path, scope["method"], Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, counted)
            return
        most = self._limits.upload
        if path in FORMS:
            most = self._limits.photos * (most + FORM_OVERHEAD)
        await self._app(scope, _Bounded(receive, most=most, seconds=self._limits.seconds), counted)

    def _refusal(self, path: str, method: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "")
        if self._hosts is not None and (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return _said(
                421, f"this service is not called {host[:100]!r}; ask it by one of {', '.join(sorted(self._hosts))}"
            )
        origin = headers.get("origin")
        if method not in ("GET", "HEAD", "OPTIONS") and origin is not None and urlsplit(origin).netloc != host:
            return _said(403, f"a page of {origin[:100]!r} may not ask this service")
        given = headers.get("authorization", "").partition(" ")[2]
        if (
            self._token is not None
            and path not in OPEN
            and not hmac.compare_digest(given.encode("latin-1"), self._token.encode())
        ):
            return _said(401, "this service asks for a token: Authorization: Bearer TOKEN")
        return None


class _Bounded:
    """Receives a body no farther than it may go, and no longer than it may take."""

    def __init__(self, receive: Receive, *, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._had, self._over, self._until = 0, False, asyncio.get_running_loop().time() + seconds

    async def __call__(self) -> Message:
        if self._over:  # what follows the body: whether the client is still there
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come within {self._seconds:g} seconds") from error
        self._had += len(message.get("body", b""))
        self._over = not message.get("more_body", False)
        if self._had > self._most:
            raise HTTPException(413, f"the body is too large: at most {self._most} bytes")
        return message


def _said(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)
