"""``nox -s choices``: its numbers against independent restatements, its page against its results."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("vpr_modern_pooling")  # its layer is one of the three

from bench.choices import __main__ as choices
from bench.choices.axes.relu import other_way
from bench.choices.axes.storage import by_bits, product, uniform
from bench.choices.elsewhere import encode
from bench.choices.guessed import GUESSES, issue_table
from bench.choices.outcome import compare, cosines
from bench.choices.page import page
from bench.choices.parts import measured_part, summary
from bench.choices.quoted import quotations
from bench.choices.reading import CHANGES, READERS, changed, plain
from bench.choices.result import read_results
from bench.choices.said import sentence
from bench.choices.table import AXES
from bench.choices.verdict import summaries, summarise
from bench.speed.store import Store

from vpr_backbones import build_tiny, build_torchvision
from vpr_data import image_batches

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, columns = np.mgrid[:120, :180]
    levels = np.stack([columns * 255 / 180, rows * 255 / 120, 127 + 80 * np.sin(columns / 7)], axis=2)
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    Image.fromarray(levels.astype(np.uint8)).save(path, quality=92)
    return path


def test_difference_interval_and_p_are_those_of_an_independent_restatement() -> None:
    draw = np.random.default_rng(1)
    before, after = draw.integers(0, 7, 300), draw.integers(0, 4, 300)
    row = compare(before, after)
    for at in (1, 5):
        first = np.array([1.0 if 0 < rank <= at else 0.0 for rank in before])
        second = np.array([1.0 if 0 < rank <= at else 0.0 for rank in after])
        means = [100 * (second - first)[draw.integers(0, 300, 300)].mean() for _ in range(4000)]
        difference, low, high = row[f"difference@{at}"]
        assert difference == pytest.approx(100 * (second.sum() - first.sum()) / 300, abs=0.01)
        assert (low, high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.8)
        scipy_stats = pytest.importorskip("scipy.stats")
        wins, losses = int((second > first).sum()), int((second < first).sum())
        expected = scipy_stats.binomtest(wins, wins + losses).pvalue
        assert row[f"p@{at}"] == pytest.approx(expected, abs=1e-5)
        assert (row[f"plain@{at}"], row[f"recall@{at}"]) == pytest.approx(
            (100 * first.mean(), 100 * second.mean()), abs=0.01
        )


def test_cosine_is_median_and_fifth_percentile_of_the_formula() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.standard_normal((2, 41, 9)).astype(np.float32)
    values = sorted(
        sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
        / (sum(float(x) ** 2 for x in a) * sum(float(y) ** 2 for y in b)) ** 0.5
        for a, b in zip(first, second, strict=True)
    )
    assert cosines(first, second) == pytest.approx([values[20], values[2]], abs=1e-6)
    assert cosines(first, second[:, :5]) is None


def test_uniform_codes_stay_in_their_cell_and_use_no_more_words_than_bits_allow() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
    rows[:, 3] = 0.25  # a dimension that says nothing
    for bits in (1, 2, 8):
        coded = uniform(rows, bits)
        step = (rows.max(axis=0) - rows.min(axis=0)) / 2**bits
        assert (np.abs(coded - rows) <= step / 2 + 1e-6).all()
        assert max(len(np.unique(column)) for column in coded.T) <= 2**bits
    assert (uniform(rows, 4)[:, 3] == 0.25).all()


def test_bits_are_compared_by_hamming_distance_and_the_first_of_equals_wins() -> None:
    draw = np.random.default_rng(0)
    database, queries = draw.random((30, 11)) > 0.5, draw.random((5, 11)) > 0.5
    found = by_bits(database, queries, 4)
    for query, index, distance in zip(queries, found.index, found.distance, strict=True):
        away = [int(sum(a != b for a, b in zip(query, row, strict=True))) for row in database]
        expected = sorted(range(30), key=lambda row: (away[row], row))[:4]
        assert index.tolist() == expected
        assert distance.tolist() == [away[row] for row in expected]


def test_product_codes_come_near_and_nearer_with_more_bytes() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    errors = [float(np.square(product(rows, parts) - rows).mean()) for parts in (2, 8)]
    assert errors[1] < errors[0] < float(np.square(rows).mean())


def test_the_plain_reader_is_the_toolkit_s_and_every_other_gives_the_same_shape(photo: Path) -> None:
    (batch,) = image_batches([photo], size=(48, 64), batch_size=1, workers=0)
    assert torch.equal(plain(photo, (48, 64)), batch.images[0])
    for reader in (*READERS.values(), *(changed(change) for change in CHANGES.values())):
        try:
            image = reader(photo, (48, 64))
        except ImportError:
            continue  # OpenCV is an extra
        assert image.dtype == torch.uint8
        assert tuple(image.shape) == (3, 48, 64)
    level = changed(CHANGES["one stop brighter"])(photo, (120, 180)).float().mean()
    assert level > 1.2 * plain(photo, (120, 180)).float().mean()


def test_the_last_relu_is_taken_away_or_added() -> None:
    images = torch.rand(1, 3, 64, 64)
    for make, adds in ((lambda: build_torchvision(name="resnet18", weights="none"), False), (build_tiny, True)):
        backbone = make().eval()
        with torch.inference_mode():
            before = backbone(images)
            said = other_way(backbone)
            after = backbone.eval()(images)
        assert ("after" in said) == adds
        low, high = (before, after) if adds else (after, before)
        torch.testing.assert_close(torch.relu(low), high)
        assert (low < 0).any()


def test_another_machine_builds_the_network_whose_parameters_are_a_class_made_at_run_time(tmp_path: Path) -> None:
    run = {
        "dataset": {"type": "city", "size": "small"},
        "image": {"size": [32, 32]},
        "backbone": {"type": "resnet18", "weights": "none", "cut": "layer1"},
        "pooling": {"type": "avg"},
    }
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    np.save(tmp_path / "images.npy", np.full((2, 3, 32, 32), 90, dtype=np.uint8))
    encode(tmp_path)
    maps = np.load(tmp_path / "maps.npy")
    assert maps.shape == (2, 64, 8, 8)
    assert np.isfinite(maps).all()


def a_row(difference: float, **other: Any) -> dict[str, Any]:
    return {
        "axis": "gem", "choice": "p = 1", "side": "both", "network": "ResNet-18", "set": "tower_walks", "head": "GeM",
        "plain@1": 50.0, "recall@1": 50.0 + difference, "difference@1": [difference, difference - 1, difference + 1],
        "cosine": [0.9, 0.8], "bytes": 4, "plain_bytes": 16, "ms": 2.0, "plain_ms": 4.0, **other,
    }  # fmt: skip


def test_seeds_count_once_and_verdicts_keep_their_limits() -> None:
    rows = [a_row(-6.0, seed=1), a_row(-2.0, seed=2), a_row(4.0, set="corridor")]
    found = summarise(rows)
    assert found.mean == pytest.approx(0.0)
    assert found.by == pytest.approx({"GeM": 0.0, "tower_walks": -4.0, "corridor": 4.0})
    assert (found.worst, found.best) == (rows[0], rows[2])
    assert (found.size, found.time, found.cosine) == ((0.25, 0.25), 0.5, (0.9, 0.9))
    assert found.verdict == "costs"  # two rows lie below their interval
    assert summarise([a_row(-0.9)]).verdict == "safe"
    assert summarise([a_row(-1.0)]).verdict == "costs"
    assert summarise([a_row(-10.0)]).verdict == "breaks"


def test_the_issue_s_table_reads_its_own_rows() -> None:
    said = {"axis": "starts", "choice": "another seed", "head": "NetVLAD", "network": "ResNet-18"}
    seeds = [a_row(value, **said, seed=number) for number, value in enumerate((0.0, 3.0, -1.5, 2.0, 1.0, 9.0))]
    jpeg = a_row(-20.7, axis="queries", choice="JPEG quality 10", side="queries", set="corridor", head="NetVLAD")
    table = issue_table([*seeds, jpeg])
    lines = {line[0]: line[3] for line in table}
    assert lines["five k-means seeds: range of recall@1"] == "4.5 over the first five, 10.5 over 6 seeds"
    assert lines["queries at JPEG quality 10"] == "T not measured, C -20.7 [-21.7, -19.7]"

    judged = {line[0]: line[4] for line in table}
    assert judged["queries at JPEG quality 10"] == "T open, C confirmed"
    assert judged["five k-means seeds: range of recall@1"] == "confirmed"  # -1.5, 1, 2, 3 and 9 span more, others less
    assert judged["queries mirrored"] == "open"
    half = a_row(2.0, axis="queries", choice="half resolution", side="queries", head="NetVLAD")  # [1, 3], once 0.0
    assert {line[0]: line[4] for line in issue_table([half])}["queries at half resolution"] == "corrected"


def test_the_sentence_of_an_axis_names_what_is_dear_and_where() -> None:
    rows = [a_row(-12.0, choice="p = 9"), a_row(-14.0, choice="p = 9", set="corridor"), a_row(0.0)]
    said = sentence(summaries(rows))
    assert said.startswith("**Breaks**: p = 9 (-13.0). **Safe**: p = 1. ")
    assert said.endswith("costs most on corridor (-14.0), least on tower (-12.0), in the mean of those choices.")
    assert sentence(summaries(rows[2:])) == "**Safe** under every condition here: what there is."


NOT_MEASURED: set[tuple[str, str, str]] = set()
"""Guessed, and left out when the run had to become shorter."""


def test_every_guess_names_a_choice_that_is_measured() -> None:
    rows = [row for result in read_results(RESULTS) for row in result["rows"]]
    measured = {(row["axis"], row["choice"], row["side"]) for row in rows}
    for axis, choice, side, points in json.loads(GUESSES.read_text(encoding="utf-8"))["guesses"]:
        assert ((axis, choice, side) in measured) != ((axis, choice, side) in NOT_MEASURED)
        assert -100 <= points <= 100


def test_the_page_is_that_of_the_results() -> None:
    text = (ROOT / "docs" / "choices.md").read_text(encoding="utf-8")
    assert text == page(read_results(RESULTS)), "run: python -m bench.choices --page docs/choices.md"
    assert (ROOT / "docs" / "images" / "choices.png").is_file()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[4:] == [axis.title for axis in AXES.values()]


def test_warnings_quote_the_results() -> None:
    said = quotations(row for result in read_results(RESULTS) for row in result["rows"])
    for file, quoted in said.items():
        text = " ".join(re.sub(r'"\n\s*f?"', "", (ROOT / file).read_text(encoding="utf-8")).split())
        for words in quoted:
            assert words in text, f"{file} does not say: {words}"


@pytest.mark.parametrize("result", read_results(RESULTS), ids=lambda result: "-".join(result["sets"]))
def test_committed_results_are_whole(result: dict[str, Any]) -> None:
    assert not result["quick"]
    assert all(how["code"]["commit"] for how in result["provenance"])
    assert result["seeds"]["another seed"] == list(range(1, 11))
    rows = result["rows"]
    parts = {part["part"]: part for part in result["parts"]}
    commits = {how["code"]["commit"] for how in result["provenance"]}
    assert {part["commit"] for part in parts.values()} == commits
    assert sum(part["processor_seconds"] for part in parts.values()) == pytest.approx(
        result["seconds"]["processor"], abs=1
    )
    # Nothing of the budget is hidden: what prepares networks and sets has its parts, too.
    assert {f"{row['network']} on {row['set']}: {row['axis']}" for row in rows} <= set(parts)
    assert {f"{row['network']} on {row['set']}" for row in rows} | {row["network"] for row in rows} <= set(parts)
    there = {f"{row['network']} on {row['set']}: {row['axis']}" for row in rows}
    wanted = {f"{network} on {at}: {axis}" for network in result["networks"] for at in result["sets"] for axis in AXES}
    assert there | set(result["unfinished"]) == wanted
    assert not there & set(result["unfinished"])
    for row in rows:
        difference, low, high = row["difference@1"]
        assert low <= difference <= high
        assert difference == pytest.approx(row["recall@1"] - row["plain@1"], abs=0.02)
    for found in summaries(rows):
        assert found.worst["difference@1"][0] <= found.mean <= found.best["difference@1"][0] + 1e-9


def test_what_is_measured_takes_no_longer_than_its_budget() -> None:
    """20 minutes offline, 90 with photographs; parts that are not measured yet have still to fit."""
    minutes = [result["seconds"]["processor"] / 60 for result in read_results(RESULTS)]
    assert minutes[0] <= 20
    assert sum(minutes) <= 90


def test_a_part_keeps_where_it_was_measured_and_its_first_seconds(tmp_path: Path) -> None:
    store = Store(tmp_path, {"size": [3, 4]})
    with measured_part(store, "gem") as rows:
        rows.append({"choice": "p = 1"})
        end = time.process_time() + 0.15
        while time.process_time() < end:
            pass
    how = store.how("gem")
    assert store.get("gem") == [{"choice": "p = 1"}]
    assert 0.1 <= how["processor_seconds"] <= how["seconds"] + 0.1
    assert {"date", "code", "hardware", "versions"} <= set(how["provenance"])
    with measured_part(store, "gem"):
        pass  # again, out of what is kept
    assert store.how("gem") == how
    assert Store(tmp_path, {"size": [5, 6]}).how("gem") == {}
    other = {**how, "load": 9.0, "provenance": {**how["provenance"], "code": {"commit": "b" * 40, "dirty": False}}}
    took = summary({"gem": how, "relu": other, "size": how})
    assert [made["code"]["commit"] for made in took["provenance"]] == [how["provenance"]["code"]["commit"], "b" * 40]
    assert took["seconds"]["processor"] == round(3 * how["processor_seconds"])
    assert [part["commit"] for part in took["parts"]][1] == "b" * 40


@pytest.mark.slow
def test_a_second_start_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--output", str(tmp_path), "--kept", str(tmp_path / "kept")]
    arguments += ["--only", "gem", "--only", "relu", "--only", "storage"]
    assert choices.main(arguments) == 0
    first = json.loads((tmp_path / "choices-city.json").read_text(encoding="utf-8"))["rows"]
    assert "relu: 2 rows" in capsys.readouterr().err
    assert choices.main(arguments) == 0
    assert "rows" not in capsys.readouterr().err
    assert json.loads((tmp_path / "choices-city.json").read_text(encoding="utf-8"))["rows"] == first
