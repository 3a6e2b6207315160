"""Two reports on the same queries, and reports that cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vpr_core import UsageError
from vpr_runner.cli import main
from vpr_runner.cli.comparison import against, earlier_report


def report(first_hits: list[int], **other: Any) -> dict[str, Any]:
    facts = {
        "protocol": "city@25m", "split": "test", "queries": len(first_hits), "database": 50,
        "evaluated": [True] * (len(first_hits) - 1) + [False], "recall": {"1": 0.0, "5": 0.0},
        "first_hits": first_hits,
    }  # fmt: skip
    return {**facts, **other}


def test_differences_are_counted_over_the_same_counted_queries() -> None:
    # Right at 1: here queries 0, 1, 2; there query 3. The last query counts for neither.
    said = against(report([1, 1, 1, 4, 0, 1]), report([2, 0, 9, 1, 0, 9]), name="b.json").splitlines()
    assert said[0] == "against b.json, on the same 5 queries:"
    assert said[1].split()[:2] == ["recall@1", "+40.00"]
    assert "p = 0.625" in said[1]  # McNemar: 2 (1 + 4) / 2^4
    assert "(right only here 3, only there 1)" in said[1]
    assert said[2].split()[:2] == ["recall@5", "+40.00"]  # four here, two there
    assert "(right only here 2, only there 0)" in said[2]


def test_a_network_against_itself() -> None:
    said = against(report([1, 0, 3]), report([1, 0, 3]), name="same")
    assert "+0.00" in said
    assert "p = 1.000" in said


@pytest.mark.parametrize(
    ("field", "value"), [("protocol", "city@10m"), ("split", "val"), ("database", 51), ("evaluated", [True] * 3)]
)
def test_what_was_measured_otherwise_is_refused(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"b.json cannot be compared, {field} differs"):
        against(report([1, 0, 3]), report([1, 0, 3], **{field: value}), name="b.json")


def test_other_data_are_refused_where_both_reports_name_theirs() -> None:
    first, second = (report([1, 0, 3], provenance={"data": name}) for name in "ab")
    with pytest.raises(UsageError, match=r"b.json cannot be compared, its images or positions were others"):
        against(first, second, name="b.json")
    for other in (first, report([1, 0, 3]), report([1, 0, 3], provenance=7)):
        assert "+0.00" in against(first, other, name="b.json")


@pytest.mark.parametrize("text", ["not JSON", "[]", json.dumps({"recall": {}})])
def test_no_report(text: str, tmp_path: Path) -> None:
    file = tmp_path / "first.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"first\.json is no report; `vpr eval OTHER --output first.json` writes one"):
        earlier_report(file)
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read"):
        earlier_report(tmp_path / "nowhere.json")


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "run.yaml", "--against", "a.json", "--json"]) == 2
    assert "leave out --retrieval and --json" in capsys.readouterr().err
