"""Which files are changed, and which tests are to notice."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROOMS", "Room"]


@dataclass(frozen=True, kw_only=True)
class Room:
    """Files that belong together, and their tests.

    Attributes:
        name: as the table calls it.
        sources: files that are changed, from the root of the repository.
        tests: what is asked, arguments of pytest; seconds, not minutes.
    """

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]


_DATA, _EVAL, _RUNNER = (f"packages/vpr-{name}/src/vpr_{name}" for name in ("data", "eval", "runner"))
_TESTS = {name: f"packages/vpr-{name}/tests" for name in ("core", "data", "eval", "losses", "pooling", "runner")}

ROOMS = (
    Room(
        name="files",
        sources=(
            f"{_EVAL}/atomic.py",
            *(f"{_RUNNER}/files/{name}.py" for name in ("contents", "documents", "lock", "seal", "terminal")),
        ),
        tests=(f"{_TESTS['eval']}/test_atomic.py", f"{_TESTS['runner']}/files"),
    ),
    Room(
        name="cached city",
        sources=tuple(f"{_DATA}/city/{name}.py" for name in ("files", "seal", "sealed_files")),
        tests=(
            f"{_TESTS['data']}/city/test_city_seal.py",
            f"{_TESTS['data']}/city/test_city_cache.py",
            "--deselect=packages/vpr-data/tests/city/test_city_cache.py::test_a_render_that_is_killed_goes_on_to_the_same_bytes",
        ),
    ),
    Room(name="decoding", sources=(f"{_DATA}/images/decode.py",), tests=(f"{_TESTS['data']}/images/test_decode.py",)),
    Room(
        name="earth",
        sources=tuple(f"{_DATA}/earth/{name}.py" for name in ("frame", "geo", "utm")),
        tests=(f"{_TESTS['data']}/earth",),
    ),
    Room(
        name="recall and precision",
        sources=tuple(f"{_EVAL}/{name}.py" for name in ("average_precision", "recall", "suppression")),
        tests=tuple(f"{_TESTS['eval']}/test_{name}.py" for name in ("average_precision", "recall", "suppression")),
    ),
    Room(
        name="search",
        sources=tuple(f"{_EVAL}/index/{name}.py" for name in ("candidates", "exact", "metric")),
        tests=(f"{_TESTS['eval']}/test_search.py",),
    ),
    Room(
        name="whitening",
        sources=tuple(f"{_EVAL}/{name}.py" for name in ("whitening", "whitening_file")),
        tests=(f"{_TESTS['eval']}/test_whitening.py",),
    ),
    Room(
        name="artefacts",
        sources=("packages/vpr-core/src/vpr_core/trust.py",),
        tests=(f"{_TESTS['core']}/test_trust.py",),
    ),
    Room(
        name="bench",
        sources=tuple(f"{_RUNNER}/bench/{name}.py" for name in ("aggregate", "merge", "store", "table")),
        tests=tuple(f"{_TESTS['runner']}/bench/test_bench_{name}.py" for name in ("merge", "show", "store")),
    ),
)
