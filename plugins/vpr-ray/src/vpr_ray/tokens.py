"""Ray's tokens: who may connect, and what is said to who may not.

Ray 2.52 and later can ask every process that connects for a token (``RAY_AUTH_MODE=token``); 2.60 turns that on by
itself where it finds one in ``~/.ray/auth_token``. A cluster that is named by its address is never shown a token
unasked: then it refuses, and Ray says only that it is not there.
"""

from __future__ import annotations

import importlib
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["guarded", "of_its_own", "refused", "require_listener", "restored"]

_MODE, _TOKEN, _PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_SIGNS = re.compile(r"authentication token|InvalidAuthToken|Unauthenticated", re.IGNORECASE)
_PATIENCE = 5.0


def guarded() -> bool:
    """Say whether this process shows a token to those whom it asks, and wants one from those who ask."""
    return os.environ.get(_MODE, "").lower() == "token"


@contextmanager
def restored() -> Iterator[None]:
    """Leave the variables as they were: Ray sets the mode for the process, and later connections would follow it."""
    before = {name: os.environ.get(name) for name in (_MODE, _TOKEN)}
    _forget()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _forget()


def of_its_own() -> None:
    """Guard the cluster that is about to start by a token that goes with it.

    Ray would write one to the user's home, and from then on every ``ray start`` on this machine would want it.
    """
    if _MODE not in os.environ:
        os.environ[_MODE], os.environ[_TOKEN] = "token", secrets.token_hex(32)
        _forget()


def _forget() -> None:
    """Have Ray read mode and token anew; a Ray that knows no tokens, or keeps them elsewhere, has nothing to forget."""
    with suppress(ImportError, AttributeError):
        internals: Any = importlib.import_module("ray._raylet")
        internals.AuthenticationTokenLoader.instance().reset_cache()
        internals.Config.initialize("")


def require_listener(address: str) -> None:
    """Refuse ``host:port`` where nobody listens at once: Ray would try for minutes, and then end the process.

    Raises:
        ConnectionError: nobody does.
    """
    found = re.fullmatch(r"\[?(?P<host>[^\[\]/]+?)\]?:(?P<port>\d{1,5})", address)
    if found is None:  # auto, or a scheme of Ray's
        return
    try:
        socket.create_connection((found["host"], int(found["port"])), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"address: no Ray cluster at {address!r} ({error}); start one with `ray start --head` and "
            "`ray start --address=HOST:6379` on the other machines, name another with engine.address=HOST:6379, or "
            "set engine.address=local"
        ) from error


def refused(address: str, error: BaseException) -> PermissionError | None:
    """Return what to say where a cluster is there but wants another token; None where something else is the matter."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ == "AuthenticationError" or _SIGNS.search(str(seen)):
            break
        seen = seen.__cause__ or seen.__context__
    else:
        return None
    if not guarded():
        now = f"{_MODE} is not 'token', so none was shown"
    elif os.environ.get(_TOKEN):
        now = f"the one in {_TOKEN} is another"
    else:
        now = f"{os.environ.get(_PATH) or '~/.ray/auth_token'} holds none, or another"
    return PermissionError(
        f"address: the Ray cluster at {address!r} wants a token ({now}); set {_MODE}=token, and copy the token of the "
        f"machine where `ray start --head` ran (`ray get-auth-token` prints it) to ~/.ray/auth_token here, or name its "
        f"file in {_PATH}, or put it into {_TOKEN}"
    )
