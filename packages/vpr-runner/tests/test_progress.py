"""Where a bar is drawn, and where lines are written."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from tqdm import tqdm
from tqdm.auto import tqdm as bar_of_notebook

from vpr_runner.progress import Progress, drawn_bar


def set_up(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, config: dict[str, object] | None) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    ipython = ModuleType("IPython")
    shell = None if config is None else SimpleNamespace(config=config)
    monkeypatch.setattr(ipython, "get_ipython", lambda: shell, raising=False)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


@pytest.mark.parametrize(
    ("terminal", "config", "expected"),
    [
        (False, {"IPKernelApp": {}}, bar_of_notebook),
        (False, {"TerminalIPythonApp": {}}, None),
        (False, None, None),
        (True, None, tqdm),
        (True, {"TerminalIPythonApp": {}}, tqdm),
    ],
)
def test_a_notebook_has_a_bar_and_a_log_has_none(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, config: dict[str, object] | None, expected: object
) -> None:
    set_up(monkeypatch, terminal=terminal, config=config)
    assert drawn_bar() is expected


def test_in_a_notebook_the_bar_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    set_up(monkeypatch, terminal=False, config={"IPKernelApp": {}})
    with Progress(3, "encode") as bar:
        bar.update(3, note="loss 0.1")
    assert "encode:   0%|" in capsys.readouterr().err
    with Progress(3, "encode", shown=False) as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""
