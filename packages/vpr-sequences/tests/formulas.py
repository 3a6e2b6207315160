"""Each matcher once more: the published formula for one drive and one cost at a time, in plain loops of float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Drive = Sequence[int]
Cost = Callable[[Array, int, Array, Drive, int], float]
"""Of queries (n, D) of one drive at time t, for the database (N, D) whose drives are numbered, at position j."""


def costs(queries: Array, query_drive: Drive, database: Array, database_drive: Drive, cost: Cost) -> Array:
    """The whole matrix (Q, N)."""
    found = np.empty((len(queries), len(database)))
    for number in set(query_drive):
        rows = [row for row, one in enumerate(query_drive) if one == number]
        for t, row in enumerate(rows):
            for j in range(len(database)):
                found[row, j] = cost(queries[rows], t, database, database_drive, j)
    return found


def own_drive(drive: Drive, j: int) -> tuple[list[int], int]:
    """Positions of the drive of j, and which of them j is."""
    rows = [row for row, one in enumerate(drive) if one == drive[j]]
    return rows, rows.index(j)


def seqslam(length: int, velocities: Sequence[float], contrast: int) -> Cost:
    def difference(query: Array, database: Array, rows: list[int], at: int) -> float:
        def plain(place: int) -> float:
            return 1 - math.fsum(query * database[rows[place]])

        if not contrast:
            return plain(at)
        around = [p for p in range(at - contrast // 2, at + (contrast - 1) // 2 + 1) if 0 <= p < len(rows)]
        values = [plain(p) for p in around]
        mean = math.fsum(values) / len(values)
        std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
        return 0.0 if std < 1e-6 else (plain(at) - mean) / std

    def cost(queries: Array, t: int, database: Array, drive: Drive, j: int) -> float:
        rows, at = own_drive(drive, j)
        n = min(length, t + 1)
        sums = [
            math.fsum(
                difference(queries[t - a], database, rows, max(0, at - math.floor(v * a + 0.5))) for a in range(n)
            )
            for v in velocities
        ]
        return min(sums) / n

    return cost


def mean(length: int, normalize: bool) -> Cost:
    def of(rows: Array) -> Array:
        found = rows.sum(axis=0) / len(rows)
        return found / math.sqrt(math.fsum(found**2)) if normalize else found

    def cost(queries: Array, t: int, database: Array, drive: Drive, j: int) -> float:
        rows, at = own_drive(drive, j)
        one = of(queries[max(0, t - length + 1) : t + 1])
        other = of(database[rows[max(0, at - length + 1) : at + 1]])
        return math.dist(one, other)

    return cost


def concatenation(length: int) -> Cost:
    def cost(queries: Array, t: int, database: Array, drive: Drive, j: int) -> float:
        rows, at = own_drive(drive, j)
        n = min(length, t + 1)
        one = np.concatenate([queries[t - a] for a in range(n)])
        other = np.concatenate([database[rows[max(0, at - a)]] for a in range(n)])
        return math.dist(one, other) / math.sqrt(n)

    return cost


def delta(length: int, matched: int) -> Cost:
    half = length // 2

    def of(rows: Array, at: int) -> Array:
        late = sum(rows[max(0, at - a)] for a in range(half))
        early = sum(rows[max(0, at - a)] for a in range(half, length))
        return np.asarray((late - early) / half)

    def cost(queries: Array, t: int, database: Array, drive: Drive, j: int) -> float:
        rows, at = own_drive(drive, j)
        total = 0.0
        for a in range(min(matched, t + 1)):
            there = max(0, at - a)
            one, other = of(queries, t - a), of(database[rows], there)
            lengths = math.hypot(*one), math.hypot(*other)
            if lengths[0] < 1e-12:
                total += 1 - 0.001 * float(queries[t - a] @ database[rows[there]])
            else:
                total += 1 - (float(one @ other) / (lengths[0] * lengths[1]) if lengths[1] > 1e-12 else 0.0)
        return total / min(matched, t + 1)

    return cost


def transitions(drive: Drive, back: int, ahead: int, jump: float) -> Array:
    """T[i, j]."""
    size = len(drive)
    table = np.full((size, size), jump / size)
    for i in range(size):
        rows, at = own_drive(drive, i)
        ways = [p for p in range(at - back, at + ahead + 1) if 0 <= p < len(rows)]
        for p in ways:
            table[i, rows[p]] += (1 - jump) / len(ways)
    return table


def sharpness(distances: Array, ratio: float) -> float:
    low, high = np.quantile(distances, 0.025), np.quantile(distances, 0.975)
    return math.log(ratio) / (high - low) if high - low > 1e-12 else 0.0


def posterior(queries: Array, database: Array, drive: Drive, *, best_way: bool, ratio: float, **motion: float) -> Array:
    """-ln of the belief (n, N) of one drive: sums over ways that were come, or the best way alone."""
    table = transitions(drive, int(motion["back"]), int(motion["ahead"]), motion["jump"])
    found, belief = [], np.full(len(database), 1 / len(database))
    for t, query in enumerate(queries):
        distances = np.array([math.dist(query, row) for row in database])
        if t == 0:
            steep = sharpness(distances, ratio)
        elif best_way:
            belief = (belief[:, None] * table).max(axis=0)
        else:
            belief = belief @ table
        belief = belief * np.exp(-steep * distances)
        belief = belief / belief.sum()
        found.append(-np.log(belief))
    return np.array(found)


def task(which: str, length: int, fusion: str) -> Cost:
    def cost(queries: Array, t: int, database: Array, drive: Drive, j: int) -> float:
        rows, at = own_drive(drive, j)
        asked = queries[max(0, t - length + 1) : t + 1] if which.startswith("seq") else queries[t : t + 1]
        around = {
            "im2seq": range(at - length // 2, at + length // 2 + 1),
            "seq2im": [at],
            "seq2seq": range(at - length + 1, at + 1),
        }[which]
        known = database[[rows[p] for p in around if 0 <= p < len(rows)]]
        if fusion == "closest":
            return min(math.dist(one, other) for one in asked for other in known)
        means = [side.mean(axis=0) for side in (asked, known)]
        return math.dist(*(side / math.hypot(*side) for side in means))

    return cost
