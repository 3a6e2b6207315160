from __future__ import annotations

import io
import sys

import pytest

from vpr_runner.files.markdown import cell
from vpr_runner.files.terminal import visible, visible_output

TITLE = "a\x1b]0;owned\x07.jpg"


@pytest.mark.fault
@pytest.mark.parametrize("text", [TITLE, "\x9b2J", "\r\x1b[1A", "b\x08c", "d\x7f", "\u202egnp.exe"])
def test_commands_to_a_terminal_are_shown(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert "\\" in shown
    assert visible("plain ü 東京\t1\n") == "plain ü 東京\t1\n"


@pytest.mark.fault
def test_output_of_a_command_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with visible_output():
        sys.stdout.write(f"{TITLE}\n")
        sys.stdout.writelines([TITLE, "\n"])
    assert sys.stdout is before
    assert capsys.readouterr().out == "a\\x1b]0;owned\\x07.jpg\n" * 2


@pytest.mark.fault
def test_a_console_of_another_encoding_ends_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252"))
    with visible_output():
        sys.stdout.write("photos/東京.jpg ü\n")
        sys.stdout.flush()
    assert raw.getvalue().decode("cp1252") == "photos/??.jpg ü\n"


@pytest.mark.fault
def test_cells_of_a_table_are_text() -> None:
    assert cell(TITLE) == "a\\x1b]0;owned\\x07.jpg"
