"""The socket: uvicorn, and how long a client may take to say what it wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from vpr_core import UsageError

__all__ = ["HEADERS", "serve"]

HEADERS = 10.0
"""Seconds for the head of a request; who is slower is hung up on, since connections are counted too."""


class _Protocol(H11Protocol):
    """HTTP/1.1; uvicorn itself waits for the head of a request as long as the client likes."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Wait for the rest of a head; a request that is there stops the clock."""
        if self._busy():
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEADERS, self._hang_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self) -> None:
        self._timer = None
        if not self._busy() and not self.transport.is_closing():
            self.transport.close()

    def _busy(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete


def _named_tcp(bound: socket.socket) -> socket.socket:
    """Return the socket with its protocol written down.

    asyncio turns Nagle's delay off (RFC 896) only for sockets that say they are TCP, and `socket.create_server` makes
    them with "whatever fits": head and body of an answer then lie 40 ms apart, the client's delayed acknowledgement.
    """
    return socket.socket(bound.family, bound.type, socket.IPPROTO_TCP, fileno=bound.detach())


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int, uvicorn.Server], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1], self)


def serve(
    app: FastAPI, *, host: str, port: int, connections: int, ready: Callable[[int, uvicorn.Server], None]
) -> None:
    """Serve ``app`` until a signal ends it.

    At SIGTERM it accepts no more, lets those that it has be answered (half a minute at most), and ends.

    Args:
        app: the service.
        host: address to listen on.
        port: 0: any free one.
        connections: at once; more are told 503.
        ready: is told the port when requests are answered, and given the server.

    Raises:
        UsageError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(f"{host}, port {port}: {error.strerror or error}; name another one with --port") from error
    bound = _named_tcp(bound)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        log_level="warning",
        limit_concurrency=connections,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    with bound:
        _Server(config, ready).run([bound])
