"""``nox -s mutants``: its books, its list, and what was committed of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.mutants.changes import Change, drawn, listed_in
from bench.mutants.listed import listed
from bench.mutants.record import markdown, quoted
from bench.mutants.rooms import ROOMS
from bench.mutants.trial import Workshop

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "bench" / "results" / "mutants.json"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One function and two tests, one of which looks at it."""
    source = tmp_path / "packages" / "small" / "src" / "small"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("")
    (source / "sums.py").write_text("def plus(a: int | None, b: int) -> int:\n    return (a or 0) + b\n")
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_looks.py").write_text("from small.sums import plus\n\ndef test_it():\n    assert plus(2, 3) == 5\n")
    (tests / "test_looks_away.py").write_text("from small.sums import plus\n\ndef test_it():\n    plus(2, 3)\n")
    return tmp_path


def test_a_change_is_noticed_by_a_test_that_looks_and_lives_otherwise(repository: Path) -> None:
    workshop = Workshop(repository, repository / "copy")
    file = "packages/small/src/small/sums.py"
    change = listed_in(repository, file, "return (a or 0) + b", "return (a or 0) - b", "made up")
    assert change == Change(
        file=file, line=2, before="    return (a or 0) + b", after="    return (a or 0) - b", why="made up"
    )
    for test, expected in (("test_looks", "noticed"), ("test_looks_away", "lived")):
        assert workshop.tried(change, [f"tests/{test}.py"], room="sums", limit=60).outcome == expected
    assert (repository / "copy" / file).read_text() == (repository / file).read_text()
    with pytest.raises(ValueError, match="0 lines read 'return 7'"):
        listed_in(repository, file, "return 7", "return 8", "")


def test_what_is_drawn_changes_one_line_each_and_no_annotation(repository: Path) -> None:
    pytest.importorskip("cosmic_ray")
    found = drawn(repository, ("packages/small/src/small/sums.py",), count=9, seed=0)
    assert [(change.line, change.before) for change in found] == [(2, "    return (a or 0) + b")]
    assert found[0].after != found[0].before
    assert drawn(repository, ("packages/small/src/small/sums.py",), count=9, seed=0) == found


def test_every_listed_change_and_every_room_is_there() -> None:
    names = [room.name for room in ROOMS]
    assert {room for room, _ in listed(ROOT)} <= set(names)
    assert len(set(names)) == len(names)
    for room in ROOMS:
        paths = [*room.sources, *(test for test in room.tests if not test.startswith("--"))]
        assert [path for path in paths if not (ROOT / path).exists()] == []


def test_what_once_lived_is_noticed_in_the_committed_run_which_the_page_quotes() -> None:
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    known = {one["why"]: one["outcome"] for one in result["outcomes"] if one["listed"]}
    assert set(known) == {change.why for _, change in listed(ROOT)}
    assert set(known.values()) == {"noticed"}
    assert {one["room"] for one in result["outcomes"]} == {room.name for room in ROOMS}
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert quoted(page, result) == page
    assert f"| **all** | **{len(result['outcomes'])}** |" in markdown(result)
