"""Who may connect: what Ray's tokens do to the environment, and what is said to those without one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vpr_ray import cluster, tokens

MODE, TOKEN, PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


class FakeRay:
    """Connects, or raises; remembers what the environment said when it was asked to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[tuple[str | None, str | None]] = []

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **settings: Any) -> None:
        self.seen.append((os.environ.get(MODE), os.environ.get(TOKEN)))
        if self.error is not None:
            raise self.error
        if address == "auto":
            os.environ[MODE] = "token"  # as Ray does where it finds a token in ~/.ray

    def shutdown(self) -> None: ...


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (MODE, TOKEN, PATH):
        monkeypatch.delenv(name, raising=False)


def failing(message: str) -> Exception:
    """As Ray's: the reason is a level below what is said."""
    outer = ConnectionError("Failed to connect to Ray cluster at 192.0.2.1:6379")
    outer.__cause__ = RuntimeError(message)
    return outer


def test_a_cluster_of_its_own_has_a_token_of_its_own_that_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay()
    monkeypatch.setattr(cluster, "ray", ray)
    for _ in range(2):
        with cluster.connected("local"):
            pass
        assert (MODE in os.environ, TOKEN in os.environ) == (False, False)
    (first, one), (second, other) = ray.seen
    assert first == second == "token"
    assert one is not None
    assert len(one) >= 32
    assert one != other


@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    ray = FakeRay()
    monkeypatch.setattr(cluster, "ray", ray)
    monkeypatch.setenv(MODE, mode)
    with cluster.connected("local"):
        pass
    assert ray.seen == [(mode, None)]
    assert os.environ[MODE] == mode


def test_whether_there_is_a_token_is_asked_when_ray_has_connected(monkeypatch, caplog) -> None:
    monkeypatch.setattr(cluster, "ray", FakeRay())
    with cluster.connected("auto"):  # where Ray finds a token and turns them on
        pass
    assert caplog.text == ""
    assert MODE not in os.environ
    with cluster.connected("ray://head:10001"):
        pass
    assert "RAY_AUTH_MODE is not 'token'" in caplog.text


@pytest.mark.parametrize(
    ("environment", "now"),
    [
        ({}, "RAY_AUTH_MODE is not 'token', so none was shown"),
        ({MODE: "token"}, "~/.ray/auth_token holds none, or another"),
        ({MODE: "token", PATH: "/share/key"}, "/share/key holds none, or another"),
        ({MODE: "token", TOKEN: "s3cret"}, "the one in RAY_AUTH_TOKEN is another"),
    ],
)
def test_a_cluster_that_wants_a_token_says_so(monkeypatch, environment: dict[str, str], now: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = "Failed to connect to GCS. Last connection error: ... Unauthenticated: RPC error: InvalidAuthToken"
    monkeypatch.setattr(cluster, "ray", FakeRay(failing(said)))
    with pytest.raises(PermissionError) as caught, cluster.connected("auto"):
        pass
    message = str(caught.value)
    assert f"the Ray cluster at 'auto' wants a token ({now}); set RAY_AUTH_MODE=token" in message
    assert "s3cret" not in message


def test_other_failures_are_not_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ray", FakeRay(failing("GCS timed out")))
    with pytest.raises(ConnectionError, match="no Ray cluster at 'auto'"), cluster.connected("auto"):
        pass
    monkeypatch.setattr(cluster, "ray", FakeRay(ValueError("a parameter")))
    with pytest.raises(ValueError, match="a parameter"), cluster.connected("auto"):
        pass


def test_where_nobody_listens_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay()
    monkeypatch.setattr(cluster, "ray", ray)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        port = taken.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1:99999"):
            with pytest.raises(ConnectionError, match="no Ray cluster at"), cluster.connected(address):
                pass
        taken.listen()
        tokens.require_listener(f"127.0.0.1:{port}")
    assert ray.seen == []
    for other in ("auto", "ray://head:10001", "head"):
        tokens.require_listener(other)


@pytest.fixture
def guarded_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Yield (address, home) of a head on this machine that wants the token in that home."""
    import ray

    if tuple(map(int, ray.__version__.split(".")[:2])) < (2, 52):
        pytest.skip(f"Ray {ray.__version__} has no tokens; 2.52 and later have")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as name:  # paths of sockets must be short
        home = Path(name)
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").write_text("0123456789abcdef" * 4, encoding="ascii")
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "HOME": name}
        for variable, value in quiet.items():
            monkeypatch.setenv(variable, value)
        command = [sys.executable, "-c", "import sys; from ray.scripts.scripts import main; sys.exit(main())", "start"]
        command += ["--head", "--block", f"--port={port}", "--num-cpus=1", "--include-dashboard=false"]
        command += ["--object-store-memory=80000000", f"--temp-dir={name}/t", "--node-ip-address=127.0.0.1"]
        with subprocess.Popen(
            command, env=os.environ | {MODE: "token"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as head:
            try:
                assert head.stdout is not None
                seen = []
                for line in head.stdout:
                    seen.append(line)
                    if "Ray runtime started" in line:
                        break
                else:
                    pytest.fail("the head did not start: " + "".join(seen))
                yield f"127.0.0.1:{port}", home
            finally:
                head.terminate()  # with --block it takes its processes along
                deadline = time.monotonic() + 30
                while head.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.1)
                head.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_head_that_wants_a_token(guarded_head, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    address, home = guarded_head
    with (
        pytest.raises(PermissionError, match=r"wants a token \(RAY_AUTH_MODE is not 'token'"),
        cluster.connected(address),
    ):
        pass
    monkeypatch.setenv(MODE, "token")
    with cluster.connected(address):
        assert cluster.room_for(cpus=1, gpus=0) == 1
    (home / ".ray" / "auth_token").unlink()
    with pytest.raises(PermissionError, match=r"auth_token holds none, or another"), cluster.connected(address):
        pass
    assert "can run code on it" not in caplog.text
