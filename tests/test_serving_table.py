"""What docs/where.md says of the load test is what its last run wrote."""

from __future__ import annotations

import json
from pathlib import Path

from bench.serving.table import quoted

ROOT = Path(__file__).parent.parent


def test_the_page_quotes_the_last_run_of_the_load_test() -> None:
    result = json.loads((ROOT / "bench" / "results" / "serve.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "where.md").read_text(encoding="utf-8")
    assert "<!-- load -->" in page
    assert quoted(page, result) == page
