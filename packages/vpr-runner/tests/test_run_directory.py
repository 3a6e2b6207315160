"""The folder of a run, begun and begun again."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpr_core import UsageError
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.run_directory import RunDirectory


class Killed(BaseException):
    """What no `except Exception` catches."""


@pytest.mark.fault
def test_a_run_that_dies_while_its_folder_is_made_is_known_again(tmp_path: Path, make_config, monkeypatch) -> None:
    """Killed just before each of the renames by which the folder gets its first files."""
    config, rename = make_config(), Path.replace
    for dies_at in range(10):
        left = dies_at
        folder = tmp_path / f"run-{dies_at}"

        def dying(self: Path, target: Path) -> Path:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return rename(self, target)

        monkeypatch.setattr(Path, "replace", dying)
        try:
            with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True):
                break
        except Killed:
            monkeypatch.setattr(Path, "replace", rename)
            with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True) as run:
                names = {path.name for path in run.path.iterdir()}
            assert names >= {"run.json", "config.yaml", "environment.json"}
    assert dies_at == 3, "the folder gets three files"


def test_a_folder_with_anything_else_is_refused(tmp_path: Path, make_config) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with (
        pytest.raises(UsageError, match="is not empty and no run directory; name a new or an empty folder"),
        RunDirectory.hold(tmp_path, make_config(), ranks=ONE_PROCESS, resume=True),
    ):
        pass
