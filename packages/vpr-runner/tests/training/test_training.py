"""Training learns, resumes bit for bit, and says what is wrong."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
import torch

from vpr_core import UsageError
from vpr_runner import train
from vpr_runner.cli.failures import Terminated
from vpr_runner.network.storage import MODEL_FILE
from vpr_runner.training.job import Job, TrainingStoppedError
from vpr_runner.training.start import initialised

TIMES = {"time", "samples_per_second", "images_per_second"}


def metrics(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def weights(folder: Path) -> bytes:
    return (folder / "model" / MODEL_FILE).read_bytes()


@pytest.fixture
def quiet(engine_registry):
    def run(config, folder: Path, **settings):
        return train(config, engine_registry, run_directory=folder, progress=False, **settings)

    return run


def test_a_run_leaves_what_it_should_and_learns(make_config, quiet, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = quiet(make_config(train={"epochs": 3}), folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in ("config.yaml", "environment.json", "data.json", "metrics.jsonl", "report.json", "model/model.json"):
        assert name in names
    assert len([name for name in names if name.endswith(".pt")]) == 2  # train.keep
    lines = metrics(folder)
    parts = [line for line in lines if line["kind"] == "part"]
    assert [(line["epoch"], line["part"]) for line in parts] == [(e, p) for e in (1, 2, 3) for p in (1, 2, 3)]
    assert [line["samples"] for line in parts[:3]] == [5, 5, 2]
    assert [line["epoch"] for line in lines if line["kind"] == "validation"] == [0, 1, 2, 3]
    assert parts[-1]["loss"] < parts[0]["loss"]
    assert not result.retriever.training
    assert result.best is not None
    assert result.best["epoch"] > 0  # on a tie the trained network is taken


def test_each_epoch_is_said_and_so_is_going_on(make_config, engine_registry, tmp_path: Path, caplog) -> None:
    def said(**settings) -> list[str]:
        caplog.clear()
        with caplog.at_level("INFO", logger="vpr_runner"):
            train(make_config(train={"epochs": 1, **settings}), engine_registry, run_directory=tmp_path)
        return caplog.messages

    first = said(cache_every=50)
    assert first[0].startswith("before training: validation recall@1 ")
    assert first[1].startswith("epoch 1/1: loss ")
    assert "of 12 samples taught" in first[1]
    assert first[2].startswith("epoch 1/1: validation recall@1 ")
    assert len(first) == 3
    assert said(cache_every=50) == [f"{tmp_path}: finished before, nothing is left to train"]
    assert said(cache_every=50, epochs=2)[0] == "goes on at epoch 2, part 1, batch 1"


def test_a_data_set_without_a_training_split_starts_netvlad_from_its_database(
    make_config, engine_registry, caplog
) -> None:
    caplog.set_level("INFO", logger="vpr_runner")

    def started(splits: list[str]) -> torch.Tensor:
        config = make_config(
            dataset={"splits": splits}, pooling={"type": "netvlad", "num_clusters": 3}, eval={"split": "test"}
        )
        return initialised(config, engine_registry).pooling.centroids

    alone = started(["test"])
    assert "no split 'train': starting netvlad pooling from the database images of 'test'" in caplog.text
    caplog.clear()
    assert torch.isfinite(alone).all()
    started(["train", "test"])
    assert "no split" not in caplog.text
    with pytest.raises(UsageError, match="no split named 'test', which starting netvlad pooling needs; there is val"):
        started(["val"])


def test_a_finished_run_is_read_not_run_again(make_config, quiet, tmp_path: Path, monkeypatch) -> None:
    config = make_config(train={"epochs": 1})
    first = quiet(config, tmp_path)
    monkeypatch.setattr(Job, "validate", lambda self: pytest.fail("it ran again"))
    second = quiet(config, tmp_path)
    assert second.best == first.best
    for name, value in first.retriever.state_dict().items():
        assert torch.equal(second.retriever.state_dict()[name], value)


def test_the_same_run_gives_the_same_bytes_and_another_seed_others(make_config, quiet, tmp_path: Path) -> None:
    for name in ("a", "b"):
        quiet(make_config(train={"epochs": 1}), tmp_path / name)
    quiet(make_config(seed=1, train={"epochs": 1}), tmp_path / "c")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


class Stop(BaseException):
    """Stands for ``kill -9``: nothing on the way out may save anything."""


SETTINGS = {
    "sgd": {},
    "adam_netvlad": {
        "pooling": {"type": "netvlad", "num_clusters": 4},
        "train": {"optimizer": "adam", "lr": 0.003, "grad_clip": 1.0, "micro_batch": 3, "lr_halve_every": 1},
    },
    "places": {"loss": {"type": "place_pull"}, "train": {"places_per_batch": 3, "images_per_place": 2}},
    "places_with_memory": {
        "loss": {"type": "place_memory"},
        "train": {"places_per_batch": 3, "images_per_place": 2, "micro_batch": 4},
    },
    "augmented": {"image": {"augment": {"colour": 0.3, "scale": 0.2, "crop": 0.7}}},
    "frozen": {"backbone": {"train_from": "conv4"}, "train": {"frozen_cache_gib": 1}},
    "bfloat16": {"compute": {"precision": "bfloat16"}},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_interrupted_anywhere_it_ends_the_same(make_config, quiet, tmp_path: Path, monkeypatch, name: str) -> None:
    config = make_config(**SETTINGS[name])
    undisturbed = tmp_path / "undisturbed"
    quiet(config, undisturbed, checkpoint_seconds=0)

    folder, stops = tmp_path / "disturbed", 0
    step, save, validate = Job.step, Job.save, Job.validate
    for survived in (0, 1, 2, 3, 5, 8):
        calls = 0

        def interrupt(original, survived=survived):
            def called(self, *arguments, **settings):
                nonlocal calls
                calls += 1
                if calls > survived:
                    raise Stop
                return original(self, *arguments, **settings)

            return called

        for method, original in (("step", step), ("save", save), ("validate", validate)):
            monkeypatch.setattr(Job, method, interrupt(original))
        try:
            quiet(config, folder, checkpoint_seconds=0 if survived % 2 else 300)
        except Stop:
            stops += 1
    monkeypatch.undo()
    assert stops >= 4  # the others found it finished
    quiet(config, folder, checkpoint_seconds=0)
    assert weights(folder) == weights(undisturbed)
    assert metrics(folder) == metrics(undisturbed)


def test_on_the_way_out_the_state_is_saved_but_not_in_the_middle_of_a_step(
    make_config, quiet, tmp_path: Path, monkeypatch
) -> None:
    config = make_config(train={"epochs": 1})
    quiet(config, tmp_path / "undisturbed")
    step = Job.step

    def interrupted_after(self, *arguments, **settings) -> None:
        step(self, *arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(Job, "step", interrupted_after)
    with pytest.raises(KeyboardInterrupt):
        quiet(config, tmp_path / "run")
    state = torch.load(sorted((tmp_path / "run" / "checkpoints").glob("*.pt"))[-1], weights_only=True)
    assert state["position"]["batch"] == 1
    monkeypatch.undo()

    from vpr_runner.training.steps import Stepper

    whole = Stepper.step

    def interrupted_within(self, *arguments, **settings) -> None:
        whole(self, *arguments, **settings)
        raise KeyboardInterrupt  # weights are stepped, the position is not

    monkeypatch.setattr(Stepper, "step", interrupted_within)
    before = len(list((tmp_path / "run" / "checkpoints").glob("*.pt")))
    with pytest.raises(KeyboardInterrupt):
        quiet(config, tmp_path / "run")
    assert len(list((tmp_path / "run" / "checkpoints").glob("*.pt"))) == before
    monkeypatch.undo()
    quiet(config, tmp_path / "run")
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def terminated_after(monkeypatch, owner: type, method: str, *, call: int) -> None:
    """Let SIGTERM arrive when a method has done its work for the ``call``-th time."""
    original, calls = getattr(owner, method), 0

    def terminated(self, *arguments, **settings):
        nonlocal calls
        calls += 1
        value = original(self, *arguments, **settings)
        if calls == call:
            raise Terminated(15)
        return value

    monkeypatch.setattr(owner, method, terminated)


@pytest.mark.parametrize("name", ["sgd", "places"])
def test_a_signal_behind_a_line_of_metrics_does_not_write_it_twice(
    make_config, quiet, tmp_path: Path, monkeypatch, name: str
) -> None:
    config = make_config(**SETTINGS[name])
    quiet(config, tmp_path / "undisturbed")
    terminated_after(monkeypatch, Job, "record_part", call=2)
    with pytest.raises(Terminated):
        quiet(config, tmp_path / "run")
    monkeypatch.undo()
    quiet(config, tmp_path / "run")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "undisturbed")
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def test_a_signal_behind_the_miner_saves_no_memory_without_its_tuples(
    make_config, quiet, engine_registry, tmp_path: Path, monkeypatch
) -> None:
    config = make_config()
    terminated_after(monkeypatch, type(engine_registry.build("miner", config.miner)), "mine", call=2)
    with pytest.raises(Terminated):
        quiet(config, tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoints").glob("*.pt"))
    state = torch.load(newest, weights_only=True)
    assert len(state["miner"]["memory"]) == len(state["tuples"]["query"]) == 5  # those of the part before


def test_a_torn_newest_checkpoint_costs_only_itself(make_config, quiet, tmp_path: Path, monkeypatch, caplog) -> None:
    config = make_config(train={"epochs": 1})
    quiet(config, tmp_path / "undisturbed", checkpoint_seconds=0)
    monkeypatch.setattr(Job, "record_part", lambda *a, **k: (_ for _ in ()).throw(Stop))
    with pytest.raises(Stop):
        quiet(config, tmp_path / "run", checkpoint_seconds=0)
    monkeypatch.undo()
    newest = sorted((tmp_path / "run" / "checkpoints").glob("*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        quiet(config, tmp_path / "run", checkpoint_seconds=0)
    assert f"{newest.name} is not whole" in caplog.text
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def test_a_run_can_be_given_more_epochs(make_config, quiet, tmp_path: Path) -> None:
    quiet(make_config(train={"epochs": 2}), tmp_path / "two")
    quiet(make_config(train={"epochs": 1}), tmp_path / "one")
    quiet(make_config(train={"epochs": 2}), tmp_path / "one")
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")
    with torch.no_grad():
        from safetensors.torch import load_file

        one, two = (load_file(tmp_path / name / "model" / MODEL_FILE) for name in ("one", "two"))
        assert all(torch.equal(one[name], two[name]) for name in two)


def test_other_configurations_other_data_and_foreign_folders_are_refused(make_config, quiet, tmp_path: Path) -> None:
    config = make_config(train={"epochs": 1})
    quiet(config, tmp_path / "run")
    with pytest.raises(UsageError, match=r"another configuration: train.lr was 0.05, is now 0.5; .*seed was 0|seed"):
        quiet(make_config(seed=3, train={"epochs": 1, "lr": 0.5}), tmp_path / "run")
    with pytest.raises(UsageError, match="holds this run already"):
        quiet(config, tmp_path / "run", resume=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty and no run directory"):
        quiet(config, tmp_path / "mine")
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    (tmp_path / "run" / "data.json").write_text(json.dumps(data | {"fingerprint": "other"}))
    (tmp_path / "run" / "report.json").unlink()
    with pytest.raises(UsageError, match='data set has changed since this run began: fingerprint was "other"'):
        quiet(config, tmp_path / "run")


def test_a_loss_that_becomes_nan_stops_with_names_and_the_state_before(
    make_config, quiet, engine_registry, tmp_path: Path, monkeypatch
) -> None:
    from vpr_runner.training.batches import TupleBatch

    terms, calls = TupleBatch.terms, 0

    def poisoned(self, loss, descriptors):
        nonlocal calls
        calls += 1
        total, count = terms(self, loss, descriptors)
        return (total * float("nan"), count) if calls == 3 else (total, count)

    monkeypatch.setattr(TupleBatch, "terms", poisoned)
    config = make_config(train={"epochs": 1})
    with pytest.raises(TrainingStoppedError, match=r"loss is nan at step 2 \(epoch 1, part 1, batch 3\); images tr"):
        quiet(config, tmp_path / "run")
    stopped = json.loads((tmp_path / "run" / "stopped.json").read_text())
    assert stopped["step"] == 2
    assert all(name.startswith("train/") for name in stopped["images"])
    monkeypatch.undo()
    quiet(config, tmp_path / "run")  # the fault was passing, so the run can go on, from the very batch
    quiet(config, tmp_path / "undisturbed")
    assert weights(tmp_path / "run") == weights(tmp_path / "undisturbed")


def test_patience(make_config, quiet, tmp_path: Path) -> None:
    quiet(make_config(train={"epochs": 9, "patience": 2}), tmp_path)  # recall is 1 at once: nothing gets better
    validations = [line for line in metrics(tmp_path) if line["kind"] == "validation"]
    best = max(number for number, line in enumerate(validations) if line["best"])
    assert len(validations) - 1 == best + 2 < 9


def test_without_a_validation_split_the_last_network_is_kept(make_config, quiet, tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        result = quiet(make_config(dataset={"splits": ["train", "test"]}, train={"epochs": 1}), tmp_path)
    assert result.best is None
    assert "no split 'val'" in caplog.text


def test_whitening_is_fitted_at_the_end_and_saved(make_config, quiet, engine_registry, tmp_path: Path) -> None:
    from vpr_runner import load_retriever

    result = quiet(make_config(train={"epochs": 1}, whiten={"dim": 6, "images": 12}), tmp_path)
    assert result.retriever.out_dim == 6
    again, _ = load_retriever(tmp_path, engine_registry)
    assert again.out_dim == 6
    with pytest.raises(UsageError, match=r"whiten\.dim: 90 is more than 12 .* at most 11"):
        quiet(make_config(train={"epochs": 1}, whiten={"dim": 90, "images": 100}), tmp_path)


def test_nothing_to_train_on(make_config, quiet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no split named 'train', which training needs; there is test"):
        quiet(make_config(dataset={"splits": ["test"]}), tmp_path / "a")
    with pytest.raises(UsageError, match=r"train\.positives: none of the 12 queries .* within 1 "):
        quiet(make_config(train={"positives": {"within": 1}}), tmp_path / "b")
    with pytest.raises(UsageError, match=r"train\.negatives_beyond: 9 is less than"):
        quiet(make_config(train={"negatives_beyond": 9}), tmp_path / "c")
    with pytest.raises(UsageError, match=r"no parameter to train; set backbone\.train_from"):
        quiet(make_config(backbone={"train_from": "none"}, pooling={"type": "avg"}), tmp_path / "d")


def test_bad_images_stop_training_or_are_left_out_everywhere(
    make_config, quiet, tmp_path: Path, dots_root: Path
) -> None:
    root = tmp_path / "data"
    shutil.copytree(dots_root, root)
    (root / "train/database/003.png").write_bytes(b"")
    (root / "train/queries/005.png").write_bytes(b"<html>not found</html>")
    from vpr_data import ImageDecodeError

    blocks = {"dataset": {"root": str(root)}, "train": {"epochs": 1}}
    with pytest.raises(ImageDecodeError, match=r"00[35]\.png"):
        quiet(make_config(**blocks), tmp_path / "stops")
    quiet(make_config(**blocks, compute={"on_bad_image": "skip"}), tmp_path / "skips")
    parts = [line for line in metrics(tmp_path / "skips") if line["kind"] == "part"]
    assert sum(line["samples"] for line in parts) == 10  # query 5 is unreadable, query 3 lost its only positive
