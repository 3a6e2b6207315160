"""A network and the pooling layers on it, fitted once and shared by all axes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.choices.reading import Reader, plain
from vpr_core.config import make_run
from vpr_eval import Whitening
from vpr_pooling import GeM, NetVLAD
from vpr_runner import Retriever, assemble
from vpr_runner.keys import generator, sample
from vpr_runner.training.train import train

if TYPE_CHECKING:
    from bench.choices.groups import Group
    from vpr_core import Registry
    from vpr_data import ImageSet

__all__ = ["CLUSTERS", "Fitted", "drawn", "feature_maps", "pictures", "pooled"]

CLUSTERS, IMAGES, LOCATIONS = 64, 500, 100
"""The plain choice: the paper's clusters and sample."""
_BATCH = 16
Kept = Callable[[str, Callable[[], np.ndarray]], np.ndarray]


def pictures(
    images: ImageSet, size: tuple[int, int], read: Reader = plain, only: Sequence[int] | None = None
) -> Tensor:
    """Read images, all of them or ``only`` some, as uint8 ``(N, 3, h, w)``."""
    which = range(len(images)) if only is None else only
    return torch.stack([read(images.path(int(position)), size) for position in which])


@torch.inference_mode()
def feature_maps(
    backbone: nn.Module, images: Tensor, *, precision: str = "float32", batch: int = _BATCH, channels_last: bool = True
) -> Tensor:
    """Return ``(N, C, h, w)`` float32 feature maps of uint8 images, as `vpr_runner.encoding` makes them."""
    retriever = Retriever(backbone=backbone, pooling=nn.Identity()).eval()
    dtype = getattr(torch, precision)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    parts = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch].contiguous(memory_format=layout)
        with nullcontext() if dtype == torch.float32 else torch.autocast("cpu", dtype=dtype):
            parts.append(retriever.features(part).float().contiguous())
    return torch.cat(parts)


@torch.inference_mode()
def pooled(layer: nn.Module, maps: Tensor) -> np.ndarray:
    """Return ``(N, D)`` float32 descriptors of feature maps."""
    return torch.cat([layer(maps[start : start + 32]) for start in range(0, len(maps), 32)]).numpy()


def drawn(rows: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` rows, drawn by seed 0, in their order."""
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]


class Fitted:
    """One network of a group: its backbone, its layers, and what they are learnt from.

    Args:
        name: of the network.
        group: where it belongs to.
        registry: where components come from.
        folder: keeps the modern layer's training.
        kept: ``(name, make) -> array``, the cache of arrays.
        quick: few images and clusters.
    """

    def __init__(
        self, name: str, group: Group, registry: Registry, *, folder: Path, kept: Kept, quick: bool = False
    ) -> None:
        self.name, self.group, self.quick = name, group, quick
        self.registry, self.folder = registry, folder
        self.clusters = 4 if quick else CLUSTERS
        self.run = make_run(group.runs[name], registry, source="bench.choices")
        self.backbone: Any = assemble(self.run, registry).backbone.eval()
        self.kept = kept
        self._layers: dict[str, nn.Module] = {}
        self._whitenings: dict[str, Whitening] = {}
        self._pictures: Tensor | None = None
        modern = make_run(
            {
                **group.runs[name],
                **group.modern,
                "backbone": {**group.runs[name]["backbone"], "train_from": "none"},
            },
            registry,
            source="bench.choices",
        )
        self.convap: nn.Module = train(modern, registry, run_directory=folder / "modern").retriever.pooling.eval()

    @property
    def heads(self) -> dict[str, nn.Module]:
        """The three layers by name, each as it is plainly used."""
        channels = self.backbone.out_channels
        gem = self._layers.setdefault("gem", GeM(in_channels=channels).eval())
        return {"NetVLAD": self.netvlad(), "GeM": gem, "ConvAP": self.convap}

    def prepare(self) -> None:
        """Compute what every axis needs."""
        self.training_maps()
        self.netvlad()

    def training_pictures(self) -> Tensor:
        """All training database images, as the network sees them."""
        if self._pictures is None:
            self._pictures = pictures(self.group.training, self.group.training_size)
        return self._pictures

    def training_maps(self) -> Tensor:
        """Their feature maps."""
        made = self.kept("training", lambda: feature_maps(self.backbone, self.training_pictures()).numpy())
        return torch.from_numpy(made)

    def training_descriptors(self, head: str) -> np.ndarray:
        """Their descriptors."""
        return pooled(self.heads[head], self.training_maps())

    def whitening(self, head: str, *, dim: int, images: int | None = None, power: float = 0.5) -> Whitening:
        """Return a whitening fitted to training descriptors, all or ``images`` of them drawn by seed 0, made once."""
        key = f"{head} {dim} {images} {power}"
        if key not in self._whitenings:
            rows = self.training_descriptors(head)
            self._whitenings[key] = Whitening.fit(rows if images is None else drawn(rows, images), dim=dim, power=power)
        return self._whitenings[key]

    def sampled(
        self, images: int = IMAGES, locations: int = LOCATIONS, *, seed: int = 0, backbone: Any = None
    ) -> Tensor:
        """Return local features ``(N, C)``: ``locations`` of each of ``images`` training images, drawn by ``seed``.

        The draws are those of `vpr_runner.training.sampling`.
        """
        chosen = sample(len(self.group.training), images, seed, "init images")
        if backbone is None:
            maps = self.training_maps()[torch.from_numpy(chosen)]
        else:
            maps = feature_maps(backbone, self.training_pictures()[torch.from_numpy(chosen)])
        rows = []
        for position, each in zip(chosen.tolist(), maps.flatten(2), strict=True):
            draw = generator(seed, "init locations", int(position))
            rows.append(each[:, torch.randperm(each.shape[1], generator=draw)[:locations]].T)
        return torch.cat(rows)

    def netvlad(
        self,
        *,
        clusters: int | None = None,
        seed: int = 0,
        images: int = IMAGES,
        locations: int = LOCATIONS,
        backbone: Any = None,
        label: str = "",
    ) -> NetVLAD:
        """Return a NetVLAD layer fitted as a run file with these settings would fit it, made once.

        ``backbone`` replaces the network's own under a ``label`` of its own; ``seed`` draws images, features and start.
        """
        clusters = clusters or self.clusters
        key = f"netvlad {clusters} {seed} {images} {locations} {label}"
        if key not in self._layers:
            layer = NetVLAD(in_channels=self.backbone.out_channels, num_clusters=clusters).eval()

            def fitted() -> np.ndarray:
                features = self.sampled(images, locations, seed=seed, backbone=backbone)
                layer.init_from_features(features, generator=generator(seed, "init features"))
                return torch.stack([layer.assignment_weight.detach(), layer.centroids.detach()]).numpy()

            weight, centroids = torch.from_numpy(self.kept(key, fitted).copy())
            layer.load_state_dict({"assignment_weight": weight, "centroids": centroids})
            self._layers[key] = layer
        made = self._layers[key]
        assert isinstance(made, NetVLAD)
        return made

    def other_backbone(self, change: Callable[[Any], None]) -> Any:
        """Return a copy of the backbone that ``change`` was applied to."""
        other = copy.deepcopy(self.backbone)
        change(other)
        return other.eval()
