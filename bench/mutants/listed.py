"""Changes that no test noticed once (issue 18): each has a test now, and is tried in every run."""

from __future__ import annotations

from pathlib import Path

from bench.mutants.changes import Change, listed_in

__all__ = ["listed"]

_ATOMIC = "packages/vpr-eval/src/vpr_eval/atomic.py"
_CANDIDATES = "packages/vpr-eval/src/vpr_eval/index/candidates.py"

_LISTED: tuple[tuple[str, str, str, str, str], ...] = (
    ("files", _ATOMIC, "sync_folder(path.parent)", "pass", "atomic: folder not flushed"),
    ("files", _ATOMIC, "os.fsync(file.fileno())", "pass", "atomic: file not flushed"),
    (
        "decoding",
        "packages/vpr-data/src/vpr_data/images/decode.py",
        "if pixels > max_pixels:",
        "if False:",
        "decode: no size limit",
    ),
    (
        "cached city",
        "packages/vpr-data/src/vpr_data/city/files.py",
        "os.fsync(file.fileno())",
        "pass",
        "city: image written without flush",
    ),
    (
        "search",
        _CANDIDATES,
        "place = np.lexsort((self._row, distance, self._query))",
        "place = np.lexsort((self._cost, self._query))",
        "search: a tie across the k-th place does not go by index",
    ),
    (
        "search",
        _CANDIDATES,
        "highest = np.nextafter((limit - self._constant + error).astype(np.float32), np.float32(np.inf))",
        "highest = np.nextafter((limit - self._constant).astype(np.float32), np.float32(np.inf))",
        "search: what rounding may have pushed across the k-th place is not asked again",
    ),
    (
        "whitening",
        "packages/vpr-eval/src/vpr_eval/whitening_file.py",
        "digest = hashlib.sha256(text.encode())",
        "digest = hashlib.sha256()",
        "whitening file: its metadata are not in the hash",
    ),
)


def listed(root: Path) -> list[tuple[str, Change]]:
    """Return the room and the change of each."""
    return [(room, listed_in(root, file, before, after, why)) for room, file, before, after, why in _LISTED]
