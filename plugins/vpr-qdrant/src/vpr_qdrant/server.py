"""A client of a server, and its failures in words that help."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Any

import grpc
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from vpr_qdrant.place import Place

__all__ = ["answering", "logged_warnings", "open_client", "release"]

log = logging.getLogger(__name__)


def open_client(place: Place) -> QdrantClient:
    """Return a client of the server at ``place.url``, which has answered once."""
    with logged_warnings():
        client = QdrantClient(
            url=place.url,
            api_key=_api_key(place.api_key_variable),
            prefer_grpc=place.prefer_grpc,
            grpc_port=place.grpc_port,
            timeout=place.timeout,
            check_compatibility=False,  # it would warn in a thread, where nobody can tell which index it is about
        )
        _compare_versions(client, place)
    return client


def _compare_versions(client: QdrantClient, place: Place) -> None:
    """Ask the server who it is; a version far from the client's is remarked on."""
    with answering(place):
        theirs = client.info().version
    ours = metadata.version("qdrant-client")
    try:
        (their_major, their_minor), (major, minor) = (map(int, v.split(".")[:2]) for v in (theirs, ours))
    except ValueError:  # a build of its own
        return
    if their_major != major or abs(their_minor - minor) > 1:
        log.warning(
            "qdrant: server %s is version %s, the client %s; they should not be further apart than one minor version",
            place,
            theirs,
            ours,
        )


def _api_key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ValueError(
            f"api_key_variable: the environment variable {variable} is not set; put the server's API key there"
        )
    return key


def release(client: QdrantClient, name: str, *, temporary: bool) -> None:
    """Close a client; delete its collection when it was temporary. Whatever fails is left: nobody waits for it."""
    with suppress(Exception), logged_warnings():
        if temporary:
            client.delete_collection(name)
    with suppress(Exception):
        client.close()


@contextmanager
def answering(place: Place) -> Iterator[None]:
    """Turn the client's failures into built-in exceptions that name the server.

    Raises:
        ConnectionError: no answer, or one that says that something is wrong.
        PermissionError: the API key is missing or wrong.
    """
    try:
        yield
    except ResponseHandlingException as error:
        raise ConnectionError(
            f"url: {place} does not answer ({error}); is the server running there, and the port right (REST 6333)?"
        ) from error
    except UnexpectedResponse as error:
        said = f"{error.status_code} {error.reason_phrase} {error.content.decode(errors='replace')[:300]}".strip()
        raise _refusal(place, said, denied=error.status_code in (401, 403)) from error
    except grpc.RpcError as error:
        code: Any = error.code() if hasattr(error, "code") else None
        said = f"{code} {error.details() if hasattr(error, 'details') else error}"
        denied = code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
        raise _refusal(place, said, denied=denied) from error


def _refusal(place: Place, said: str, *, denied: bool) -> OSError:
    if denied:
        return PermissionError(
            f"url: {place} refuses access ({said}); api_key_variable names the environment variable with the API key, "
            f"now {place.api_key_variable or 'none'}"
        )
    return ConnectionError(f"url: {place} answers {said}")


@contextmanager
def logged_warnings() -> Iterator[None]:
    """Pass the client's warnings (a key sent in the clear) on to the log."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in caught:
                log.warning("qdrant: %s", warning.message)
