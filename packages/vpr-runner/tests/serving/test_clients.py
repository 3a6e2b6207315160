"""Clients that are slow, that send too much or that call the service by another name, on a real socket."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs vpr-runner[serve]")
pytest.importorskip("httpx", reason="asks the service")

import httpx
from starlette.testclient import TestClient

from vpr_core import UsageError
from vpr_runner.cli import main
from vpr_runner.locate.locator import Locator
from vpr_runner.serving import listening
from vpr_runner.serving.application import application
from vpr_runner.serving.limits import Limits


def begun(port: int, stack: ExitStack, text: bytes) -> socket.socket:
    """Open a connection and send the beginning of a request."""
    opened = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
    opened.sendall(text)
    return opened


def test_answers_leave_at_once(album: Path, on_a_socket: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body are two writes: with Nagle's delay on, the second waits 40 ms for the client's acknowledgement."""
    delays: list[int] = []
    made = listening._Protocol.connection_made

    def noted(self: Any, transport: Any) -> None:
        made(self, transport)
        taken = transport.get_extra_info("socket")
        delays.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(listening._Protocol, "connection_made", noted)
    with on_a_socket(application(Locator.open(album / "map"))) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert delays
    assert all(delays)


def test_slow_clients_block_nobody_and_are_hung_up_on(
    album: Path, on_a_socket: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEADERS", 1.0)
    app = application(Locator.open(album / "map"), limits=Limits(seconds=1.0, waiting=2))
    photo = (album / "photos" / "03.jpg").read_bytes()
    head = b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
    form = (
        b"POST /search/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\nContent-Type: multipart/form-data"
    )
    with on_a_socket(app, connections=24) as port, ExitStack() as stack:
        bodies = [begun(port, stack, head + b"\r\nhalf") for _ in range(8)]
        forms = [begun(port, stack, form + b"; boundary=x\r\n\r\n--x\r\nContent-Dispos") for _ in range(2)]
        heads = [begun(port, stack, head) for _ in range(8)]
        silent = [begun(port, stack, b"") for _ in range(2)]
        found = httpx.post(f"http://127.0.0.1:{port}/search", content=photo, timeout=20)
        assert found.status_code == 200
        assert found.json()["answers"][0]["image"] == "03.jpg"
        for slow in (*bodies, *forms):
            said = slow.recv(65536)
            assert b" 408 " in said.partition(b"\r\n")[0]
        for slow in (*heads, *silent):
            assert slow.recv(65536) == b""  # hung up on
        again = httpx.post(f"http://127.0.0.1:{port}/search", content=photo, timeout=20)
        assert again.status_code == 200


@pytest.mark.fault
def test_a_form_without_end_is_not_read_to_its_end(album: Path, on_a_socket: Callable[..., Any]) -> None:
    app = application(Locator.open(album / "map"), limits=Limits(upload=1000, photos=2))
    start = b'--x\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    sent = 0

    def endless() -> Any:
        nonlocal sent
        yield start
        while sent < 50_000_000:
            sent += 10_000
            yield b"y" * 10_000

    with on_a_socket(app) as port:
        url = f"http://127.0.0.1:{port}/search/batch"
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        try:
            answer = httpx.post(url, content=endless(), headers=kind, timeout=20)
        except httpx.TransportError:  # hung up on in the middle of sending
            answer = None
    assert answer is None or answer.status_code == 413
    assert sent < 20_000_000


@pytest.mark.fault
def test_a_page_that_leads_its_name_here_is_not_answered(album: Path) -> None:
    app = application(Locator.open(album / "map"), hosts=("127.0.0.1", "localhost", "::1"))
    for base, status in (
        ("http://127.0.0.1:8321", 200),
        ("http://localhost", 200),
        ("http://[::1]:8321", 200),
        ("http://evil.example:8321", 421),
    ):
        with TestClient(app, base_url=base) as client:
            assert client.get("/healthz").status_code == status


@pytest.mark.fault
def test_a_port_that_is_taken_is_said(album: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="name another one"):
        listening.serve(
            application(Locator.open(album / "map")),
            host="127.0.0.1",
            port=taken.getsockname()[1],
            connections=4,
            ready=lambda *_: None,
        )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGTERM")
def test_sigterm_lets_a_request_be_answered(
    album: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two commands, no network named and none to be had; the photo is half sent when the signal comes.

    The other half is still taken, and answered.
    """

    def fetch(name: str) -> Path:
        raise ConnectionError(f"weights of {name} cannot be downloaded") from OSError("no route to host")

    monkeypatch.setattr("vpr_backbones.torchvision.fetch_torchvision", fetch)
    small = ["--set", "image.size=[48, 64]", "--set", "pooling.num_clusters=4"]
    assert main(["extract", str(album / "photos"), "-o", str(album / "usual"), *small]) == 0
    said = capsys.readouterr().err
    assert "no network is named, and the weights of the usual one" in said
    assert "first answers right" in said  # how good to expect it to be
    photo = (album / "photos" / "02.jpg").read_bytes()
    command = [sys.executable, "-m", "vpr_runner.cli", "serve", str(album / "usual"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            port = next(int(found[1]) for line in lines if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                head = f"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(photo)}\r\n\r\n"
                client.sendall(head.encode() + photo[:100])
                assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200
                process.send_signal(signal.SIGTERM)
                deadline = time.monotonic() + 60
                while time.monotonic() < deadline:
                    try:
                        socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    except OSError:
                        break  # nobody new is let in
                    time.sleep(0.05)
                client.sendall(photo[100:])
                answer = b""
                while piece := client.recv(65536):
                    answer += piece
            head_, _, body = answer.partition(b"\r\n\r\n")
            assert b" 200 " in head_.partition(b"\r\n")[0]
            assert json.loads(body)["answers"][0]["image"] == "02.jpg"
            assert process.wait(60) == 143
        finally:
            process.kill()
