"""Answers that leave and come back: which database images a tool named for each query, best first.

Written are two forms of one table, ``query, rank, database, distance, correct`` with positions where they are known:
CSV and JSON lines; and the list that the MSLS server takes, bare or in its zip. Read are these, and the folder of texts
that VPR-methods-evaluation writes (``Query path:``, ``Predictions paths:``).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpr_core import UsageError
from vpr_data import coordinates
from vpr_eval import Neighbours
from vpr_runner.evaluation.msls_list import msls_list, of_msls_list
from vpr_runner.evaluation.prediction_names import names_of
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed

__all__ = ["FORMATS", "Predictions", "form_of", "read_predictions", "write_predictions"]

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".txt": "msls", ".zip": "msls"}
IN_ZIP = "predictions.csv"
"""What the MSLS server unpacks."""
LONGEST = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a file says, in the order of the file: for each query database names and their distances, if it has any."""

    source: Path
    answers: dict[str, list[tuple[str, float | None]]]

    def on(self, split: Any) -> Neighbours:
        """Return the answers as positions in ``split``: ``(Q, k)``, -1 where a query has fewer, distance inf there.

        Names are those of the split, or ends of them that fit one image only: whole paths of another machine, file
        names, names without their ending; of MSLS's sequences their keys joined by commas, and the position is that of
        the frame that stands for one. Distances that are not given are ranks.

        Raises:
            UsageError: a name fits no image of the split, or several; a query is missing from the file.
        """
        queries, database = names_of(split, "queries"), names_of(split, "database")
        rows: dict[int, list[tuple[str, float | None]]] = {}
        for name, answers in self.answers.items():
            asked = queries.find(name, self.source)
            if asked is not None:
                rows[asked] = answers
        missing = [queries.name(row) for row in queries.wanted if row not in rows]
        if missing:
            raise UsageError(
                f"{self.source}: has no answer for {len(missing)} of {len(queries.wanted)} queries, for one "
                f"{missing[0]}; an empty list counts as a failure, a missing query is another set: write a row for it, "
                "or name the data set and split that were asked"
            )
        depth = max((len(found) for found in rows.values()), default=0)
        index = np.full((len(split.queries), max(depth, 1)), -1, dtype=np.int64)
        distance = np.full(index.shape, np.inf, dtype=np.float32)
        for row, answers in rows.items():
            for rank, (name, value) in enumerate(answers):
                position = database.find(name, self.source)
                assert position is not None
                index[row, rank] = position
                distance[row, rank] = rank if value is None else value
        return Neighbours(distance, index)


def form_of(file: Path) -> str:
    """Return the form that a file's ending chooses.

    Raises:
        UsageError: it chooses none.
    """
    form = FORMATS.get(file.suffix)
    if form is None:
        raise UsageError(f"--predictions: {file} must end in {', '.join(FORMATS)}")
    return form


