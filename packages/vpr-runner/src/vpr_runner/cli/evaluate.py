"""``vpr eval``: recall@N of a network on a split, or its mAP on a retrieval benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vpr_runner.cli.comparison import against, earlier_report
from vpr_runner.cli.completing import model as model_name
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption
from vpr_runner.cli.pages import CsvOption, GeojsonOption, HtmlOption, KmlOption, Pages, TilesOption

if TYPE_CHECKING:
    from vpr_core.types import PlaceSplit
    from vpr_runner import Retriever
    from vpr_runner.evaluation.report import Report

__all__ = ["evaluate"]

EPILOG = """\b
Examples:
  vpr eval runs/first                                       the split that eval.split names
  vpr eval runs/first --split val --set eval.recall_at='[1, 5, 10, 20, 50]'
  vpr eval runs/first --set dataset='{type: folder, root: photos}'   another data set
  vpr eval run.yaml                                         the network before training
  vpr eval runs/first --json > report.json
  vpr eval runs/first -o first.json                         keep the report, and compare another network with it:
  vpr eval runs/second --against first.json                 which is better, query by query, or could it be chance?
  vpr eval runs/first --predictions answers.csv --curve pr.png
  vpr eval --from-predictions theirs.csv --dataset '{type: folder, root: photos}' --against first.json
  vpr eval runs/first --html report.html                    a page to look at: map, answers, worst failures first
  vpr eval runs/first --geojson errors.geojson              lines from each query to its first answer
  vpr eval runs/first --calibrate map/                      learn from this split when the map is to be believed
  vpr eval runs/first --dim 256                             first 256 numbers of whitened descriptors
  vpr eval runs/first --set image.size='[480, 640]' --set eval.test_method=five_crops
  vpr eval runs/first --retrieval oxford5k --root data/oxford --query crop      mAP, queries cut by their boxes
  vpr eval runs/first --retrieval holidays --root data/holidays --dim 256

