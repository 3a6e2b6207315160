"""The service as its own description says it is: made-up requests by schemathesis, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs vpr-runner[serve]")
pytest.importorskip("schemathesis", reason="makes up the requests")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from vpr_runner.locate.locator import Locator
from vpr_runner.serving.application import application
from vpr_runner.serving.limits import Limits

EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", ["/search", "/search/batch", "/images"])
def test_made_up_requests_get_what_is_described(album: Path, path: str, mode: schemathesis.GenerationMode) -> None:
    """No 5xx, no status, content type or body that the description does not have, none of ill form taken."""
    app = application(Locator.open(album / "map"), limits=Limits(upload=20_000), photos=album / "photos")
    before = sorted(file.name for file in (album / "photos").iterdir())
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path]["POST"]
    statuses = []

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        # Which bytes are an image no schema says.
        statuses.append(case.call_and_validate(excluded_checks=[positive_data_acceptance]).status_code)

    answers()
    assert statuses
    assert sorted(file.name for file in (album / "photos").iterdir()) == before
