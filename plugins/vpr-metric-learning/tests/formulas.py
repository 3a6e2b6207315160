"""The published formulas, restated plainly in float64: loops over anchors, positives and negatives."""

from __future__ import annotations

import math

import numpy as np


def unit(rows: np.ndarray) -> np.ndarray:
    return np.stack([row / max(math.sqrt(sum(v * v for v in row)), 1e-12) for row in rows])


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    return float(sum(p * q for p, q in zip(a, b, strict=True)))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


class Batch:
    """Anchors, and the images they are compared with: those of the batch, or others."""

    def __init__(self, x, places, others=None, other_places=None) -> None:
        self.x, self.places = unit(np.asarray(x, dtype=np.float64)), list(places)
        self.own = others is None
        self.y = self.x if self.own else unit(np.asarray(others, dtype=np.float64))
        self.y_places = self.places if self.own else list(other_places)

    def anchors(self, epsilon: float | None = None):
        """Yield ``(i, positives, negatives)``, thinned out by multi-similarity mining where asked."""
        for i in range(len(self.x)):
            positives = [
                j for j in range(len(self.y)) if self.y_places[j] == self.places[i] and not (self.own and i == j)
            ]
            negatives = [j for j in range(len(self.y)) if self.y_places[j] != self.places[i]]
            if epsilon is not None:
                nearest_negative = max((self.s(i, j) for j in negatives), default=-math.inf)
                farthest_positive = min((self.s(i, j) for j in positives), default=math.inf)
                positives = [j for j in positives if self.s(i, j) - epsilon < nearest_negative]
                negatives = [j for j in negatives if self.s(i, j) + epsilon > farthest_positive]
            yield i, positives, negatives

    def s(self, i: int, j: int) -> float:
        return similarity(self.x[i], self.y[j])

    def d(self, i: int, j: int) -> float:
        return distance(self.x[i], self.y[j])


def mean_of_positive(values: list[float]) -> float:
    kept = [value for value in values if value > 0]
    return sum(kept) / len(kept) if kept else 0.0


def multi_similarity(batch: Batch, *, alpha=1.0, beta=50.0, base=0.0, epsilon=0.1) -> float:
    total = 0.0
    for i, positives, negatives in batch.anchors(epsilon):
        if positives:
            total += math.log(1 + sum(math.exp(-alpha * (batch.s(i, j) - base)) for j in positives)) / alpha
        if negatives:
            total += math.log(1 + sum(math.exp(beta * (batch.s(i, j) - base)) for j in negatives)) / beta
    return total / len(batch.x)


def contrastive(batch: Batch, *, positive_margin=0.0, negative_margin=1.0, epsilon=None) -> float:
    near, far = [], []
    for i, positives, negatives in batch.anchors(epsilon):
        near += [max(0.0, batch.d(i, j) - positive_margin) for j in positives]
        far += [max(0.0, negative_margin - batch.d(i, j)) for j in negatives]
    return mean_of_positive(near) + mean_of_positive(far)


def circle(batch: Batch, *, margin=0.4, scale=80.0, epsilon=None) -> float:
    losses = []
    for i, positives, negatives in batch.anchors(epsilon):
        if not positives or not negatives:
            continue
        up, down = 0.0, 0.0
        for j in positives:
            s = batch.s(i, j)
            up += math.exp(-scale * max(0.0, 1 + margin - s) * (s - (1 - margin)))
        for j in negatives:
            s = batch.s(i, j)
            down += math.exp(scale * max(0.0, s + margin) * (s - margin))
        losses.append(math.log1p(up * down))
    return mean_of_positive(losses)


def supcon(batch: Batch, *, temperature=0.1, epsilon=None) -> float:
    losses = []
    for i, positives, negatives in batch.anchors(epsilon):
        if not positives:
            continue
        everyone = sum(math.exp(batch.s(i, k) / temperature) for k in positives + negatives)
        terms = [math.log(math.exp(batch.s(i, j) / temperature) / everyone) for j in positives]
        losses.append(-sum(terms) / len(terms))
    return mean_of_positive(losses)


def ntxent(batch: Batch, *, temperature=0.07, epsilon=None) -> float:
    losses = []
    for i, positives, negatives in batch.anchors(epsilon):
        against = sum(math.exp(batch.s(i, k) / temperature) for k in negatives)
        for j in positives:
            numerator = math.exp(batch.s(i, j) / temperature)
            losses.append(-math.log(numerator / (numerator + against)))
    return sum(losses) / len(losses) if losses else 0.0


def _triplets(values: list[float], margin: float, smooth: bool) -> float:
    if smooth:
        return mean_of_positive([math.log1p(math.exp(value + margin)) for value in values])
    return mean_of_positive([max(0.0, value + margin) for value in values])


def batch_hard(batch: Batch, *, margin=0.1, smooth=False) -> float:
    values = [
        max(batch.d(i, j) for j in positives) - min(batch.d(i, j) for j in negatives)
        for i, positives, negatives in batch.anchors()
        if positives and negatives
    ]
    return _triplets(values, margin, smooth)


def semi_hard(batch: Batch, *, margin=0.1, smooth=False) -> float:
    values = [
        batch.d(i, p) - batch.d(i, n)
        for i, positives, negatives in batch.anchors()
        for p in positives
        for n in negatives
        if 0 < batch.d(i, n) - batch.d(i, p) <= margin
    ]
    return _triplets(values, margin, smooth)


def batch_all(batch: Batch, *, margin=0.1, smooth=False) -> float:
    values = [
        batch.d(i, p) - batch.d(i, n)
        for i, positives, negatives in batch.anchors()
        for p in positives
        for n in negatives
        if batch.d(i, n) - batch.d(i, p) <= margin
    ]
    return _triplets(values, margin, smooth)
