"""A plug-in written against version 1 of the hooks. NEVER EDIT THIS FILE: it stands for the plug-ins of other people.

It is loaded, validated, built and called by tests/test_hook_api.py as it was written in 2026. When a change to vpr-core
makes that test fail, the change breaks a promise: give the hook or the spec a default, or raise HOOK_API.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import (
    BackboneSpec,
    ComponentConfig,
    DatasetSpec,
    IndexSpec,
    LossSpec,
    MinerSpec,
    PoolingSpec,
    hookimpl,
)

VPR_HOOK_API = 1


class FirstBackbone(ComponentConfig):
    type: Literal["first_backbone"] = "first_backbone"
    width: int = Field(default=4, ge=1, le=64, description="Channels.")


class FirstPooling(ComponentConfig):
    type: Literal["first_pooling"] = "first_pooling"
    power: float = Field(2.0, gt=0, description="Exponent.")


class FirstLoss(ComponentConfig):
    type: Literal["first_loss"] = "first_loss"
    margin: float = Field(0.1, ge=0, description="Margin.")


class FirstPlaceLoss(ComponentConfig):
    type: Literal["first_place_loss"] = "first_place_loss"


class FirstMiner(ComponentConfig):
    type: Literal["first_miner"] = "first_miner"
    negatives: int = Field(2, ge=1, description="Negatives a query.")


class FirstDataset(ComponentConfig):
    type: Literal["first_dataset"] = "first_dataset"
    root: str = Field(description="Folder.")


class FirstIndex(ComponentConfig):
    type: Literal["first_index"] = "first_index"


def build_backbone(config):
    import torch

    class Backbone(torch.nn.Module):
        out_channels, stride, stages = config.width, 4, ("only",)
        mean, std, input_scale = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 1.0

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, config.width, 4, stride=4)

        def frozen(self, images):
            return images

        def trainable(self, activations):
            return self.layer(activations)

        def forward(self, images):
            return self.trainable(self.frozen(images))

    return Backbone()


def build_pooling(config, features):
    import torch

    class Pooling(torch.nn.Module):
        orderless, out_dim = True, features.channels

        def init_from_features(self, sample, *, generator=None):
            self.started = tuple(sample.shape)

        def forward(self, maps):
            means = maps.abs().clamp(min=1e-6).pow(config.power).mean(dim=(2, 3))
            return torch.nn.functional.normalize(means, dim=1)

    return Pooling()


def build_loss(config):
    import torch

    class Loss(torch.nn.Module):
        def terms(self, query, positives, negatives, *, positive_mask=None, negative_mask=None):
            near = (query[:, None] - positives).square().sum(2).amin(1)
            far = (query[:, None] - negatives).square().sum(2).amin(1)
            values = (near - far + config.margin).clamp(min=0)
            return values.sum(), torch.tensor(len(values))

        def forward(self, *tensors, **masks):
            total, count = self.terms(*tensors, **masks)
            return total / count.clamp(min=1)

    return Loss()


def build_place_loss(config):
    def loss(descriptors, places):
        same = places[:, None] == places[None]
        return (descriptors @ descriptors.T)[~same].mean()

    return loss


def build_miner(config):
    import torch

    class Found:
        def __init__(self, query, positives, negatives):
            self.query, self.positives, self.negatives = query, positives, negatives

    class Miner:
        def candidates(self, request):
            return torch.arange(request.database_size)

        def mine(self, request, *, query_descriptors, database_descriptors, database_positions=None):
            positives = torch.stack([request.positives.row(i)[:1] for i in range(len(request.queries))])
            free = [
                torch.tensor([p for p in range(request.database_size) if p not in request.excluded.row(i).tolist()])
                for i in range(len(request.queries))
            ]
            return Found(request.queries, positives, torch.stack([row[: config.negatives] for row in free]))

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            pass

    return Miner()


def build_dataset(config):
    class Dataset:
        split_names = ("val",)

        def split(self, name):
            return (config.root, name)

        def fingerprint(self):
            return config.root

    return Dataset()


def build_index(config, dim):
    import numpy as np

    class Found:
        def __init__(self, distance, index):
            self.distance, self.index = distance, index

    class Index:
        metric = "l2"

        def __init__(self):
            self.rows = np.empty((0, dim), dtype=np.float32)

        def __len__(self):
            return len(self.rows)

        def add(self, descriptors):
            self.rows = np.concatenate((self.rows, descriptors))

        def search(self, queries, k):
            every = np.linalg.norm(queries[:, None] - self.rows, axis=2)
            index = np.argsort(every, axis=1, kind="stable")[:, :k]
            return Found(np.take_along_axis(every, index, axis=1), index)

    return Index()


@hookimpl
def vpr_backbones():
    yield BackboneSpec(name="first_backbone", config=FirstBackbone, build=build_backbone, summary="A convolution.")


@hookimpl
def vpr_poolings():
    return [PoolingSpec(name="first_pooling", config=FirstPooling, build=build_pooling, summary="Power mean.")]


@hookimpl
def vpr_losses():
    yield LossSpec(name="first_loss", config=FirstLoss, build=build_loss, summary="Triplets.", paper="Nobody 2026")
    yield LossSpec(
        name="first_place_loss",
        config=FirstPlaceLoss,
        build=build_place_loss,
        summary="Push other places away.",
        supervision="places",
    )


@hookimpl
def vpr_miners():
    yield MinerSpec(name="first_miner", config=FirstMiner, build=build_miner, summary="The first that are free.")


@hookimpl
def vpr_datasets():
    yield DatasetSpec(name="first_dataset", config=FirstDataset, build=build_dataset, summary="A folder.")


@hookimpl
def vpr_indexes():
    yield IndexSpec(name="first_index", config=FirstIndex, build=build_index, summary="Brute force.")
