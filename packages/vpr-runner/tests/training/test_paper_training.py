"""The training recipe of the NetVLAD paper, number by number: rates, cache parts, radii, the k-means sample, SGD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpr_core import RunConfig, UsageError
from vpr_core.config import TrainConfig
from vpr_data import EvaluationProtocol, ImageSet, PlaceSplit, TrainingRadii
from vpr_runner import assemble
from vpr_runner.encoding.compute import Compute
from vpr_runner.training.sampling import sample_local_features
from vpr_runner.training.state import make_optimizer, set_rate
from vpr_runner.training.training_set import TrainingSet
from vpr_runner.training.tuples import parts_of


def test_defaults_are_the_papers() -> None:
    train = TrainConfig()
    assert (train.optimizer, train.momentum, train.weight_decay, train.batch) == ("sgd", 0.9, 0.001, 4)
    assert (train.epochs, train.lr_halve_every, train.cache_every, train.cache_grows) == (30, 5, 1000, True)
    assert (train.select, train.val_queries) == ("recall@5", 1000)
    assert (RunConfig.model_fields["init"].default.images, RunConfig.model_fields["init"].default.locations) == (
        500,
        100,
    )


def test_the_rate_is_halved_every_five_epochs_and_the_cache_lives_twice_as_long(make_config: Any) -> None:
    """Epochs count from 0 here: the authors halve at their epochs 6, 11, 16 ..."""
    config = make_config(train={"epochs": 30, "lr": 0.001, "lr_halve_every": 5, "cache_every": 1000})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    order = np.arange(7320)
    for epoch in range(30):
        rate = 0.001
        interval = 1000
        for passed in range(1, epoch + 1):
            if passed % 5 == 0:
                rate, interval = rate / 2, interval * 2
        assert set_rate(optimizer, config.train, epoch) == pytest.approx(rate, rel=1e-12)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-12)
        parts = parts_of(order, config.train, epoch)
        assert [len(part) for part in parts[:-1]] == [interval] * (len(parts) - 1)
        assert 0 < len(parts[-1]) <= interval
        assert np.concatenate(parts).tolist() == order.tolist()
    fixed = make_config(train={"epochs": 30, "lr_halve_every": 5, "cache_every": 1000, "cache_grows": False})
    assert len(parts_of(order, fixed.train, 29)) == 8
    constant = make_config(train={"epochs": 30, "lr_halve_every": 0, "lr": 0.02})
    assert set_rate(optimizer, constant.train, 29) == 0.02


def test_the_optimizer_steps_by_the_authors_rule(make_config: Any, engine_registry: Any) -> None:
    """``v <- 0.9 v - wd w - g``, ``w <- w + lr v``, on the centres and assignment weights too."""
    config = make_config(
        pooling={"type": "netvlad", "num_clusters": 3},
        train={"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.001},
    )
    retriever = assemble(config, engine_registry).double()
    optimizer = make_optimizer(retriever, config.train)
    parameters = dict(retriever.named_parameters())
    assert {"pooling.centroids", "pooling.assignment_weight"} <= set(parameters)
    weight = {name: value.detach().clone() for name, value in parameters.items()}
    velocity = {name: torch.zeros_like(value) for name, value in weight.items()}
    generator = torch.Generator().manual_seed(0)
    for epoch in (0, 4, 5, 11):
        rate = set_rate(optimizer, config.train, epoch)
        for name, parameter in parameters.items():
            parameter.grad = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            velocity[name] = 0.9 * velocity[name] - 0.001 * weight[name] - parameter.grad
            weight[name] = weight[name] + rate * velocity[name]
        optimizer.step()
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.detach(), weight[name], atol=1e-12, rtol=0)


def street(tmp_path: Path, *, training: TrainingRadii) -> PlaceSplit:
    """One query at 0 and database images along a line, at two times."""
    away = (0.0, 0.5, 1.0, 1.5, 9.0, 10.0, 10.5, 24.0, 25.0, 25.5, 300.0)
    database = ImageSet(
        root=tmp_path, names=[f"{n}.jpg" for n in range(len(away))], xy=np.array([[x, 0.0] for x in away]),
        time=np.array([n % 2 for n in range(len(away))]),
    )  # fmt: skip
    queries = ImageSet(root=tmp_path, names=["q.jpg"], xy=np.zeros((1, 2)), time=np.zeros(1, dtype=np.int64))
    return PlaceSplit(
        name="train", database=database, queries=queries, training=training,
        protocol=EvaluationProtocol(name="street", radius=25.0),
    )  # fmt: skip


def prepared(split: PlaceSplit, config: Any) -> tuple[list[int], list[int]]:
    found = TrainingSet.prepare(split, config.train, Compute.of(config.compute, config.image))
    return found.positives[0].tolist(), found.excluded[0].tolist()


def test_positives_lie_within_10_m_and_beyond_1_m_and_the_band_up_to_25_m_is_nobodys(
    tmp_path: Path, make_config: Any
) -> None:
    split = street(tmp_path, training=TrainingRadii(positive=10.0, beyond=1.0, negative=25.0))
    positives, excluded = prepared(split, make_config())
    assert positives == [3, 4, 5]
    assert excluded == list(range(9))  # 10 to 25 m is no negative either; 25.5 m is one


def test_a_positive_has_another_time_stamp_where_the_set_or_the_run_says_so(tmp_path: Path, make_config: Any) -> None:
    stamped = street(tmp_path, training=TrainingRadii(positive=10.0, beyond=1.0, negative=25.0, different_time=True))
    assert prepared(stamped, make_config()) == ([3, 5], list(range(9)))
    asked_not = make_config(train={"positives": {"different_time": False}})
    assert prepared(stamped, asked_not)[0] == [3, 4, 5]
    plain = street(tmp_path, training=TrainingRadii(positive=10.0, negative=25.0))
    assert prepared(plain, make_config())[0] == [0, 1, 2, 3, 4, 5]
    assert prepared(plain, make_config(train={"positives": {"different_time": True, "beyond": 1}}))[0] == [3, 5]


def test_other_radii_of_the_run_file(tmp_path: Path, make_config: Any) -> None:
    split = street(tmp_path, training=TrainingRadii(positive=10.0, beyond=1.0, negative=25.0))
    wide = make_config(train={"positives": {"within": 24.0}, "negatives_beyond": 100.0})
    assert prepared(split, wide) == ([3, 4, 5, 6, 7], list(range(10)))
    with pytest.raises(UsageError, match=r"train.negatives_beyond: 5 is less than train.positives.within \(10\)"):
        prepared(split, make_config(train={"negatives_beyond": 5.0}))
    none = make_config(train={"positives": {"within": 0.8, "beyond": 0.6}})
    with pytest.raises(UsageError, match=r"none of the 1 queries .* within 0.8 and beyond 0.6"):
        prepared(split, none)


def test_the_k_means_sample_takes_so_many_locations_of_so_many_database_images(
    make_config: Any, engine_registry: Any
) -> None:
    config = make_config(image={"size": None}, compute={"batch": 5})
    split = engine_registry.build("dataset", config.dataset).split("train")
    retriever = assemble(config, engine_registry)
    compute = Compute.of(config.compute, config.image)

    def drawn(images: int, locations: int, seed: int = 0) -> torch.Tensor:
        return sample_local_features(
            retriever, split.database, images=images, locations=locations, seed=seed, compute=compute
        )

    from PIL import Image

    every = []
    for position in range(len(split.database)):
        with Image.open(split.database.path(position)) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]
        with torch.no_grad():
            every.append(retriever.eval().features(pixels)[0].flatten(1).T)
    sample = drawn(5, 7)
    assert sample.shape == (5 * 7, every[0].shape[1])
    owners = []
    for start in range(0, 35, 7):
        block = sample[start : start + 7]
        distance = torch.stack([torch.cdist(block, features).min(dim=1).values for features in every])
        assert (distance.min(dim=0).values < 1e-4).all()
        owners.append(int(distance.sum(dim=1).argmin()))
        best = torch.cdist(block, every[owners[-1]]).argmin(dim=1)
        assert len(set(best.tolist())) == 7  # seven different locations of one image
    assert owners == sorted(set(owners))  # five different images of the database
    assert torch.equal(sample, drawn(5, 7))
    assert not torch.equal(sample, drawn(5, 7, seed=1))
    locations = every[0].shape[0]
    assert drawn(10_000, 10_000).shape[0] == len(split.database) * locations  # never more than there are
