"""Test methods and scales, against loops that do it one query at a time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate, normalize

from vpr_core import ConfigError, UsageError
from vpr_core.config import parse_run
from vpr_data import load_image, resize_image
from vpr_eval import Neighbours
from vpr_runner import assemble, evaluate
from vpr_runner.data import split_of
from vpr_runner.evaluation.views import Views, agreed, nearest_of_views
from vpr_runner.network.multi_scale import MultiScale

SIZES = [(40, 55), (61, 33), (32, 40), (47, 90), (37, 37)]
METHODS = ["hard_resize", "single_query", "central_crop", "five_crops", "nearest_crop", "maj_voting"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("views")


@pytest.fixture
def work(make_config: Any, engine_registry: Any, base: Path) -> Any:
    """A network and a split whose queries have five shapes, each with something of its own beyond the middle."""
    config = make_config(
        dataset={"root": str(base / "d"), "places": 15, "noise": 0.8},
        image={"size": [32, 40]},
        eval={"recall_at": [1, 5], "bootstrap": 0, "majority_weight": 0.05},
    )
    split = split_of(config.dataset, engine_registry, name=config.eval.split)
    for row in range(len(split.queries)):
        pixels = load_image(split.queries.path(row))
        height, width = SIZES[row % len(SIZES)]
        if pixels.shape[:2] != (height, width):
            resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
            resized.save(split.queries.path(row))
    return assemble(config, engine_registry).eval(), split, config


def views_of(path: Path, method: str) -> list[torch.Tensor]:
    """The views of one query at ``image.size`` [32, 40], as the benchmark describes them."""
    image = torch.from_numpy(load_image(path)).permute(2, 0, 1)
    height, width = image.shape[1:]
    if method == "hard_resize":
        return [resize_image(image, (32, 40))]
    if method == "central_crop":
        scale = max(32 / height, 40 / width)
        h, w = max(32, round(height * scale)), max(40, round(width * scale))
        top, left = (h - 32) // 2, (w - 40) // 2
        return [resize_image(image, (h, w))[:, top : top + 32, left : left + 40]]
    short = min(height, width)
    h, w = (32 if side == short else math.floor(32 * side / short) for side in (height, width))
    image = resize_image(image, (h, w))
    if method == "single_query":
        return [image]
    functional = pytest.importorskip("torchvision.transforms.functional")
    return list(functional.five_crop(image, 32))


def described(retriever: Any, images: list[torch.Tensor]) -> np.ndarray:
    with torch.inference_mode():
        return np.concatenate([retriever(image[None].contiguous()).numpy() for image in images]).astype(np.float64)


@pytest.mark.parametrize("method", METHODS)
def test_answers_are_those_of_a_loop(work: Any, engine_registry: Any, method: str) -> None:
    retriever, split, config = work
    settings = config.eval.model_copy(update={"test_method": method})
    config = config.model_copy(update={"eval": settings})
    report = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    database = described(
        retriever,
        [views_of(split.database.path(row), "hard_resize")[0] for row in range(len(split.database))],
    )
    for query in range(len(split.queries)):
        views = described(retriever, views_of(split.queries.path(query), method))
        if method == "five_crops":
            views = views.mean(axis=0, keepdims=True)
            views /= np.linalg.norm(views)
        squared = ((views[:, None] - database[None]) ** 2).sum(axis=2)
        ranks = np.argsort(squared, axis=1, kind="stable")[:, :5]
        score: dict[int, float] = {}
        for row, order in enumerate(ranks):
            for place, image in enumerate(order):
                value = squared[row, image]
                if method == "maj_voting":
                    for n in (1, 5, 10):
                        votes = (ranks[:, :n] == image).sum()
                        value -= 0.05 * votes / n if votes > 1 and place < n else 0.0
                score[int(image)] = min(score.get(int(image), np.inf), value)
        expected = sorted(score, key=lambda image: score[image])[:5]
        assert report.answers is not None
        assert report.answers.index[query].tolist() == expected
        found = report.answers.distance[query]
        assert found == pytest.approx([math.sqrt(max(0.0, score[image])) for image in expected], abs=2e-3)
    suffix = "" if method == "hard_resize" else f"+{method}"
    assert report.protocol == f"{split.protocol}{suffix}"


def test_a_query_that_cannot_be_read_has_failed_whatever_is_seen_of_it(
    work: Any, engine_registry: Any, tmp_path: Path
) -> None:
    retriever, split, config = work
    bad = split.queries.path(3)
    before = bad.read_bytes()
    bad.write_bytes(b"no image")
    try:
        for method in ("single_query", "five_crops", "nearest_crop"):
            settings = config.eval.model_copy(update={"test_method": method})
            compute = config.compute.model_copy(update={"on_bad_image": "skip"})
            changed = config.model_copy(update={"eval": settings, "compute": compute})
            report = evaluate(retriever, split, changed, registry=engine_registry, progress=False)
            assert list(report.unreadable_queries) == [split.queries.names[3]]
            assert report.answers is not None
            assert (report.answers.index[3] == -1).all()
            assert (np.delete(report.answers.index, 3, axis=0) >= 0).all()
            assert report.counted == 15
    finally:
        bad.write_bytes(before)


def test_an_image_counts_once_where_it_is_nearest() -> None:
    index = np.array([[4, 2, 7], [2, 4, 9], [5, -1, -1], [4, 2, 7], [7, 9, 2]])
    distance = np.array([[0.5, 0.6, 0.9], [0.4, 0.7, 0.8], [0.45, np.inf, np.inf], [1, 1.1, 1.2], [0.9, 1.0, 1.3]])
    views = Views(method="nearest_crop", size=(32, 40))
    found = nearest_of_views(Neighbours(distance.astype(np.float32), index), views)
    assert found.index.tolist() == [[2, 5, 4]]
    assert found.distance[0] == pytest.approx([0.4, 0.45, 0.5], abs=1e-6)


def test_agreement_is_what_takes_off_and_one_voice_is_none() -> None:
    index = np.array([[1, 2], [1, 3], [4, 2]])
    squared = np.ones((3, 2))
    found = agreed(index, squared, weight=0.1)
    # 1: two of the first one, two of the first five, two of the first ten; 2: two of five and of ten.
    assert found == pytest.approx(np.array([[1 - 0.2 - 0.04 - 0.02, 1 - 0.06], [1 - 0.26, 1], [1, 1 - 0.06]]))
    assert (squared == 1).all()


@pytest.mark.parametrize("multiple", [1, 8])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_scales_are_averaged_and_renormalised(work: Any, multiple: int, dtype: torch.dtype) -> None:
    retriever, _, _ = work
    images = torch.randint(0, 256, (3, 3, 48, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    given = images if dtype == torch.uint8 else images.float() / 255
    scales = (1.0, 0.7071, 1.4142)
    with torch.inference_mode():
        found = MultiScale(retriever=retriever, scales=scales, multiple=multiple)(given)
        parts = []
        for scale in scales:
            size = [multiple * round(side * scale / multiple) for side in (48, 40)]
            scaled = interpolate(images.double() / 255, size=size, mode="bilinear", antialias=True)
            parts.append(retriever(scaled.float()).double())
        expected = normalize(torch.stack(parts).mean(dim=0), dim=1)
    assert torch.allclose(found.double(), expected, atol=2e-5)
    assert found.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_scales_are_an_option_of_evaluation(work: Any, engine_registry: Any) -> None:
    retriever, split, config = work
    settings = config.eval.model_copy(update={"scales": (1.0, 0.75)})
    report = evaluate(
        retriever, split, config.model_copy(update={"eval": settings}), registry=engine_registry, progress=False
    )
    plain = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    assert report.protocol == f"{split.protocol}+scales1,0.75"
    assert report.provenance["scales"] == [1.0, 0.75]
    assert "scales" not in plain.provenance
    assert report.provenance["model"] == plain.provenance["model"]
    assert report.answers is not None
    assert plain.answers is not None
    assert not np.allclose(report.answers.distance, plain.answers.distance)


RUN = "dataset: {type: city}\npooling: {type: gem}\n"
VIT = "backbone: {type: timm, model: vit_base_patch16_224}\n"
TINY = "backbone: {type: tiny}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{TINY}eval: {{test_method: five_crops}}", r"eval\.test_method: got five_crops, .* image\.size"),
        (f"{TINY}eval: {{scales: [1, 1.0]}}", "names one twice"),
        (f"{TINY}eval: {{scales: [0]}}", r"eval\.scales"),
        (
            f"{VIT}image: {{size: [240, 320]}}\neval: {{test_method: single_query}}",
            r"single_query keeps the shape of queries; write image\.multiple: 16",
        ),
        (
            f"{VIT}image: {{size: [240, 320], multiple: 16}}\neval: {{test_method: central_cut}}",
            r"eval\.test_method: got 'central_cut'",
        ),
    ],
)
def test_what_cannot_be_seen_is_refused_before(engine_registry: Any, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_run(RUN + text, engine_registry)


def test_a_run_made_in_python_is_asked_too(work: Any, engine_registry: Any) -> None:
    retriever, split, config = work
    image = config.image.model_copy(update={"size": None})
    settings = config.eval.model_copy(update={"test_method": "five_crops"})
    changed = config.model_copy(update={"image": image, "eval": settings})
    with pytest.raises(UsageError, match=r"cuts queries by image\.size"):
        evaluate(retriever, split, changed, registry=engine_registry, progress=False)
