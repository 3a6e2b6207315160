"""The short form of ``nox -s speed``: every row on tiny inputs, its books, and what the README quotes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from bench.speed import __main__ as speed
from bench.speed.row import Growth, Row, exponent
from bench.speed.scale import __main__ as scale
from bench.speed.scale.places import Places, power_law
from bench.speed.scale.table import paper, table
from bench.speed.scale.table import quoted as quoted_scale
from bench.speed.store import Store
from bench.speed.table import markdown, quoted

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


@pytest.mark.slow
@pytest.mark.parametrize("part", speed.PARTS)
def test_every_part_measures_something(part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--repeats", "1", "--only", part]
    arguments += ["--output", str(tmp_path / "results"), "--kept", str(tmp_path / "kept")]
    assert speed.main(arguments) == 0
    (file,) = (tmp_path / "results").glob("speed-*-quick.json")
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["rows"]
    for row in result["rows"]:
        if row["kind"] == "growth":
            assert len(row["images"]) == len(row["seconds"]) == len(row["bytes"]) == 3
            assert min(row["seconds"]) > 0
            assert file.with_suffix(".png").stat().st_size > 1000
        elif not row["skipped"]:
            assert row["ours_seconds"] > 0
            assert row["reference_seconds"] > 0
            assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    assert file.with_suffix(".md").read_text(encoding="utf-8") == markdown(result) + "\n"
    said = capsys.readouterr().err
    assert speed.main(arguments) == 0  # a second start measures nothing
    assert "measured before" in capsys.readouterr().err
    assert "measured before" not in said


def test_a_part_is_kept_for_its_key_only(tmp_path: Path) -> None:
    key = {"code": {"commit": "a"}, "repeats": 5}
    Store(tmp_path, key).put("layer", [{"kind": "row"}])
    assert Store(tmp_path, key).get("layer") == [{"kind": "row"}]
    assert Store(tmp_path, {**key, "repeats": 3}).get("layer") is None
    assert Store(tmp_path, key).get("recall") is None
    (tmp_path / "layer.json").write_text("{", encoding="utf-8")
    assert Store(tmp_path, key).get("layer") is None


def test_the_exponent_is_the_slope_in_logarithms() -> None:
    assert exponent((10, 100, 1000), (3.0, 300.0, 30_000.0)) == pytest.approx(2.0)
    assert exponent((10, 100, 1000), (7.0, 7.0, 7.0)) == pytest.approx(0.0)


@pytest.mark.slow
def test_the_scale_of_indexes_is_measured(tmp_path: Path) -> None:
    said = ["--count", "1200", "--dim", "64", "--queries", "40", "--work", str(tmp_path), "--disk"]
    for name in ("flat", "binary", "ivf_rabitq", "hnsw"):
        said += ["--only", name]
    assert scale.main([*said, "--output", str(tmp_path), "--seconds", "0"]) == 3  # stopped before it began
    assert scale.main([*said, "--output", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "scale-1200x64.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in result["rows"]}
    assert set(rows) >= {"flat", "binary", "ivf_rabitq", "hnsw"}
    assert rows["flat"]["of_ten_nearest"] == 1
    assert rows["flat"]["recall_at_1_of_places"] == rows["flat"]["exact_recall_at_1_of_places"] > 0.5
    assert rows["binary"]["bytes_an_image"] < 64 < rows["flat"]["bytes_an_image"]
    assert (tmp_path / "scale-1200x64.md").read_text(encoding="utf-8") == table(result) + "\n"
    assert (tmp_path / "scale-1200x64.png").stat().st_size > 1000
    kept = (tmp_path / "index-1200x64" / "binary").stat()
    assert scale.main([*said, "--output", str(tmp_path)]) == 0  # a second start builds and asks nothing
    assert (tmp_path / "index-1200x64" / "binary").stat() == kept


def test_synthetic_places_are_functions_of_the_seed_and_a_place_has_four_views(tmp_path: Path) -> None:
    first, again = (Places(tmp_path / name, count=5000, dim=32, queries=100) for name in ("a", "b"))
    for places in (first, again):
        places.write(0)
    rows, asked = np.asarray(first.chunk(0), dtype=np.float32), first.asked()
    np.testing.assert_array_equal(rows, again.chunk(0))
    np.testing.assert_array_equal(asked, again.asked())
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(asked, axis=1), 1, atol=1e-5)
    nearest = np.argsort(-(asked @ rows.T), axis=1)[:, 0]
    assert (nearest // 4 == first.place_of_query()).mean() > 0.3  # of 1,250 places


def test_beyond_what_was_measured_the_variance_falls_on_and_adds_up() -> None:
    rest = power_law(1.5e-4, first=1024, count=3072, adding_up_to=0.0731)
    assert rest.sum() == pytest.approx(0.0731, rel=1e-6)
    assert rest[0] == pytest.approx(1.5e-4, rel=5e-3)
    assert (np.diff(rest) < 0).all()
    assert np.log(rest[-1] / rest[0]) / np.log(4096 / 1025) == pytest.approx(
        np.log(rest[9] / rest[0]) / np.log(1034 / 1025)
    )


@pytest.mark.parametrize("file", sorted(RESULTS.glob("scale-*.json")), ids=lambda file: file.stem)
def test_the_committed_table_of_scale_is_that_of_its_result(file: Path) -> None:
    result = json.loads(file.read_text(encoding="utf-8"))
    assert file.with_suffix(".md").read_text(encoding="utf-8") == table(result) + "\n"


def test_ten_times_as_many_grow_as_the_last_ones_did() -> None:
    def sized(count: int, milliseconds: float, seconds: float) -> dict:
        row = {"name": "binary", "cpu_ms_a_query": milliseconds, "build_cpu_seconds": seconds, "bytes_an_image": 512.0}
        return {"count": count, "dim": 64, "rows": [{**row, "memory_bytes": 10**8 + 600 * count}]}

    other = {"count": 10**6, "dim": 32, "rows": [{"name": "alone"}]}
    (line,) = paper([sized(10**5, 5.0, 46.0), sized(10**6, 23.0, 406.0), other], count=10**7).splitlines()[2:]
    cells = "20.0, 400 | 1 GB | 5 GB | 6 GB | 203 | 1.1 h |"
    assert line == f"| binary | 100,000 and 1,000,000 x 64 | {cells}"


def test_the_document_says_what_the_results_of_scale_do() -> None:
    document = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert "<!-- scale:1000000x4096 -->" in document
    assert "<!-- scale-paper -->" in document
    assert quoted_scale(document, RESULTS) == document


def a_result() -> dict:
    row = Row(
        what="work",
        reference="their way",
        ours_seconds=0.5,
        reference_seconds=2.0,
        ratio=4.0,
        ratio_low=3.5,
        ratio_high=4.25,
        limit="the product",
        limit_seconds=0.4,
        ours_bytes=2**20,
        reference_bytes=3 * 2**20,
        count=10,
        unit="images",
        target="3x",
        note="a remark",
        repeats=5,
    )
    skipped = Row(what="other work", skipped="no library")
    growth = Growth(step="encode", inputs="files", images=(10, 100), seconds=(1.0, 10.0), bytes=(2**20, 2**20))
    hardware = {"processor": "Z80", "cores": 2, "threads": 2}
    how = {"date": "2026-11-24T00:00:00", "code": {"commit": "abc", "dirty": False}, "hardware": hardware}
    how["versions"] = {"python": "3.11", "torch": "2.15"}
    return {"provenance": how, "quick": False, "rows": [item.to_dict() for item in (row, skipped, growth)]}


def test_the_table_says_what_was_measured() -> None:
    table = markdown(a_result())
    assert (
        "| work | 500 ms, 20 images/s | their way: 2 s | **4x** (3.5-4.25) | 1 MiB / 3 MiB | "
        "80 % of the product (400 ms) | 3x |" in table
    )
    assert "| encode (files) | 10, 100 | 1 s, 10 s | 1 MiB, 1 MiB | 1.00 | 0.00 | 1 |" in table
    assert "- work: a remark" in table
    assert "- not measured: other work (no library)" in table
    assert "2026-11-24, commit abc, Z80, cores: 2, threads: 2" in table


def test_a_document_quotes_the_result_of_its_marker(tmp_path: Path) -> None:
    (tmp_path / "speed-cpu-2-cores.json").write_text(json.dumps(a_result()), encoding="utf-8")
    document = "before\n<!-- speed:cpu-2-cores -->\nold\n<!-- /speed:cpu-2-cores -->\nafter\n"
    table = markdown(a_result())
    expected = f"before\n<!-- speed:cpu-2-cores -->\n\n{table}\n\n<!-- /speed:cpu-2-cores -->\nafter\n"
    assert quoted(document, tmp_path) == expected
    assert quoted(expected, tmp_path) == expected
    with pytest.raises(FileNotFoundError):
        quoted(document.replace("cpu-2-cores", "cpu-3-cores"), tmp_path)


def test_the_speed_page_quotes_the_committed_results() -> None:
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert re.search(r"<!-- speed:", text)
    assert quoted(text, RESULTS) == text, "run: nox -s speed -- --into docs/speed.md"


@pytest.mark.parametrize("file", sorted(RESULTS.glob("speed-*.json")), ids=lambda file: file.stem)
def test_committed_tables_are_those_of_their_results(file: Path) -> None:
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["quick"] is False
    assert file.with_suffix(".md").read_text(encoding="utf-8") == markdown(result) + "\n"
