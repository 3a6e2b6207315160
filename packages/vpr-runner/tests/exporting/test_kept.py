"""What tells one kept export from another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vpr_runner.exporting import kept
from vpr_runner.network.architecture import Architecture


def test_another_image_rule_or_other_code_is_another_export(
    made: Callable[..., Any], engine_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "export", lambda *_, **__: None)
    monkeypatch.setattr(kept, "described", lambda _: SimpleNamespace(inputs=None))
    retriever, config = made()

    def digest(**image: Any) -> str:
        changed = config.model_copy(update={"image": config.image.model_copy(update={"size": None, **image})})
        return kept.kept_export(retriever, Architecture.of(changed), engine_registry, cache=tmp_path)[1]

    rules: list[dict[str, Any]] = [{}, {"size": (48, 64)}, {"longest": 512}, {"short_side": 96}, {"multiple": 16}]
    found = {digest(**rule) for rule in rules}
    assert len(found) == len(rules)
    monkeypatch.setattr(kept, "code_of", lambda *_: ("plugin.py 0123",))
    assert digest() not in found