Retrieval benchmarks: oxford5k, paris6k, holidays, holidays-upright; `vpr data fetch NAME` says where they come from.
Images keep their size there, whatever image.size says (Holidays: at most 1024 x 768 pixels in area)."""

ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Run directory, model file, a name (vpr models), or a run file (the untrained network).",
        show_default=False,
        autocompletion=model_name,
    ),
]


def evaluate(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL]",
            help="Run directory, model file, a name (vpr models), or a run file (the untrained network).",
            show_default=False,
            autocompletion=model_name,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Short for --set eval.split=NAME.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write the report here too.")
    ] = None,
    html: HtmlOption = None,
    tiles: TilesOption = None,
    geojson: GeojsonOption = None,
    kml: KmlOption = None,
    table: CsvOption = None,
    compared: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE.json", help="Compare with this report of another network."),
    ] = None,
    calibrated: Annotated[
        Path | None,
        typer.Option("--calibrate", metavar="MAP", help="Learn when this map is to be believed; see `vpr calibrate`."),
    ] = None,
    retrieval: Annotated[
        str | None, typer.Option("--retrieval", metavar="NAME", help="mAP on this retrieval benchmark instead.")
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", metavar="DIR", help="Where the benchmark lies.")] = None,
    query: Annotated[
        Literal["full", "crop"], typer.Option("--query", help="Of the benchmark: whole images, or cut by their boxes.")
    ] = "full",
    receptive_field: Annotated[
        int | None,
        typer.Option(
            "--receptive-field",
            min=1,
            metavar="N",
            help="Pixels; boxes grow by half. Default: counted from the layers.",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", metavar="FILE", help="Write the answers: .csv, .jsonl, .txt or .zip (MSLS)."),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            "--from-predictions", metavar="FILE", help="Score these answers of any tool instead of a network."
        ),
    ] = None,
    dataset_text: Annotated[
        str | None, typer.Option("--dataset", metavar="BLOCK", help="With --from-predictions: as a run file writes it.")
    ] = None,
    curve: Annotated[
        Path | None, typer.Option("--curve", metavar="FILE.png", help="Draw precision and recall of first answers.")
    ] = None,
    timed: Annotated[bool, typer.Option("--time", help="Measure milliseconds an image as well.")] = False,
    dim: Annotated[
        int | None, typer.Option("--dim", min=1, metavar="N", help="Keep the first N numbers of whitened descriptors.")
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a network: recall@N on a split, or mAP on a retrieval benchmark; with intervals and the protocol."""
    from vpr_core import UsageError

    if calibrated is not None:
        others: dict[str, Any] = {
            "--html": html,
            "--against": compared,
            "--retrieval": retrieval,
            "--from-predictions": given,
        }
        others |= {"--predictions": predictions, "--curve": curve, "--dim": dim, "--time": timed or None}
        for option, value in others.items():
            if value is not None:
                raise UsageError(f"--calibrate: asks a map, and {option} is about an evaluation; leave out one of them")
        from vpr_runner.cli.calibrate import calibrate, calibrate_by_split

        common: dict[str, Any] = {"output": output, "plugin": plugin, "device": device}
        common |= {"quiet": quiet, "as_json": as_json}
        if model is None:
            calibrate(calibrated, split=split, settings=settings, **common)
        else:
            settings = [*(settings or ()), *([f"eval.split={split}"] if split else ())]
            calibrate_by_split(calibrated, model, settings=settings, **common)
        return
    if compared is not None and (retrieval is not None or as_json):
        raise UsageError("--against: compares recalls, as text; leave out --retrieval and --json")
    pages = Pages(html=html, tiles=tiles, geojson=geojson, kml=kml, csv=table)
    if pages and retrieval is not None:
        raise UsageError("--html and tables: a retrieval benchmark has no positions to show; leave out one of the two")
    if given is not None:
        if model is not None and model.suffix not in {".yaml", ".yml"} and not (model / "config.yaml").is_file():
            raise UsageError("--from-predictions: name a run file (or --dataset) for the data set; no network is used")
        if split is not None:
            settings = [*(settings or ()), f"eval.split={split}"]
        earlier = None if compared is None else earlier_report(compared)
        from vpr_runner.cli.predictions import scored

        found_report, found_split = scored(
            given, model, dataset=dataset_text, settings=settings, plugins=plugin, quiet=quiet
        )
        _tell(found_report, found_split, output=output, as_json=as_json, predictions=predictions, curve=curve)
        _draw(pages, found_split, found_report)
        if earlier is not None:
            print(against(found_report.as_dict(), earlier, name=str(compared)))
        return
    if model is None:
        raise UsageError("which network? Name a run directory, a model file or a run file; or --from-predictions FILE")
    if dataset_text is not None:
        raise UsageError("--dataset belongs to --from-predictions; of a network it is --set dataset='{type: ...}'")
    if retrieval is not None:
        from vpr_runner.cli.retrieval import field_of_view, open_benchmark

        benchmark = open_benchmark(retrieval, root, split)
        retriever, config, registry = open_model(
            model,
            plugins=plugin,
            settings=settings,
            device=device,
            quiet=quiet,
            builds={"dataset", "index", "runtime", "reranker", "sequence"},
        )
        _shorten(retriever, dim)

        from vpr_runner.evaluation.benchmark import evaluate_benchmark

        if query == "crop" and receptive_field is None:
            receptive_field = field_of_view(retriever)
        found = evaluate_benchmark(
            retriever,
            benchmark,
            config,
            query=query,
            receptive_field=receptive_field,
            progress=not quiet,
            registry=registry,
        )
        _show(found.as_dict(), str(found), output=output, as_json=as_json)
        return
    if root is not None or query != "full" or receptive_field is not None:
        raise UsageError("--root, --query and --receptive-field belong to --retrieval NAME")
    if split is not None:
        settings = [*(settings or ()), f"eval.split={split}"]
    other = None if compared is None else earlier_report(compared)  # before anything takes time
    retriever, config, registry = open_model(
        model,
        plugins=plugin,
        settings=settings,
        device=device,
        quiet=quiet,
        builds={"dataset", "index", "runtime", "reranker", "sequence"},
    )
    _shorten(retriever, dim)

    from vpr_core.config import to_yaml
    from vpr_data import coordinates
    from vpr_runner import evaluate as run
    from vpr_runner.cli.predictions import hand_in
    from vpr_runner.data import open_dataset, split_named
    from vpr_runner.evaluation.answered import answered
    from vpr_runner.evaluation.data_fingerprint import fingerprint_of_data

    dataset = open_dataset(config.dataset, registry)
    asked = split_named(dataset, config.eval.split, purpose="eval.split")
    if getattr(asked, "secret", False):
        more = bool(pages) or as_json or timed or any(item is not None for item in (output, curve, other))
        hand_in(
            lambda: answered(retriever, asked, config, registry=registry, progress=not quiet).answers,
            asked,
            predictions=predictions,
            others=more,
        )
        return
    pages.check(tied=coordinates(asked.database) is not None)
    data = fingerprint_of_data(dataset)
    report = run(retriever, asked, config, registry=registry, data=data, timed=timed, progress=not quiet)
    _tell(report, asked, output=output, as_json=as_json, predictions=predictions, curve=curve)
    _draw(pages, asked, report, run_file=to_yaml(config) if pages else "")
    if other is not None:
        print(against(report.as_dict(), other, name=str(compared)))


def _tell(
    report: Report,
    split: PlaceSplit,
    *,
    output: Path | None,
    as_json: bool,
    predictions: Path | None,
    curve: Path | None,
) -> None:
    from vpr_runner.cli.predictions import write_extras
    from vpr_runner.cli.report import as_text

    _show(report.as_dict(), as_text(report), output=output, as_json=as_json)
    write_extras(report, split, predictions=predictions, curve=curve)


def _draw(pages: Pages, split: PlaceSplit, report: Report, *, run_file: str = "") -> None:
    """Write the page of the worst and the tables of all."""
    if not pages:
        return
    from vpr_runner.pages.of_eval import of_eval

    pages.write(lambda: of_eval(split, report, run=run_file), lambda: of_eval(split, report, most=None))


def _shorten(retriever: Retriever, dim: int | None) -> None:
    """Keep the first numbers of whitened descriptors, at unit length: the largest components come first."""
    from vpr_core import UsageError

    if dim is None:
        return
    if retriever.whitening is None:
        raise UsageError(
            "--dim: the first numbers of a descriptor are the largest components only behind PCA whitening"
        )
    if dim > retriever.out_dim:
        raise UsageError(f"--dim: {dim} numbers of descriptors that have {retriever.out_dim}")
    retriever.whitening = retriever.whitening.truncated(dim)


def _show(facts: dict[str, Any], text: str, *, output: Path | None, as_json: bool) -> None:
    if output is not None:
        from vpr_runner.files.atomic import write_json

        write_json(output, facts)
    if as_json:
        import json

        print(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(text)
