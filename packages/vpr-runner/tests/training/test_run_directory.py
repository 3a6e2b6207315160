"""The folder of a run, begun and begun again."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from vpr_core import UsageError
from vpr_runner import train
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.training.run_directory import RunDirectory


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


def test_a_run_keeps_its_precision_and_may_change_its_machine(tmp_path: Path, make_config) -> None:
    def hold(**compute: object) -> None:
        with RunDirectory.hold(tmp_path, make_config(compute=compute), ranks=ONE_PROCESS, resume=True):
            pass

    hold(precision="float32")
    hold(precision="float32", threads=3, batch=5, on_bad_image="skip")
    with pytest.raises(UsageError, match=r'compute.precision was "float32", is now "bfloat16"'):
        hold(precision="bfloat16")
    identity = json.loads((tmp_path / "run.json").read_text())
    del identity["config"]["compute"]  # as the first versions wrote it
    (tmp_path / "run.json").write_text(json.dumps(identity))
    hold(precision="float32")


@pytest.mark.parametrize("found", [0, 2, "1", None])
def test_a_run_of_another_version_is_refused_in_a_sentence(tmp_path: Path, make_config, found: object) -> None:
    with RunDirectory.hold(tmp_path, make_config(), ranks=ONE_PROCESS, resume=True):
        pass
    identity = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**identity, "format": found}))
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"}
    with (
        pytest.raises(UsageError, match=rf"another version of the toolkit \(format {found}, this one writes 1\)"),
        RunDirectory.hold(tmp_path, make_config(), ranks=ONE_PROCESS, resume=True),
    ):
        pass
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"} == before


@pytest.mark.fault
def test_a_full_disk_under_the_metrics_leaves_no_torn_line(tmp_path: Path, make_config, engine_registry) -> None:
    """Half a line, then ENOSPC; the next start cuts it off and ends with the lines of an undisturbed run."""
    config, record, calls = make_config(), RunDirectory.record, 0

    def full(self: RunDirectory, **values: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            with (self.path / "metrics.jsonl").open("ab") as file:
                file.write(b'{"kind": "part", "ep')
            raise OSError(errno.ENOSPC, "No space left on device")
        record(self, **values)

    def run(folder: Path) -> list[tuple[str, int]]:
        train(config, engine_registry, run_directory=folder, progress=False, checkpoint_seconds=0)
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [(line["kind"], line["step"]) for line in lines]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "record", full)
        with pytest.raises(OSError, match="No space left"):
            run(tmp_path / "full")
    assert (tmp_path / "full" / "metrics.jsonl").read_bytes().endswith(b'"ep')
    assert run(tmp_path / "full") == run(tmp_path / "undisturbed")
