"""A local plug-in for tests of the engine: a small data set of generated images, and the plainest loss and miner.

The loss and the miner restate the published definitions with loops, so that the engine is tested without trusting the
package that makes them fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from vpr_core import ComponentConfig, DatasetSpec, LossSpec, MinerSpec, hookimpl

MARGIN = 0.1


class DotsConfig(ComponentConfig):
    """Images of coloured blobs, two a place."""

    type: Literal["dots"] = "dots"
    root: str = Field(description="Folder that the images are written to.")
    places: int = Field(12, ge=1, le=1000, description="Places a split.")
    splits: tuple[str, ...] = Field(("train", "val", "test"), description="Names of the splits.")
    noise: float = Field(0.15, ge=0, le=1, description="Share of noise.")


class PlainLossConfig(ComponentConfig):
    """Weakly supervised ranking loss, written as a loop."""

    type: Literal["plain_ranking"] = "plain_ranking"


class PlacePullConfig(ComponentConfig):
    """A loss on place labels."""

    type: Literal["place_pull"] = "place_pull"


class PlaceMemoryConfig(ComponentConfig):
    """A loss on place labels that remembers the batches before."""

    type: Literal["place_memory"] = "place_memory"


class PlainMinerConfig(ComponentConfig):
    """Hard negatives with a memory, written as a loop."""

    type: Literal["plain_hard"] = "plain_hard"
    pool: int = Field(6, ge=1, description="Random negatives a query.")
    negatives: int = Field(3, ge=1, description="Negatives kept.")


class Dots:
    def __init__(self, config: DotsConfig) -> None:
        self.split_names = config.splits
        self._config = config

    def fingerprint(self) -> str:
        return f"dots-{self._config.places}-{self._config.noise}"

    def split(self, name: str):
        import numpy as np

        from vpr_data import EvaluationProtocol, ImageSet, PlaceSplit, TrainingRadii

        places, offset = self._config.places, 1000 * self.split_names.index(name)
        sets = {}
        for role, shift in (("database", 0.0), ("queries", 4.0)):
            names = [f"{name}/{role}/{place:03d}.png" for place in range(places)]
            for place, image in enumerate(names):
                self._write(image, offset + place, role)
            xy = np.stack([40.0 * np.arange(places) + shift, np.full(places, float(offset))], axis=1)
            sets[role] = ImageSet(root=Path(self._config.root), names=names, xy=xy, place=np.arange(places) + offset)
        return PlaceSplit(
            name=name,
            database=sets["database"],
            queries=sets["queries"],
            protocol=EvaluationProtocol(name=f"dots-{name}", radius=25.0),
            training=TrainingRadii(positive=10.0, negative=25.0),
        )

    def _write(self, name: str, place: int, role: str) -> None:
        import numpy as np
        from PIL import Image

        path = Path(self._config.root) / name
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        pattern = np.random.default_rng(place).random((4, 5, 3)).repeat(8, 0).repeat(8, 1)
        noise = np.random.default_rng([place, len(role)]).random(pattern.shape)
        mixed = (1 - self._config.noise) * pattern + self._config.noise * noise
        Image.fromarray((255 * mixed).astype(np.uint8)).save(path)


class PlainLoss:
    def terms(self, query, positives, negatives, *, positive_mask=None, negative_mask=None):
        import torch

        total, count = query.sum() * 0, 0
        for row in range(len(query)):
            best = min(
                (query[row] - positives[row, p]).square().sum()
                for p in range(positives.shape[1])
                if positive_mask[row, p]
            )
            for n in range(negatives.shape[1]):
                if negative_mask[row, n]:
                    hinge = best + MARGIN - (query[row] - negatives[row, n]).square().sum()
                    if hinge.item() > 0:
                        total, count = total + hinge, count + 1
        return total, torch.tensor(count)

    def __call__(self, *tensors, **masks):
        total, count = self.terms(*tensors, **masks)
        return total / max(int(count), 1)


class PlacePull:
    """Mean squared distance of rows of a place, less that of rows of different places, hinged."""

    def __call__(self, descriptors, places):
        import torch

        distances = torch.cdist(descriptors, descriptors).square()
        same = places[:, None] == places[None, :]
        return torch.relu(distances[same].mean() + 0.5 - distances[~same].mean())


def place_memory():
    """Return `PlacePull` weighted by the running mean of what it was, kept in a buffer."""
    import torch

    class PlaceMemory(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("running", torch.zeros(()))

        def forward(self, descriptors, places):
            value = PlacePull()(descriptors, places)
            weighted = value * (1 + 4 * self.running)
            self.running = 0.5 * self.running + 0.5 * value.detach()
            return weighted

    return PlaceMemory()


class PlainMiner:
    def __init__(self, config: PlainMinerConfig) -> None:
        self._config = config
        self._memory: dict[int, list[int]] = {}

    def _pool(self, request, row: int) -> list[int]:
        import numpy as np

        query = int(request.queries[row])
        forbidden = set(self._row(request.excluded, row))
        allowed = [i for i in range(request.database_size) if i not in forbidden]
        draw = np.random.default_rng([request.seed, request.epoch, query])
        drawn = draw.choice(allowed, size=min(self._config.pool, len(allowed)), replace=False).tolist()
        return sorted({*drawn, *self._memory.get(query, [])})

    @staticmethod
    def _row(ragged, row: int) -> list[int]:
        return ragged.values[ragged.offsets[row] : ragged.offsets[row + 1]].tolist()

    def candidates(self, request):
        import torch

        found = {i for row in range(len(request.queries)) for i in self._pool(request, row)}
        found |= set(request.positives.values.tolist())
        return torch.tensor(sorted(found), dtype=torch.int64)

    def mine(self, request, *, query_descriptors, database_descriptors, database_positions=None):
        from types import SimpleNamespace

        import torch

        where = {int(p): i for i, p in enumerate(database_positions)}
        positives, negatives = [], []
        for row in range(len(request.queries)):
            query = query_descriptors[row].double()

            def distance(position: int, query=query) -> float:
                return float((query - database_descriptors[where[position]].double()).square().sum())

            best = min(self._row(request.positives, row), key=lambda p: (distance(p), p))
            pool = sorted(self._pool(request, row), key=lambda p: (distance(p), p))
            self._memory[int(request.queries[row])] = pool[: self._config.negatives]
            kept = [p for p in pool if distance(p) < distance(best) + MARGIN][: self._config.negatives]
            positives.append([best])
            negatives.append(kept + [-1] * (self._config.negatives - len(kept)))
        return SimpleNamespace(
            query=request.queries, positives=torch.tensor(positives), negatives=torch.tensor(negatives)
        )

    def state_dict(self):
        return {"memory": {str(query): list(rows) for query, rows in self._memory.items()}}

    def load_state_dict(self, state) -> None:
        self._memory = {int(query): list(rows) for query, rows in state["memory"].items()}


@hookimpl
def vpr_datasets():
    yield DatasetSpec(name="dots", config=DotsConfig, build=lambda config: Dots(config), summary="Coloured blobs")


@hookimpl
def vpr_losses():
    yield LossSpec(name="plain_ranking", config=PlainLossConfig, build=lambda _: PlainLoss(), summary="Loop")
    yield LossSpec(
        name="place_pull",
        config=PlacePullConfig,
        build=lambda _: PlacePull(),
        summary="Same place near, others far",
        supervision="places",
    )
    yield LossSpec(
        name="place_memory",
        config=PlaceMemoryConfig,
        build=lambda _: place_memory(),
        summary="The same, weighted by what it was",
        supervision="places",
    )


@hookimpl
def vpr_miners():
    yield MinerSpec(name="plain_hard", config=PlainMinerConfig, build=lambda config: PlainMiner(config), summary="Loop")