def write_predictions(file: Path, split: Any, found: Neighbours, *, filled: bool = False) -> None:
    """Write the answers of a split's queries; the ending chooses the form: ``.csv``, ``.jsonl``, or ``.txt`` for MSLS,
    ``.zip`` for what its server takes; ``filled``: all lines of these two with equally many columns, as it wants them.

    Raises:
        UsageError: another ending; or a name that MSLS's form, which is cut at blanks, cannot hold.
    """
    form = form_of(file)
    if form == "msls":
        text_of_all = msls_list(split, found, filled=filled)
        if file.suffix == ".zip":
            atomic.write_bytes(file, _zipped(text_of_all))
        else:
            atomic.write_text(file, text_of_all)
        return
    rows = list(_rows(split, found))
    if form == "jsonl":
        atomic.write_text(file, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
        return
    text = io.StringIO()
    fields = list(dict.fromkeys(field for row in rows for field in row)) or ["query", "rank", "database"]
    writer = csv.DictWriter(text, fields, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    atomic.write_text(file, text.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read a table, JSON lines, an MSLS list, or a folder of VPR-methods-evaluation's texts.

    Raises:
        UsageError: it is none of these; names the line.
    """
    try:
        if path.is_dir():
            return Predictions(source=path, answers=dict(_of_texts(path)))
        if path.stat().st_size > LONGEST:
            raise UsageError(f"{path}: more than {LONGEST >> 30} GiB; no list of predictions is that long")
        text = _unzipped(path) if path.suffix == ".zip" else path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); a table, JSON lines or an MSLS list is wanted") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise UsageError(f"{path}: empty; a table, JSON lines or an MSLS list is wanted")
    first = lines[0][1]
    if first.lstrip().startswith("{"):
        return _gathered(path, ((number, parsed(line)) for number, line in lines))
    if "," in first and "query" in first.split(","):
        return _gathered(path, ((number, row) for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2)))
    return Predictions(source=path, answers=of_msls_list(path, lines))


def _zipped(text: str) -> bytes:
    """The same bytes for the same answers, whenever they are written."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(IN_ZIP, date_time=(1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _unzipped(path: Path) -> str:
    """The one file in an archive, no more of it than a list of predictions may have."""
    with zipfile.ZipFile(path) as archive:
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
        if len(names) != 1:
            raise UsageError(f"{path}: holds {len(names)} files; the MSLS server takes one, {IN_ZIP}")
        with archive.open(names[0]) as stream:
            content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise UsageError(f"{path}: unfolds to more than {LONGEST >> 30} GiB; no list of predictions is that long")
    return content.decode("utf-8-sig")


def _rows(split: Any, found: Neighbours) -> Iterator[dict[str, Any]]:
    positives = split.positives()
    places = [coordinates(images) for images in (split.queries, split.database)]
    queries, database = names_of(split, "queries"), names_of(split, "database")
    for query in queries.written:
        name = queries.name(query)
        right = {int(position) for position in positives[query]}
        for rank, (position, distance) in enumerate(zip(found.index[query], found.distance[query], strict=True), 1):
            if position < 0:
                continue
            row: dict[str, Any] = {
                "query": name,
                "rank": rank,
                "database": database.name(int(position)),
                "distance": round(float(distance), 7),
                "correct": int(int(position) in right),
            }
            for role, where, at in (("query", places[0], query), ("database", places[1], int(position))):
                if where is not None and np.isfinite(where[at]).all():
                    row |= {f"{role}_lat": round(float(where[at, 0]), 7), f"{role}_lon": round(float(where[at, 1]), 7)}
            yield row
        if not (found.index[query] >= 0).any():
            yield {"query": name, "rank": "", "database": "", "distance": "", "correct": 0}


def _gathered(path: Path, rows: Iterator[tuple[int, Any]]) -> Predictions:
    ranked: dict[str, dict[int, tuple[str, float | None]]] = {}
    try:
        for number, row in rows:
            try:
                query, database = row["query"], row["database"]
                found = ranked.setdefault(query, {})
                if database in ("", None):  # the query has no answer
                    continue
                rank = int(row["rank"])
                distance = row.get("distance")
                value = None if distance in ("", None) else float(distance)
                if value is not None and np.isnan(value):
                    raise ValueError("distance is NaN")
                if rank < 1 or rank in found:
                    raise ValueError(f"rank {rank} {'stands there twice' if rank in found else 'counts from 1'}")
                found[rank] = (str(database), value)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                why = f"no field {error}" if isinstance(error, KeyError) else str(error)
                raise UsageError(
                    f"{path}, line {number}: {why}; a row has query, rank (from 1), database and, if known, distance"
                ) from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON lines ({error})") from error
    return Predictions(source=path, answers={q: [found[rank] for rank in sorted(found)] for q, found in ranked.items()})


def _of_texts(folder: Path) -> Iterator[tuple[str, list[tuple[str, float | None]]]]:
    """VPR-methods-evaluation: one text a query, headed blocks of paths."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise UsageError(f"{folder}: no .txt in it; VPR-methods-evaluation writes one a query below preds/")
    for file in files:
        blocks: dict[str, list[str]] = {}
        here: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.strip().endswith(":"):
                here = blocks.setdefault(line.strip().rstrip(":").lower(), [])
            elif line.strip():
                here.append(line.strip())
        query, found = blocks.get("query path", []), blocks.get("predictions paths")
        if len(query) != 1 or found is None:
            raise UsageError(f"{file}: expected 'Query path:' with one path and 'Predictions paths:' with some")
        yield query[0], [(name, None) for name in found]
