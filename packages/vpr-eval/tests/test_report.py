"""Reports there and back, and tables that names cannot break."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpr_eval import Report, csv_table, markdown_table, recall_at, report_csv, report_markdown

RESULT = recall_at(np.array([[0, 1], [2, 3], [1, 0], [3, 2]]), [[1], [], [1], [0]], at=[1, 2])


def report(**more):
    values = {
        "name": "NetVLAD",
        "protocol": "corridor-test@2frames",
        "database": 4,
        "provenance": {"model": "abc", "seed": 1, "versions": {"numpy": "2"}},
    }
    return Report.from_recall(RESULT, **{**values, **more})


def test_from_recall():
    one = report()
    assert one.metrics["recall@1"].estimate == RESULT.recall[1]
    assert one.metrics["recall@1"].low <= 0.25 <= one.metrics["recall@1"].high
    assert (one.queries, one.counted, one.without_positives) == (4, 4, 1)
    assert one.first_hit == (2, 0, 1, 0)


def test_round_trip(tmp_path):
    report().save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report()
    assert json.loads((tmp_path / "report.json").read_text())["version"] == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "format: not a report"),
        ({"version": 2}, "version: 2; this program reads version 1"),
        ({"queries": "4"}, "queries: has type str"),
        ({"queries": True}, "queries: has type bool"),
        ({"metrics": {"recall@1": {"estimate": 1}}}, "recall@1.low: missing"),
        ({"metrics": {"recall@1": 3}}, "recall@1.estimate: missing"),
        ({"first_hit": [1, -1]}, "first_hit: must hold ranks"),
        ({"provenance": None}, "provenance: has type NoneType"),
    ],
)
def test_other_values_are_refused(tmp_path, change, message):
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**report().to_dict(), **change}))
    with pytest.raises(ValueError, match=re.escape(f"path: {path} is not a report: {message}")):
        Report.load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(sorted(report().to_dict())), JSON)
def test_any_json_is_a_report_or_a_plain_error(anything, field, value):
    for values in (anything, {**report().to_dict(), field: value}):
        try:
            found = Report.from_dict(values)
        except ValueError:
            continue
        assert Report.from_dict(found.to_dict()) == found


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"{}", b"NaN"])
def test_any_file_is_a_plain_error(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ValueError, match="is not a report"):
        Report.load(tmp_path / "report.json")


def test_markdown():
    text = report_markdown([report(), report(name="HOG")])
    lines = text.splitlines()
    assert lines[0] == "| method | protocol | recall@1 | recall@2 | queries | database |"
    assert lines[1] == "|---|---|--:|--:|---|--:|"
    assert lines[2].startswith("| NetVLAD | corridor-test@2frames | 25.0 (0.0 to 75.0) | 50.0 ")
    assert "4, 1 without positives counted as failed" in lines[2]
    assert lines[-1] == "In per cent, with 95 % intervals over queries."


def test_csv():
    rows = list(csv.DictReader(io.StringIO(report_csv([report(name="=1+1"), report()]))))
    assert rows[0]["method"] == "'=1+1"
    assert float(rows[1]["recall@1"]) == 0.25
    assert rows[1]["recall@1 low"] == "0.0"


@given(
    st.lists(
        st.tuples(
            st.text() | st.text("=+-@\t\r\n ;,\"'a", max_size=4), st.floats(allow_nan=False) | st.integers() | st.none()
        ),
        min_size=1,
        max_size=4,
    )
)
def test_csv_cells_are_harmless_and_come_back(rows):
    text = csv_table(["name", "value"], rows)
    back = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert len(back) == len(rows)
    for (name, value), cells in zip(rows, back, strict=True):
        assert not cells[0].lstrip().startswith(("=", "+", "-", "@"))
        assert not cells[0].startswith(("\t", "\r", "\n"))
        assert cells[0] in (name, f"'{name}")
        assert cells[1] == ("" if value is None else str(value)) or float(cells[1]) == value


@given(st.text(), st.text())
def test_markdown_cells_stay_cells(first, second):
    text = markdown_table(["a", "b"], [[first, second]])
    lines = text.split("\n")
    assert len(lines) == 4
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[2])) == 3
    assert "<" not in lines[2]


def test_numbers_stand_right():
    text = markdown_table(["name", "share", "count"], [["a", 0.123456789, 3], ["b", None, 10]])
    assert text.splitlines()[1] == "|---|---|--:|"
    assert "0.123457" in text


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match="rows: row 1 has 1 cells, the header has 2"):
        csv_table(["a", "b"], [[1, 2], [3]])
