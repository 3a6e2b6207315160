from __future__ import annotations

from vpr_runner.bench.merge import fill, laid_over, unfilled


def test_blocks_are_merged_field_by_field() -> None:
    base = {"train": {"epochs": 3, "positives": {"within": 10, "beyond": 1}}, "seed": 0}
    merged = laid_over(base, {"train": {"positives": {"beyond": None}}, "whiten": {"dim": 8}})
    assert merged == {
        "train": {"epochs": 3, "positives": {"within": 10, "beyond": None}},
        "seed": 0,
        "whiten": {"dim": 8},
    }


def test_neither_mapping_is_changed() -> None:
    base, overrides = {"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}
    laid_over(base, overrides)
    assert base == {"a": {"b": {"c": 1}}}
    assert overrides == {"a": {"b": {"d": 2}}}


def test_a_block_with_a_type_takes_the_place_of_the_old_one() -> None:
    base = {"pooling": {"type": "netvlad", "num_clusters": 64}}
    assert laid_over(base, {"pooling": {"type": "gem"}}) == {"pooling": {"type": "gem"}}
    assert laid_over(base, {"pooling": {"type": "netvlad"}}) == {"pooling": {"type": "netvlad"}}
    assert laid_over(base, {"pooling": {"form": "v2"}}) == {
        "pooling": {"type": "netvlad", "num_clusters": 64, "form": "v2"}
    }


def test_null_takes_a_block_away_and_a_block_takes_the_place_of_null() -> None:
    assert laid_over({"whiten": {"dim": 4}}, {"whiten": None}) == {"whiten": None}
    assert laid_over({"whiten": None}, {"whiten": {"dim": 4}}) == {"whiten": {"dim": 4}}


def test_placeholders() -> None:
    value = {"root": "${data}/x", "list": ["${data}", 3, {"deep": "${who}"}], "money": "$5 and ${ data}"}
    filled = fill(value, {"data": "/sets"})
    assert filled["root"] == "/sets/x"
    assert filled["list"] == ["/sets", 3, {"deep": "${who}"}]
    assert filled["money"] == "$5 and ${ data}"
    assert unfilled(filled) == {"who"}
