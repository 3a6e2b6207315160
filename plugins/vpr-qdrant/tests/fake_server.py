"""A server that speaks enough of Qdrant's REST interface to be one for the client; an embedded database answers.

It shows that our requests are what the interface takes and that failures are understood. It says nothing of a real
server's arithmetic or graph: for that, tests run where ``VPR_QDRANT_URL`` names one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qdrant_client import QdrantClient, models


class Database:
    """Requests by method and path; remembers all of them, and fails on demand.

    Attributes:
        requests: ``(method, path, body)`` of each.
        key: API key that every request must carry; None: none.
        broken: methods and paths that match it are answered with status 500.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.key: str | None = None
        self.broken: str | None = None
        self.url = ""
        self._client = QdrantClient(":memory:")
        self._lock = threading.Lock()

    def collections(self) -> list[str]:
        return sorted(item.name for item in self._client.get_collections().collections)

    def answer(self, method: str, path: str, body: Any, key: str | None) -> tuple[int, Any]:
        if self.key is not None and key != self.key:
            return 401, {"status": {"error": "Must provide an API key or an Authorization bearer token"}}
        with self._lock:
            self.requests.append((method, path, body))
            if self.broken is not None and re.search(self.broken, f"{method} {path}"):
                return 500, {"status": {"error": "disk is full"}}
            result = self._result(method, path, body)
        return 200, result if path == "/" else {"result": result, "status": "ok", "time": 0.0}

    def _result(self, method: str, path: str, body: Any) -> Any:
        if path == "/":
            return {"title": "qdrant - vector search engine", "version": "1.20.0"}
        name, _, rest = path.removeprefix("/collections/").partition("/")
        done = {"operation_id": 1, "status": "completed"}
        client = self._client
        match method, rest:
            case "GET", "exists":
                return {"exists": client.collection_exists(name)}
            case "PUT", "":
                asked = models.CreateCollection.model_validate(body)
                assert asked.vectors is not None
                return client.create_collection(name, vectors_config=asked.vectors)
            case "DELETE", "":
                return client.delete_collection(name)
            case "PUT", "points":
                client.upsert(name, models.PointsBatch.model_validate(body).batch)
                return done
            case "POST", "points/delete":
                client.delete(name, models.FilterSelector.model_validate(body))
                return done
            case "POST", "points/count":
                return {"count": client.count(name).count}
            case "PUT", "index":
                models.CreateFieldIndex.model_validate(body)
                return done
            case "POST", "points":
                ask = models.PointRequest.model_validate(body)
                found = client.retrieve(name, ask.ids, with_payload=bool(ask.with_payload), with_vectors=True)
                return [record.model_dump(mode="json") for record in found[::-1]]  # a server keeps no order
            case "POST", "points/query/batch":
                batch = models.QueryRequestBatch.model_validate(body)
                asked_for = [search.model_copy(update={"params": None}) for search in batch.searches]
                answers = client.query_batch_points(name, asked_for)
                return [answer.model_dump(mode="json") for answer in answers]
        raise AssertionError(f"{method} {path} is not known to the fake server")


@contextmanager
def serving() -> Iterator[Database]:
    """Serve an empty database on a free port of this machine."""
    database = Database()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path.partition("?")[0]
            status, content = database.answer(self.command, path, body, self.headers.get("api-key"))
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815  the names are http.server's

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    database.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield database
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
