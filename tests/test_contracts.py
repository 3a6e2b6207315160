"""Every component that is installed keeps the contract of its kind."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import KINDS, build_registry
from vpr_core.testing import (
    BackboneContract,
    DatasetContract,
    EngineContract,
    IndexContract,
    LoggerContract,
    LossContract,
    MinerContract,
    PoolingContract,
    RerankerContract,
    RuntimeContract,
    SequenceContract,
    Trial,
    over_registry,
)

REGISTRY = build_registry()
BUILT_IN = {
    "backbone": {"tiny", "alexnet", "vgg16", "resnet18", "timm"},
    "pooling": {"netvlad", "gem", "max", "avg"},
    "loss": {"weakly_supervised_ranking", "triplet_single"},
    "miner": {"random_negatives", "hard_negatives", "partial_negatives"},
    "dataset": {"city", "folder", "pairs", "none", "msls", "nordland", "sf_xl", "17places"},
    "index": {"flat", "hnsw"},
    "engine": {"local"},
    "reranker": {"query_expansion", "k_reciprocal", "rootsift", "dense"},
    "sequence": {"seqslam", "mean", "concatenation", "delta", "forward_filter", "viterbi", "msls"},
    "runtime": {"torch"},
    "logger": {"csv"},
}
QUICK = {"tiny", "resnet18", "squeezenet1_1", "mobilenet_v3_small"}
NO_DOWNLOAD = {"weights": "imagenet weights are a download, a file has to exist; vpr-backbones tests both"}


def test_every_plugin_loads() -> None:
    assert REGISTRY.failures == ()


def test_every_kind_is_here() -> None:
    assert set(BUILT_IN) == set(KINDS)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_no_kind_is_empty(kind: str) -> None:
    """A contract over nothing passes: make sure that there is something."""
    assert {spec.name for spec in REGISTRY.specs(kind)} >= BUILT_IN[kind]


def installed(kind: str, trials: Mapping[str, Trial]) -> dict[str, Trial]:
    """Trials of plug-ins, as far as they are here: without one of them nothing else changes."""
    names = {spec.name for spec in REGISTRY.specs(kind)}
    return {name: trial for name, trial in trials.items() if name in names}


def backbone_trials() -> dict[str, Trial | list[Trial]]:
    """Random weights; the large networks only in the slow run."""
    trials: dict[str, Trial | list[Trial]] = {}
    for spec in REGISTRY.specs("backbone"):
        if "weights" in spec.config.model_fields and spec.name != "timm":
            marks = () if spec.name in QUICK else (pytest.mark.slow,)
            trials[spec.name] = Trial(parameters={"weights": "none"}, inert=NO_DOWNLOAD, marks=marks)
    trials["timm"] = Trial(
        parameters={"model": "test_resnet", "weights": "none"},
        other={"cut": ["layer2"], "train_from": ["none"]},
        inert=NO_DOWNLOAD
        | {
            "model": "another network has other stages; vpr-backbones tests several",
            "final_norm": "of networks that end in a normalisation",
            "padding": "of networks with TensorFlow's padding",
            "batch_norm_eps": "of networks whose weights come from TensorFlow",
        },
    )
    opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed (extra sift)")
    trials["rootsift"] = Trial(parameters={"bin_sizes": [4]}, other={"bin_sizes": [(6,)]}, marks=(opencv,))
    for spec in REGISTRY.specs("backbone"):
        if REGISTRY.origin("backbone", spec.name).distribution == "vpr-torchhub":
            trials[spec.name] = Trial(skip="is a download; vpr-torchhub tests it on made-up checkouts")
    return trials


def road(folder: Path) -> Mapping[str, Any]:
    """A folder with a table: 40 database images and 12 queries along a road, at three times."""
    from PIL import Image

    generator = np.random.default_rng(0)
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "x", "y", "time", "place", "role"])
        for role, count in (("database", 40), ("queries", 12)):
            for number in range(count):
                name = f"{role}-{number}.jpg"
                x = number * (8.0 if role == "database" else 26.0)
                writer.writerow([name, x, generator.uniform(0, 4), number % 3, int(x // 16), role])
                pixels = generator.integers(0, 255, size=(12, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name)
    return {"root": folder, "table": "table.csv"}


@over_registry(REGISTRY, "backbone", backbone_trials())
class TestBackbones(BackboneContract):
    pass


@over_registry(
    REGISTRY,
    "pooling",
    {
        "netvlad": [
            Trial(
                parameters={"num_clusters": 5},
                label="v1",
                inert={"normalize_input": "must be true in the form v1; tried in the form v2"},
            ),
            Trial(parameters={"num_clusters": 5, "form": "v2"}, label="v2"),
        ],
        "vlad": Trial(
            parameters={"num_clusters": 5},
            inert={"ignore_zeros": "the map has no location without features"},
            # Rounded features go over to another cluster whole, where two centres are about as near.
            options={"bfloat16_cosine": 0.95},
        ),
    }
    | installed(
        "pooling",
        {
            "finished": Trial(options={"map_size": (1, 1), "any_size": False}),
            "boq": Trial(parameters={"channels": 16, "num_queries": 4, "rows": 4, "head_dim": 8}),
            "mixvpr": Trial(parameters={"channels": 8, "rows": 2, "depth": 2}, options={"any_size": False}),
            "salad": Trial(
                parameters={"num_clusters": 4, "cluster_dim": 8, "token_dim": 8, "hidden": 16},
                options={"min_locations": 5},
            ),
        },
    ),
)
class TestPoolings(PoolingContract):
    pass


@over_registry(
    REGISTRY,
    "loss",
    {"triplet_single": Trial(options={"ordered": True})}
    | installed(
        "loss",
        {
            "cross_batch_memory": Trial(
                parameters={"size": 20},
                other={"loss": [{"type": "circle"}], "start": [1, 2]},
                options={"stateless": False},
            ),
        },
    ),
)
class TestLosses(LossContract):
    pass


@over_registry(
    REGISTRY,
    "miner",
    {
        "hard_negatives": Trial(parameters={"pool": 20, "keep": 4, "remember": 3}),
        "partial_negatives": Trial(parameters={"pool": 20, "keep": 4}),
        "random_negatives": Trial(parameters={"keep": 4}),
    },
)
class TestMiners(MinerContract):
    pass


def tree_trials() -> dict[str, Trial | list[Trial]]:
    """Published sets on the small trees of vpr-data's tests."""
    path = Path(__file__).parents[1] / "packages" / "vpr-data" / "tests" / "published" / "trees.py"
    spec = spec_from_file_location("vpr_data_trees_of_contracts", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    trials: dict[str, Trial | list[Trial]] = {}
    for label, make in module.TREES.items():
        if label in module.FORMS:
            continue  # another form of a set that is tried
        kind, other = module.OTHER.get(label, (label, {}))

        def parameters(folder: Path, make: Callable[[Path], Any] = make) -> Mapping[str, Any]:
            return {"root": folder, **make(folder).options}

        fields = REGISTRY.get("dataset", kind).config.model_fields
        inert = {field: "where the files are" for field in ("root", "metadata") if field in fields}
        inert |= module.INERT.get(label, {})
        trials[kind] = Trial(parameters=parameters, other=other, inert=inert)
    return trials


PUBLISHED = "its images are a download; vpr-data tests it on made-up ones"
TREES = tree_trials()


@over_registry(
    REGISTRY,
    "dataset",
    {
        "city": Trial(
            parameters=lambda folder: {"size": "small", "root": folder.parent / "city"},
            inert={
                "size": "the next size renders for minutes",
                "seed": "a second city takes as long to render as the first",
                "root": "where the images are kept",
            },
        ),
        "folder": Trial(
            parameters=road,
            other={"name": ["another"], "columns": [{"place": "time"}], "unit": ["place"]},
            inert=dict.fromkeys(
                ("root", "table", "database", "queries", "positions", "npz", "gpx", "gpx_offset"),
                "where positions come from",
            ),
        ),
    }
    | TREES
    | {"pairs": Trial(skip="its truth is listed, not measured by radii; vpr-data tests it")}
    | {"none": Trial(skip="has no split; test_map.py searches a map that has it")}
    | installed("dataset", {"gsv_cities": Trial(skip="is a download; vpr-metric-learning tests it on made-up images")})
    | {
        spec.name: Trial(skip=PUBLISHED)
        for spec in REGISTRY.specs("dataset")
        if spec.name not in ("city", "folder", "pairs", "none", *TREES)
        and REGISTRY.origin("dataset", spec.name).distribution == "vpr-data"
    },
)
class TestDatasets(DatasetContract):
    pass


RESCORE = {"rescore": "needs the original rows, which `add` does not keep; vpr-eval/test_compressed.py hands them over"}


@over_registry(
    REGISTRY,
    "index",
    {
        "hnsw": [
            Trial(
                label="wide",
                options={"exact": False},
                inert=dict.fromkeys(
                    ("links", "ef_construction", "ef_search", "threads"), "finds all of so few descriptors anyhow"
                ),
            ),
            Trial(
                label="thin",
                parameters={"links": 2, "ef_construction": 4, "ef_search": 1},
                options={"exact": False, "min_recall": 0.2, "size": 3000},
                inert={"threads": "how many threads build it; with more than one no two builds are alike"},
                other={"links": [3, 4], "ef_construction": [16, 64], "ef_search": [64, 256]},
            ),
        ],
        "ivf_sq": Trial(
            parameters={"lists": 8, "probes": 4},
            inert=RESCORE,
            options={"exact": False, "min_recall": 0.8, "distance_tolerance": 2e-3},
        ),
        "ivf_pq": Trial(
            parameters={"lists": 8, "probes": 4, "parts": 8},
            inert=RESCORE,
            options={"exact": False, "min_recall": 0.5, "distance_tolerance": 0.5},
        ),
        "ivf_rabitq": Trial(
            parameters={"lists": 8, "probes": 4},
            inert=RESCORE,
            options={"exact": False, "min_recall": 0.5, "distance_tolerance": 0.8, "dim": 32},
        ),
        "binary": [
            Trial(
                inert=RESCORE | {"seed": "of the rotation"},
                options={"exact": False, "min_recall": 0.3, "distance_tolerance": 0.8, "dim": 32},
            ),
            Trial(
                label="rotated",
                parameters={"rotate": True},
                inert=RESCORE,
                options={"exact": False, "min_recall": 0.3, "distance_tolerance": 0.8, "dim": 32},
            ),
        ],
    }
    | installed(
        "index",
        {
            "qdrant": Trial(
                options={"switch": 0},  # one query after the other, whatever their number
                inert=dict.fromkeys(("path", "url", "api_key_variable", "collection", "replace"), "where it lies")
                | dict.fromkeys(("prefer_grpc", "grpc_port", "timeout", "batch"), "how it is asked")
                | dict.fromkeys(("exact", "links", "ef_construction", "ef_search"), "of larger ones")
                | dict.fromkeys(("quantization", "oversampling"), "of larger ones"),
            )
        },
    ),
)
class TestIndexes(IndexContract):
    pass


@over_registry(
    REGISTRY,
    "engine",
    installed("engine", {"ray": Trial(skip="needs a cluster; its own tests bring one")}),
)
class TestEngines(EngineContract):
    pass


# The two nearest images of two sequences lie anywhere in them, and the mean of past images resembles the middle one.
WITHIN = {"near": 4}
SEQUENCES: dict[str, Trial | list[Trial]] = {
    "seqslam": [Trial(), Trial(label="plain", parameters={"contrast": 0}, other={"contrast": [5], "fastest": [3.0]})],
    "delta": [Trial(), Trial(label="matched", parameters={"matched": 4})],
    "msls": [
        Trial(
            label=f"{task}-{fusion}",
            parameters={"task": task, "fusion": fusion},
            other={"length": [3, 7]},
            options=WITHIN if fusion == "closest" or task == "seq2im" else {},
        )
        for task in ("im2seq", "seq2im", "seq2seq")
        for fusion in ("closest", "mean")
    ],
}
RERANKERS: dict[str, Trial | list[Trial]] = {
    "k_reciprocal": Trial(other={"k2": [3]}),
    "rootsift": Trial(
        marks=(pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed (extra opencv)"),),
        other={"keypoints": [60], "sure": [5]},
    ),
    **installed("reranker", {"vismatch": Trial(skip="its weights are a download; vpr-vismatch tests it on a fake")}),
    "dense": Trial(other={"patches": [(3, 4, 6)], "weights": [(1.0, 1.0, 1.0)], "sure": [0.01]}),
}
"""How to try one by its name; a component that is not named is tried with its defaults."""

if REGISTRY.specs("sequence"):

    @over_registry(REGISTRY, "sequence", SEQUENCES)
    class TestSequences(SequenceContract):
        pass


if REGISTRY.specs("reranker"):

    @over_registry(REGISTRY, "reranker", RERANKERS)
    class TestRerankers(RerankerContract):
        pass


@over_registry(
    REGISTRY,
    "runtime",
    installed("runtime", {"openvino": Trial(parameters={"precision": "float32"}, other={"precision": ["int8"]})}),
)
class TestRuntimes(RuntimeContract):
    pass


def csv_keys(folder: Path) -> list[int]:
    """Keys of the records that the logger ``csv`` keeps."""
    (path,) = folder.glob("*.csv")
    with path.open(encoding="utf-8", newline="") as stream:
        return [int(row["key"]) for row in csv.DictReader(stream)]


@over_registry(
    REGISTRY,
    "logger",
    {"csv": Trial(options={"keys": csv_keys}, other={"file": ["other.csv"]})}
    | installed("logger", {"tensorboard": Trial(skip="its own tests read its files with TensorBoard's reader")}),
)
class TestLoggers(LoggerContract):
    pass
