"""Occlusion and assignment maps against plain loops; marks of answers; what the pictures are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_core import UsageError
from vpr_runner import assemble
from vpr_runner.explain import assignment_maps, occlusion_map, retrieval_examples
from vpr_runner.explain.assignment import largest_clusters
from vpr_runner.explain.pictures import (
    GREEN,
    heat_over,
    labelled,
    photograph,
    save_png,
    shown_at,
    side_by_side,
    stacked,
)

GREY = (0.2, 0.5, 0.7)


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(3, 45, 62, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network(make_config: Any, engine_registry: Any) -> Any:
    config = make_config(backbone={"type": "tiny", "width": 0.25}, pooling={"type": "netvlad", "num_clusters": 5})
    return assemble(config, engine_registry).double().eval()


@pytest.mark.parametrize(("window", "stride"), [(11, 7), (20, 20), (1, 15), (200, 31)])
def test_occlusion_equals_a_loop_over_squares(network: Any, image: torch.Tensor, window: int, stride: int) -> None:
    image = image.double()
    match = network(image.flip(-1)[None])[0].detach()
    found = occlusion_map(network, image, fill=GREY, window=window, stride=stride, match=match, batch=5)
    rows, columns = max(1, 45 // stride), max(1, 62 // stride)
    assert found.change.shape == (rows, columns)
    with torch.no_grad():
        whole = network(image[None])[0]
        for i in range(rows):
            for j in range(columns):
                y = (45 - (rows - 1) * stride) / 2 + i * stride
                x = (62 - (columns - 1) * stride) / 2 + j * stride
                assert (found.rows[i], found.columns[j]) == (y, x)
                hidden = image.clone()
                for row in range(45):
                    for column in range(62):
                        above, left = row - math.floor(y - window / 2 + 0.5), column - math.floor(x - window / 2 + 0.5)
                        if 0 <= above < window and 0 <= left < window:
                            hidden[:, row, column] = torch.tensor(GREY, dtype=torch.float64)
                descriptor = network(hidden[None])[0]
                assert float(found.change[i, j]) == pytest.approx(math.dist(descriptor, whole), abs=1e-9)
                farther = math.dist(descriptor, match) - math.dist(whole, match)
                assert found.farther is not None
                assert float(found.farther[i, j]) == pytest.approx(farther, abs=1e-9)


def test_occlusion_does_not_depend_on_the_batch_and_counts_its_squares(network: Any, image: torch.Tensor) -> None:
    done: list[int] = []
    one = occlusion_map(network, image.double(), fill=GREY, window=9, stride=13, batch=1)
    many = occlusion_map(network, image.double(), fill=GREY, window=9, stride=13, batch=7, tick=done.append)
    torch.testing.assert_close(one.change, many.change, atol=1e-12, rtol=0)
    assert many.farther is None
    assert sum(done) == many.change.numel() == 12
    assert max(done) == 7
    before = image.clone()
    occlusion_map(lambda images: images.flatten(1).double(), image, fill=GREY, window=9, stride=13)
    assert torch.equal(image, before)


def test_a_square_over_what_does_not_count_changes_nothing(image: torch.Tensor) -> None:
    """A descriptor of the left half alone: only squares that reach into it matter."""
    found = occlusion_map(lambda images: images[..., :31].flatten(1), image, fill=GREY, window=10, stride=6)
    for column, values in zip(found.columns, found.change.T, strict=True):
        assert (values > 0).all() == (column - 5 < 30.5)
        assert values.any() == (column - 5 < 30.5)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [({"window": 0}, "window must be at least 1, got 0"), ({"stride": 0}, "stride must"), ({"batch": 0}, "batch must")],
)
def test_wrong_numbers_and_shapes(image: torch.Tensor, arguments: dict[str, int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        occlusion_map(lambda images: images.flatten(1), image, fill=GREY, **arguments)
    with pytest.raises(ValueError, match=r"image must have the shape \(3, H, W\), got \(1, 3, 45, 62\)"):
        occlusion_map(lambda images: images.flatten(1), image[None], fill=GREY)


def test_assignment_maps_equal_the_softmax_of_each_location(network: Any, image: torch.Tensor) -> None:
    images = torch.stack([image, image.flip(-1)])
    network.float()
    maps = assignment_maps(network, images).double()
    with torch.no_grad():
        features = network.features(images).double()
    weight = network.pooling.assignment_weight.detach().double()
    for b in range(2):
        for i in range(features.shape[2]):
            for j in range(features.shape[3]):
                x = features[b, :, i, j]
                scores = [float(w @ x / x.norm()) for w in weight]
                total = sum(math.exp(score - max(scores)) for score in scores)
                for k, score in enumerate(scores):
                    assert float(maps[b, k, i, j]) == pytest.approx(math.exp(score - max(scores)) / total, abs=2e-4)
    torch.testing.assert_close(maps.sum(dim=1), torch.ones_like(maps[:, 0]), atol=1e-6, rtol=0)
    mass = [float(maps[0, k].sum()) for k in range(5)]
    assert largest_clusters(maps[0], 3) == sorted(range(5), key=lambda k: -mass[k])[:3]


def test_a_layer_without_clusters_has_no_maps(make_config: Any, engine_registry: Any) -> None:
    retriever = assemble(make_config(pooling={"type": "max"}), engine_registry)
    with pytest.raises(UsageError, match="MaxPooling assigns nothing to clusters; assignment maps are for netvlad"):
        assignment_maps(retriever, torch.zeros(1, 3, 32, 32))


def test_answers_are_marked_by_the_ground_truth() -> None:
    index = np.array([[4, 2, 9, -1], [1, 0, 3, 2], [-1, -1, -1, -1]])
    positives = [np.array([2, 7]), np.array([], dtype=np.int64), np.array([1])]
    found = retrieval_examples(index, positives, queries=[5, 6, 8], top=3)
    assert [example.query for example in found] == [5, 6, 8]
    assert [example.answers for example in found] == [(4, 2, 9), (1, 0, 3), ()]
    assert [example.right for example in found] == [(False, True, False), (False,) * 3, ()]
    assert [example.match for example in found] == [2, 1, None]


def test_pictures(tmp_path: Any, image: torch.Tensor) -> None:
    photo = photograph(image)
    assert photo.size == (62, 45)
    np.testing.assert_allclose(np.asarray(photo)[3, 5], (image[:, 3, 5] * 255).round().numpy(), atol=0)
    assert shown_at(photo, low=90).size == (124, 90)
    assert shown_at(photo, low=9, high=15).size == (21, 15)
    assert shown_at(photo, low=9) is photo
    heat = torch.zeros(3, 4)
    heat[0, 3] = 1
    hot = np.asarray(heat_over(photo, heat)).astype(int).sum(axis=2)
    assert hot[2:8, 54:60].mean() > 2 * hot[30:, :20].mean()
    signed = np.asarray(heat_over(Image.new("RGB", (60, 40), "grey"), torch.tensor([[1.0, -1.0]]), signed=True)).astype(
        int
    )
    assert signed[20, 5, 0] > signed[20, 5, 2]
    assert signed[20, 54, 2] > signed[20, 54, 0]
    assert np.isfinite(np.asarray(heat_over(photo, torch.zeros(2, 2), signed=True))).all()
    framed = labelled(photo, "right", colour=GREEN, framed=True)
    assert framed.getpixel((0, 0)) == GREEN
    assert framed.getpixel((10, 10)) == photo.getpixel((6, 6))
    sheet = stacked([side_by_side([framed, photo]), framed])
    save_png(sheet, tmp_path / "deep" / "sheet.png")
    with Image.open(tmp_path / "deep" / "sheet.png") as read:
        assert read.size == sheet.size
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["sheet.png"]


def test_a_split_with_an_image_that_cannot_be_read(make_config: Any, engine_registry: Any, tmp_path: Any) -> None:
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.explain.explanation import Look, explain_split

    blocks = {"dataset": {"root": str(tmp_path / "dots"), "places": 4}, "pooling": {"type": "max"}}
    config = make_config(**blocks, compute={"on_bad_image": "skip", "batch": 3}, image={"size": [24, 32]})
    split = engine_registry.build("dataset", config.dataset).split("test")
    split.queries.path(1).write_bytes(b"broken")
    files, examples = explain_split(
        assemble(config, engine_registry).eval(), split, config.index, registry=engine_registry,
            folder=tmp_path / "out", compute=Compute.of(config.compute, config.image), seed=config.seed,
        look=Look(top=2, stride=12), count=4, progress=False,
    )  # fmt: skip
    assert [example.query for example in examples] == [0, 1, 2, 3]
    assert [len(example.answers) for example in examples] == [2, 0, 2, 2]
    assert [path.parent.name for path in files] == ["out", "occlusion", "occlusion", "occlusion"]
    assert all(path.is_file() for path in files)


def test_queries_whose_first_answer_is_wrong(make_config: Any, engine_registry: Any, tmp_path: Any) -> None:
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.explain.explanation import Look, explain_split

    blocks = {"dataset": {"root": str(tmp_path / "dots"), "places": 4}, "pooling": {"type": "max"}}
    config = make_config(**blocks, compute={"on_bad_image": "skip", "batch": 3}, image={"size": [24, 32]})
    split = engine_registry.build("dataset", config.dataset).split("test")
    for query in (1, 3):
        split.queries.path(query).write_bytes(b"broken")  # finds nothing, which is wrong

    def explained(count: int, *, wrong: bool) -> tuple[list[Any], list[Any]]:
        return explain_split(
            assemble(config, engine_registry).eval(), split, config.index, registry=engine_registry,
            folder=tmp_path / "out", compute=Compute.of(config.compute, config.image), seed=config.seed,
            look=Look(top=2, occlusion=False, wrong=wrong), count=count, progress=False,
        )  # fmt: skip

    _, everything = explained(len(split.queries), wrong=False)
    failed = [example for example in everything if not any(example.right[:1])]
    assert {1, 3} <= {example.query for example in failed} < set(range(len(split.queries)))
    files, found = explained(len(split.queries), wrong=True)
    assert found == failed
    assert [file.name for file in files] == ["retrieval.png"]
    _, some = explained(1, wrong=True)
    assert len(some) == 1
    assert some[0] in failed
