"""The part of ``vpr eval`` that concerns answers: scoring anybody's, writing ours, drawing when to believe them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import PlaceSplit
    from vpr_runner.evaluation.report import Report
    from vpr_runner.evaluation.retrieval import Answers

__all__ = ["hand_in", "scored", "write_extras"]

_ANY_NETWORK = "backbone: {type: tiny}\npooling: {type: avg}\n"


def scored(
    file: Path,
    run_file: Path | None,
    *,
    dataset: str | None,
    settings: Sequence[str] | None,
    plugins: Sequence[Path] | None,
    quiet: bool,
) -> tuple[Report, PlaceSplit]:
    """Score the answers in ``file`` on the data set of a run file, or on ``dataset`` as a run file would write it.

    No network is made. Which data set it is, is the user's to say: a model or a run folder is asked for its run file.

    Raises:
        UsageError: no data set is named; or see `vpr_runner.evaluation.predictions`.
    """
    from vpr_runner.data import open_dataset, split_named
    from vpr_runner.evaluation.data_fingerprint import fingerprint_of_data
    from vpr_runner.evaluation.evaluate import score_predictions
    from vpr_runner.evaluation.predictions import read_predictions

    config, registry = _config(run_file, dataset, settings=settings, plugins=plugins, quiet=quiet)
    predictions = read_predictions(file)
    opened = open_dataset(config.dataset, registry)
    split = split_named(opened, config.eval.split, purpose="eval.split")
    report = score_predictions(
        split,
        predictions.on(split),
        config.eval,
        seed=config.seed,
        source=str(file),
        data=fingerprint_of_data(opened),
    )
    return report, split


def _config(
    run_file: Path | None,
    dataset: str | None,
    *,
    settings: Sequence[str] | None,
    plugins: Sequence[Path] | None,
    quiet: bool,
) -> tuple[RunConfig, Registry]:
    from vpr_core import UsageError
    from vpr_core.config import parse_run
    from vpr_runner.cli.loading import load, overrides_of, registry_of

    if dataset is not None:
        registry = registry_of(plugins, quiet=quiet)
        text = f"{_ANY_NETWORK}dataset: {dataset}\n"
        return parse_run(text, registry, overrides_of(settings), source="--dataset"), registry
    if run_file is None:
        raise UsageError(
            "--from-predictions: on which data set? Name a run file, or --dataset '{type: folder, root: photos}'"
        )
    path = run_file / "config.yaml" if (run_file / "config.yaml").is_file() else run_file
    return load(path, plugins=plugins, settings=settings, quiet=quiet)


def hand_in(ask: Callable[[], Answers], split: PlaceSplit, *, predictions: Path | None, others: bool) -> None:
    """Write the answers on a split whose truth a benchmark's server keeps, and say so; there is no recall.

    Args:
        ask: answers the queries of ``split``.
        split: database and queries.
        predictions: the file that is handed in.
        others: whether anything was asked for beside it.

    Raises:
        UsageError: no file is named to write them to, or something was asked that needs the truth.
    """
    from vpr_core import UsageError
    from vpr_eval import Neighbours
    from vpr_runner.evaluation.predictions import form_of, write_predictions

    if predictions is None or others:
        raise UsageError(
            f"split {split.name!r}: what is right is known to the benchmark's server alone; --predictions answers.zip "
            "writes what it takes, and nothing else can be had of it (no report, page, curve or comparison)"
        )
    form_of(predictions)
    found = ask()
    write_predictions(predictions, split, Neighbours(found.distance, found.index), filled=True)
    print(
        f"{split.protocol}: {len(split.queries)} queries answered, hand in {predictions}; what is right is not public"
    )


def write_extras(report: Report, split: PlaceSplit, *, predictions: Path | None, curve: Path | None) -> None:
    """Write the answers and the curve that were asked for."""
    if predictions is not None and report.answers is not None:
        from vpr_runner.evaluation.predictions import write_predictions

        write_predictions(predictions, split, report.answers, filled=True)
    if curve is not None:
        from vpr_runner.evaluation.curve import curve_of, curve_summary, draw_curve

        found = curve_of(report)
        draw_curve(found, curve, title=report.protocol)
        print(curve_summary(found))
