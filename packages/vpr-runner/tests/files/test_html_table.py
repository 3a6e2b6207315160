"""What notebooks show of results: every text as it stands."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from vpr_runner.evaluation.report import Report, SubsetRecall
from vpr_runner.files.html_table import html_table
from vpr_runner.locate.located import Answer, Located

BAD = "<script>alert(1)</script>&\x1b[2J'\""


class Tags(HTMLParser):
    """Collects tags, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_text_is_text() -> None:
    read = Tags(html_table([BAD], [[BAD]], caption=BAD, notes=[BAD], bold=[(0, 0)]))
    assert sorted(set(read.tags)) == ["b", "caption", "div", "table", "tbody", "td", "th", "thead", "tr"]
    assert read.text.count("<script>alert(1)</script>&\\x1b[2J'\"") == 4


def test_an_answer_lists_images_with_their_places() -> None:
    answers = (
        Answer(rank=1, distance=0.25, image=BAD, place={"lat": 47.1234567, "lon": 8.5}),
        Answer(rank=2, distance=0.5, image="b.jpg", place={}),
    )
    read = Tags(Located(answers=answers, position={"lat": 47.0, "lon": 8.5}, radius_m=12.0)._repr_html_())
    assert "script" not in read.tags
    assert read.tags.count("tr") == 3
    for part in ("47.1234567", "within 12 m", "0.2500", "not calibrated"):
        assert part in read.text


def test_a_report_has_a_row_for_each_subset() -> None:
    def part(value: float, count: int) -> SubsetRecall:
        return SubsetRecall(
            recall={1: value, 5: 1.0}, intervals={1: (value - 0.1, value + 0.1)}, queries=count, counted=count,
            without_positives=1,
        )  # fmt: skip

    report = Report(
        protocol=BAD, split="test", whole=part(0.625, 8), subsets={"night": part(0.5, 4)}, database=20,
        first_hits=np.ones(8, dtype=np.int64), evaluated=np.ones(8, dtype=bool), dim=64, milliseconds={},
        images_per_second=1.0, unreadable_database={"a<b>.jpg": "cut short"}, unreadable_queries={}, provenance={},
    )  # fmt: skip
    read = Tags(report._repr_html_())
    assert "script" not in read.tags
    for said in ("night", "62.5 [52.5, 72.5]", "100.0", "1 queries have no right image", "a<b>.jpg: cut short"):
        assert said in read.text
