"""The contract of data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract, first_some
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["DatasetContract"]

Float64Array = npt.NDArray[np.float64]


class DatasetContract(Contract):
    """A data set has named splits; a split has a database, queries, and which answers are right.

    Attributes:
        files_checked: image files looked at in each set, spread over it.
        queries_checked: queries whose neighbourhoods are computed again by brute force.
        slack: share of the radius within which a distance is not judged (1e-3: ``xy`` is a projection).
    """

    kind = "dataset"
    files_checked: ClassVar[int] = 200
    queries_checked: ClassVar[int] = 100
    slack: ClassVar[float] = 1e-3

    def dataset(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build the data set."""
        return case.build_with(config or case.config)

    def splits(self, case: Case) -> Iterator[tuple[str, Any]]:
        """Every split with its name."""
        dataset = self.dataset(case)
        for name in dataset.split_names:
            yield name, dataset.split(name)

    def sets(self, case: Case) -> Iterator[tuple[str, Any]]:
        """Every set of images with a title for messages."""
        for name, split in self.splits(case):
            yield f"split {name!r}: database", split.database
            yield f"split {name!r}: queries", split.queries

    def test_split_names(self, case: Case) -> None:
        """A tuple of names, each once; another name is refused with the names there are."""
        dataset = self.dataset(case)
        names = dataset.split_names
        good = isinstance(names, tuple) and names and len(set(names)) == len(names)
        case.require(
            good and all(isinstance(name, str) and name for name in names),
            f"split_names must be a tuple of names, each once, got {names!r}",
        )
        for name in names:
            found = dataset.split(name).name
            case.require(found == name, f"split({name!r}) returns a split that calls itself {found!r}")
        try:
            dataset.split("no such split")
        except (ValueError, KeyError) as error:
            missing = [name for name in names if name not in str(error)]
            case.require(not missing, f"split('no such split') says {error}; list the splits: {', '.join(names)}")
            return
        case.breach("split('no such split') is not an error; raise ValueError that lists the splits there are")

    def test_image_sets(self, case: Case) -> None:
        """As many positions as names, finite; names each once; time and place as long as they."""
        for title, images in self.sets(case):
            count = len(images)
            case.require(count > 0, f"{title} is empty; a split without images is not offered, or raises ValueError")
            case.require(len(images.names) == count, f"{title}: {len(images.names)} names, len() is {count}")
            case.require(len(set(images.names)) == count, f"{title}: {_repeated(images.names)!r} is listed twice")
            xy = images.xy
            case.require(
                isinstance(xy, np.ndarray) and xy.dtype == np.float64 and xy.shape == (count, 2),
                f"{title}: xy must be float64 ({count}, 2), got {_what(xy)}",
            )
            bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
            case.require(
                not len(bad),
                f"{title}: {len(bad)} positions are not finite, first that of "
                f"{images.names[int(bad[0]) if len(bad) else 0]!r}; "
                "leave such images out, or refuse the data set by name",
            )
            for field in ("time", "place"):
                labels = getattr(images, field)
                case.require(
                    labels is None
                    or (isinstance(labels, np.ndarray) and labels.dtype == np.int64 and labels.shape == (count,)),
                    f"{title}: {field} must be int64 ({count},) or None, got {_what(labels)}",
                )

    def test_files_exist(self, case: Case) -> None:
        """Every image is there; a position outside the set is an IndexError."""
        for title, images in self.sets(case):
            for position in first_some(range(len(images)), self.option(case, "files_checked")):
                path = images.path(position)
                case.require(
                    path.is_file() and path.stat().st_size > 0,
                    f"{title}: image {position} ({images.names[position]}) is not at {path}; check when the data set "
                    "is built "
                    "and raise FileNotFoundError that names the file and what to download",
                )
            try:
                beyond = images.path(len(images))
            except IndexError:
                continue
            case.breach(f"{title}: path({len(images)}) returns {beyond} for a set of {len(images)}; raise IndexError")

    def test_positives(self, case: Case) -> None:
        """One sorted int64 row a query, each position once, inside the database."""
        for name, split in self.splits(case):
            self.check_rows(case, f"split {name!r}: positives()", split, split.positives())

    def check_rows(self, case: Case, title: str, split: Any, rows: Sequence[Any]) -> None:
        """Check the form of rows of database positions."""
        size, count = len(split.database), len(split.queries)
        case.require(len(rows) == count, f"{title} has {len(rows)} rows for {count} queries")
        for query, row in enumerate(rows):
            where = f"{title}, query {query} ({split.queries.names[query]})"
            case.require(
                isinstance(row, np.ndarray) and row.dtype == np.int64 and row.ndim == 1,
                f"{where}: a row must be an int64 array (n,), got {_what(row)}",
            )
            outside = row[(row < 0) | (row >= size)]
            case.require(
                not len(outside),
                f"{where}: {outside[:5].tolist()} lie outside the database of {size}; positions count from 0 in this "
                "split's database",
            )
            case.require(
                bool((row[1:] > row[:-1]).all()),
                f"{where}: the row is not sorted, or has a position twice: {row[:10].tolist()}",
            )

    def test_within_is_what_it_says(self, case: Case) -> None:
        """``within(radius)`` holds the database images at most that far away, all of them and no other."""
        for name, split in self.splits(case):
            for radius, beyond in self.radii(split):
                title = f"split {name!r}: within({radius:g}" + (")" if beyond is None else f", beyond={beyond:g})")
                rows = split.within(radius, beyond=beyond)
                self.check_rows(case, title, split, rows)
                self.check_distances(case, title, split, rows, radius, beyond)

    def radii(self, split: Any) -> list[tuple[float, float | None]]:
        """Radii to try, in the split's unit: its protocol's, and others around it."""
        own = getattr(split.protocol, "radius", None)
        base = float(own) if isinstance(own, (int, float)) and own > 0 else 25.0
        return [(base, None), (base / 2, None), (base * 2, None), (base, base / 4)]

    def check_distances(
        self, case: Case, title: str, split: Any, rows: Sequence[Any], radius: float, beyond: float | None
    ) -> None:
        """Compare rows with distances computed pair by pair."""
        database = _coordinates(split.database)
        slack = self.option(case, "slack") * radius
        for query in first_some(range(len(split.queries)), self.option(case, "queries_checked")):
            distance = np.sqrt(((database - _coordinates(split.queries)[query]) ** 2).sum(axis=1))
            found = np.zeros(len(database), dtype=bool)
            found[rows[query]] = True
            near = distance <= radius - slack
            far = distance > radius + slack
            if beyond is not None:
                near &= distance > beyond + slack
                far |= distance <= beyond - slack
            for wrong, said in ((near & ~found, "is not in the row"), (far & found, "is in the row")):
                if wrong.any():
                    image = int(np.flatnonzero(wrong)[0])
                    case.breach(
                        f"{title}: database image {image} ({split.database.names[image]}) lies {distance[image]:.2f} "
                        "from query "
                        f"{query} ({split.queries.names[query]}) and {said}; take all with beyond < distance <= "
                        "radius, "
                        "measured in xy"
                    )

    def test_positives_obey_the_protocol(self, case: Case) -> None:
        """Positives lie within the protocol's radius; where the protocol leaves nothing out they are all of those."""
        checked = False
        for name, split in self.splits(case):
            radius = getattr(split.protocol, "radius", None)
            if not isinstance(radius, (int, float)) or radius <= 0:
                continue
            checked = True
            leaves_out = [
                flag for flag in ("ignore_same_time", "ignore_same_image") if getattr(split.protocol, flag, False)
            ]
            pairs = zip(split.positives(), split.within(radius), strict=True)
            for query, (positives, within) in enumerate(pairs):
                where = f"split {name!r}, query {query} ({split.queries.names[query]})"
                extra = np.setdiff1d(positives, within)
                case.require(
                    not len(extra),
                    f"{where}: positives() has {extra[:5].tolist()}, which within({radius:g}), the protocol's radius, "
                    "has not",
                )
                missing = np.setdiff1d(within, positives)
                case.require(
                    leaves_out or not len(missing),
                    f"{where}: within({radius:g}), the protocol's radius, has {missing[:5].tolist()}, which "
                    "positives() has not; "
                    "if the protocol leaves them out, let it say so (ignore_same_time, ignore_same_image)",
                )
        if not checked:
            pytest.skip("no split's protocol has a radius")

    def test_symmetric(self, case: Case) -> None:
        """Where database and queries are the same images, being a positive is mutual."""
        checked = False
        for name, split in self.splits(case):
            where = {image: position for position, image in enumerate(split.database.names)}
            own = [where.get(image, -1) for image in split.queries.names]
            if -1 in own or split.database.path(own[0]) != split.queries.path(0):
                continue
            checked = True
            query_of = {position: query for query, position in enumerate(own)}
            rows = split.within(self.radii(split)[0][0])
            pairs = {(own[query], int(position)) for query, row in enumerate(rows) for position in row}
            one_way = [(a, b) for a, b in pairs if b in query_of and (b, a) not in pairs]
            case.require(
                not one_way,
                f"split {name!r}: {len(one_way)} pairs of images are near one way only, first database images "
                f"{one_way[:1]}; "
                "measure a distance that is the same both ways",
            )
        if not checked:
            pytest.skip("queries and database are different images")

    def test_other_times(self, case: Case) -> None:
        """``different_time=True`` leaves out images of the query's own time; without time stamps it is refused."""
        for name, split in self.splits(case):
            radius = self.radii(split)[0][0]
            times = (split.queries.time, split.database.time)
            title = f"split {name!r}: within({radius:g}, different_time=True)"
            if times[0] is None or times[1] is None:
                try:
                    split.within(radius, different_time=True)
                except ValueError:
                    continue
                case.breach(f"{title} answers, though there are no time stamps; raise ValueError")
            rows = zip(split.within(radius), split.within(radius, different_time=True), strict=True)
            for query, (every, other) in enumerate(rows):
                wanted = every[times[1][every] != times[0][query]]
                case.require(
                    np.array_equal(other, wanted),
                    f"{title}, query {query} ({split.queries.names[query]}): got {other[:10].tolist()}, those of "
                    "another time are "
                    f"{wanted[:10].tolist()}",
                )

    def test_same_every_time(self, case: Case) -> None:
        """Built twice, the data set is the same: names, positions, ground truth and fingerprint."""
        first, second = self.describe(self.dataset(case)), self.describe(self.dataset(case))
        case.require(
            first == second,
            "built twice it differs; sort what the file system lists, and draw from a generator with a seed of the "
            "config",
        )
        fingerprint = self.dataset(case).fingerprint()
        case.require(
            isinstance(fingerprint, str) and fingerprint, f"fingerprint() must be a hash as text, got {fingerprint!r}"
        )

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes names, positions, ground truth, protocol or fingerprint."""
        check_fields_matter(case, lambda config: self.describe(self.dataset(case, config)))

    def describe(self, dataset: Any) -> str:
        """Digest of everything the contract can see of a data set."""
        seen: list[Any] = [dataset.split_names, dataset.fingerprint()]
        for name in dataset.split_names:
            split = dataset.split(name)
            for images in (split.database, split.queries):
                seen += [list(images.names), images.xy, images.time, images.place]
            seen += [list(split.positives()), repr(split.protocol), repr(getattr(split, "training", None))]
        return digest(*seen)


def _coordinates(images: Any) -> Float64Array:
    """Where distances are measured: ``points`` (earth-centred) where a set has them, else ``xy``."""
    points = getattr(images, "points", None)
    return np.asarray(images.xy if points is None else points, dtype=np.float64)


def _repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _what(item: object) -> str:
    return f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else type(item).__name__
