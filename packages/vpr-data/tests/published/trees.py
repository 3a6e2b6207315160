"""Small trees of exactly the structure in which sets are published, their counts scaled down.

Each function fills an empty folder and says how the set is opened and what it must then hold; `TREES` names them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["TREES", "Tree", "at", "objects", "touch"]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """``type`` of the set, ``options`` that open it, split to (database, queries, protocol) that it then has."""

    type: str
    options: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, tuple[int, int, str]]


@cache
def _picture() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def touch(root: Path, names: Iterable[str]) -> None:
    """Write an image under each name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_picture())


def objects(rows: Sequence[Any]) -> np.ndarray:
    """An array of arrays, as NumPy pickles them."""
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


def at(east: float, north: float, *, zone: str = "", pano: str = "") -> str:
    """A name of VPR-datasets-downloader."""
    number, letter = (zone[:-1], zone[-1]) if zone else ("", "")
    return f"@{east:010.2f}@{north:010.2f}@{number}@{letter}@@@{pano}@@@@@@@@.jpg"


def _row(count: int, *, zone: str, east: float, step: float, north: float = 0.0, pano: str = "{}") -> list[str]:
    return [at(east + step * i, 5_000_000 + north, zone=zone, pano=pano.format(i)) for i in range(count)]


def _below(folder: str, names: Iterable[str]) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def _bench(root: Path, count: int, *, queries: int | None = None, tolerance: int = 0, truth: bool = True) -> None:
    """VPR-Bench: numbered files in ref and query, and its truth."""
    asked = count if queries is None else queries
    touch(root, [f"ref/{i:07}.jpg" for i in range(count)])
    touch(root, [f"query/{i:07}.jpg" for i in range(asked)])
    if truth:
        pairs = np.empty((asked, 2), dtype=object)
        for i in range(asked):
            pairs[i] = [i, [j for j in range(i - tolerance, i + tolerance + 1) if 0 <= j < count]]
        np.save(root / "ground_truth_new.npy", pairs, allow_pickle=True)


def _lists(root: Path, begin: str, count: int) -> None:
    """GSV-Cities: names and truth of pairs as arrays."""
    np.save(root / f"{begin}_dbImages.npy", np.array([f"ref/{i:07}.jpg" for i in range(count)]))
    np.save(root / f"{begin}_qImages.npy", np.array([f"query/{i:07}.jpg" for i in range(count)]))
    np.save(root / f"{begin}_gt.npy", np.arange(count)[:, None])


def sped(root: Path) -> Tree:
    """Pairs of numbered files."""
    _bench(root, 12)
    return Tree(type="sped", splits={"test": (12, 12, "sped@place")})


def sped_lists(root: Path) -> Tree:
    """The same with the lists of GSV-Cities."""
    _bench(root, 12, truth=False)
    _lists(root, "SPED", 12)
    return Tree(type="sped", splits={"test": (12, 12, "sped@place")})


def sped_formatted(root: Path) -> Tree:
    """The same with positions made up."""
    for side in ("database", "queries"):
        touch(root, [f"images/test/{side}/@0@{1000 * i}@@@@@{i:04}@@@@@@@@.jpg" for i in range(12)])
    return Tree(type="sped", splits={"test": (12, 12, "sped@place")})


def essex3in1(root: Path) -> Tree:
    """Pairs of numbered files."""
    _bench(root, 11)
    _lists(root, "ESSEX", 11)
    return Tree(type="essex3in1", splits={"test": (11, 11, "essex3in1@place")})


def gardens_point(root: Path) -> Tree:
    """Two walks, two frames of tolerance."""
    _bench(root, 12, tolerance=2)
    return Tree(type="gardens_point", splits={"test": (12, 12, "gardens_point@2frames")})


def gardens_point_walks(root: Path) -> Tree:
    """The three walks as Glover published them."""
    for walk in ("day_left", "day_right", "night_right"):
        touch(root, [f"{walk}/Image{i:03}.jpg" for i in range(12)])
    options = {"database": "day_right", "queries": "night_right"}
    return Tree(
        type="gardens_point",
        options=options,
        splits={"test": (12, 12, "gardens_point-day_right-night_right@2frames")},
    )


def places17(root: Path) -> Tree:
    """Two walks; the tolerance has to be named."""
    _bench(root, 20, tolerance=2)
    return Tree(type="17places", options={"tolerance": 15}, splits={"test": (20, 20, "17places@15frames")})


def amstertime(root: Path) -> Tree:
    """Pairs whose numbers have gaps."""
    touch(root, [f"new/{i:04}.png" for i in (1, 2, 5, 9, 10)])
    touch(root, [f"old/{i:04}.jpg" for i in (1, 2, 5, 9, 10)])
    return Tree(type="amstertime", splits={"test": (5, 5, "amstertime@place")})


def amstertime_formatted(root: Path) -> Tree:
    """The same with positions made up."""
    for side in ("database", "queries"):
        touch(root, [f"images/test/{side}/@0@{1000 * i}@@@@@{i:04}@@@@@@@@.jpg" for i in (1, 2, 5, 9, 10)])
    return Tree(type="amstertime", splits={"test": (5, 5, "amstertime@place")})


def st_lucia(root: Path) -> Tree:
    """Two drives in the southern zone 56."""
    touch(root, _below("images/test/database", _row(15, zone="56J", east=499_638.99, step=6)))
    touch(root, _below("images/test/queries", _row(14, zone="56J", east=499_640.0, step=6, north=2)))
    return Tree(type="st_lucia", splits={"test": (15, 14, "st_lucia@25m")})


def eynsham(root: Path) -> Tree:
    """Five tiles of each panorama, at one position."""
    for side, start in (("database", 0), ("queries", 1)):
        names = [
            at(600_000 + 10 * i + start, 5_740_000, zone="30U", pano=f"{i}_{tile}")
            for i in range(6)
            for tile in range(5)
        ]
        touch(root, _below(f"images/test/{side}", names))
    return Tree(type="eynsham", splits={"test": (30, 30, "eynsham@25m")})


def svox(root: Path) -> Tree:
    """A gallery, and queries in five conditions besides the plain ones."""
    for split in ("train", "val", "test"):
        touch(root, _below(f"images/{split}/gallery", _row(8, zone="30U", east=620_000, step=20)))
        touch(root, _below(f"images/{split}/queries", _row(4, zone="30U", east=620_005, step=20)))
    for count, condition in enumerate(("night", "overcast", "rain", "snow", "sun"), 2):
        touch(root, _below(f"images/test/queries_{condition}", _row(count, zone="30U", east=620_010, step=20)))
    return Tree(
        type="svox",
        splits={
            "train": (8, 4, "svox-train@25m"),
            "val": (8, 4, "svox-val@25m"),
            "test": (8, 24, "svox-test-plain+night+overcast+rain+snow+sun@25m"),
        },
    )


def sf_xl(root: Path) -> Tree:
    """One database with four sets of queries, below processed."""
    names = _row(10, zone="10S", east=550_000, step=9, pano="p{}")
    for split in ("val", "test"):
        touch(root, _below(f"processed/{split}/database", names))
    touch(root, _below("processed/val/queries", names[:3]))
    for count, label in enumerate(("v1", "v2", "night", "occlusion"), 2):
        touch(root, _below(f"processed/test/queries_{label}", _row(count, zone="10S", east=550_003, step=9)))
    return Tree(
        type="sf_xl",
        splits={"val": (10, 3, "sf_xl-val@25m"), "test": (10, 14, "sf_xl-test-v1+v2+night+occlusion@25m")},
    )


def camera(centre: Sequence[float], heading: float) -> str:
    """A ``.camera`` file of a level camera."""
    cosine, sine = np.cos(np.radians(heading)), np.sin(np.radians(heading))
    rotation = "\n".join(f"{a:.9f} {b:.9f} {c:.9f}" for a, b, c in ((cosine, -sine, 0), (sine, cosine, 0), (0, 0, 1)))
    return f"1200 0 960\n0 1200 540\n0 0 1\n0 0 0\n{rotation}\n{centre[0]} {centre[1]} {centre[2]}\n1920 1080\n"


def baidu_mall(root: Path) -> Tree:
    """Images and poses of a survey and of telephones."""
    for images, poses, count in (
        ("training_images_undistort", "training_gt", 7),
        ("query_images_undistort", "query_gt", 9),
    ):
        touch(root, [f"{images}/{i:03}.jpg" for i in range(count)])
        (root / poses).mkdir()
        for i in range(count):
            turned = 0 if images.startswith("training") else 15 * i
            (root / poses / f"{i:03}.camera").write_text(camera((4.0 * i, 1.5, 0.1), turned))
    return Tree(type="baidu_mall", splits={"test": (7, 9, "baidu_mall@10m")})


def _formatted(root: Path, type_: str, splits: Sequence[str]) -> Tree:
    found = {}
    for split in splits:
        touch(root, _below(f"images/{split}/database", _row(8, zone="17T", east=585_000, step=8)))
        touch(root, _below(f"images/{split}/queries", _row(3, zone="17T", east=585_002, step=8, pano="{:05}.jpg")))
        found[split] = (8, 3, f"{type_}-{split}@25m" if len(splits) > 1 else f"{type_}@25m")
    return Tree(type=type_, splits=found)


def pitts30k_formatted(root: Path) -> Tree:
    """Pittsburgh as VPR-datasets-downloader writes it."""
    return _formatted(root, "pitts30k", ("train", "val", "test"))


def tokyo247_formatted(root: Path) -> Tree:
    """Tokyo 24/7 as VPR-datasets-downloader writes it: panoramas are not grouped."""
    return _formatted(root, "tokyo247", ("test",))


def nordland_vprbench(root: Path) -> Tree:
    """A query for every tenth image of the database."""
    touch(root, [f"ref/{i:07}.jpg" for i in range(28)])
    touch(root, [f"query/{i:07}.jpg" for i in range(3)])
    right = [[j for j in (10 * i - 1, 10 * i, 10 * i + 1) if 0 <= j < 28] for i in range(3)]
    for side, folder, count in (("db", "ref", 28), ("q", "query", 3)):
        np.save(root / f"Nordland_{side}Images.npy", np.array([f"{folder}/{i:07}.jpg" for i in range(count)]))
    np.save(root / "Nordland_gt.npy", objects([np.array(row) for row in right]), allow_pickle=True)
    return Tree(type="nordland", options={"variant": "vprbench"}, splits={"test": (28, 3, "nordland-vprbench@1frames")})


def nordland_formatted(root: Path) -> Tree:
    """The other set: frames 25 / 10.5 m apart."""
    for side in ("database", "queries"):
        touch(root, [f"images/test/{side}/@0@{i * 25 / 10.5:07.1f}@@@@@{i}@@@@@@@@.jpg" for i in range(28)])
    return Tree(
        type="nordland",
        options={"variant": "patchnetvlad"},
        splits={"test": (28, 28, "nordland-patchnetvlad@10frames")},
    )


def nordland_seasons(root: Path) -> Tree:
    """The same as frames of two seasons, with Patch-NetVLAD's lists; frames are missing in tunnels."""
    for side, season in (("index", "summer"), ("query", "winter")):
        names = [f"{season}/images-{202 + i + 5 * (i > 9):05}.png" for i in range(28)]
        touch(root, names)
        (root / f"nordland_imageNames_{side}.txt").write_text("\n".join(names))
    return Tree(
        type="nordland",
        options={"variant": "patchnetvlad"},
        splits={"test": (28, 28, "nordland-patchnetvlad@10frames")},
    )


CITY_CORNER = {"cph": (346_000.0, 6_173_000.0, 55.67, 12.56), "sf": (346_000.0, 6_173_000.0, 37.77, -122.42)}
"""Both at one easting and northing, of different zones: what lies in the other city is never near."""


TRAIN_CITIES = [
    "trondheim", "london", "amsterdam", "melbourne", "saopaulo", "paris", "phoenix", "austin", "boston", "zurich",
    "budapest", "ottawa", "goa", "amman", "nairobi", "manila", "toronto", "tokyo", "bangkok", "moscow", "berlin",
    "helsinki",
]  # fmt: skip


def msls_side(
    folder: Path, rows: Sequence[tuple[str, float, bool, bool, bool]], corner: Sequence[float] | None
) -> None:
    """Write the tables and images of one side of a city: key, metres, panorama, subtask all, subtask s2w a row."""
    touch(folder, [f"images/{key}.jpg" for key, *_ in rows])
    info = [",key,sequence_key,frame_number"]
    index = [",all,s2w,w2s,o2n,n2o,d2n,n2d"]
    raw = [",key,lon,lat,ca,captured_at,pano"]
    placed = [",key,easting,northing,night,control_panel,view_direction,unique_cluster"]
    for i, (key, metres, pano, every, winter) in enumerate(rows):
        info.append(f"{i},{key},s{i // 4},{i % 4}")
        index.append(f"{i},{every},{winter},False,False,False,False,False")
        if corner is not None:
            east, north, latitude, longitude = corner
            raw.append(f"{i},{key},{longitude},{latitude + metres / 111_320},90.0,2015-01-01,{pano}")
            placed.append(f"{i},{key},{east},{north + metres},False,False,Forward,True")
    tables = {"seq_info": info, "subtask_index": index}
    if corner is not None:
        tables |= {"raw": raw, "postprocessed": placed}
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def msls(root: Path) -> Tree:
    """All cities; those of val have panoramas, rows of no subtask, and a query too far from everything."""
    for city in TRAIN_CITIES:
        for side in ("database", "query"):
            rows = [(f"{city}-{side}{i}", 12.0 * i, False, True, True) for i in range(2)]
            msls_side(root / "train_val" / city / side, rows, (346_000.0, 6_173_000.0, 48.0, 11.0))
    for city, database, queries in (("cph", 10, 7), ("sf", 6, 5)):
        base = root / "train_val" / city
        rows = [(f"{city}-d{i}", 12.0 * i, i == 3, True, i % 2 == 0) for i in range(database)]
        msls_side(base / "database", rows, CITY_CORNER[city])
        rows = [(f"{city}-q{i}", 12.0 * i + 3, i == 1, i != 2, i % 3 == 0) for i in range(queries - 1)]
        rows.append((f"{city}-far", 5_000.0, False, True, False))
        msls_side(base / "query", rows, CITY_CORNER[city])
    for city in ("miami", "athens", "buenosaires", "stockholm", "bengaluru", "kampala"):
        for side in ("database", "query"):
            rows = [(f"{city}-{side}{i}", 0.0, False, True, True) for i in range(2)]
            msls_side(root / "test" / city / side, rows, None)
    # Of cph 10 - 1 and 7 - 3, of sf 6 - 1 and 5 - 3: without panoramas, what no subtask names, and what has no answer.
    splits = {"train": (44, 44, "msls-train@25m"), "val": (14, 6, "msls-val@25m"), "test": (12, 12, "msls-test@list")}
    return Tree(type="msls", splits=splits)


def msls_lists(root: Path) -> Tree:
    """The lists of GSV-Cities and SALAD: one of three queries is not asked."""
    database = ["train_val/cph/database/images/b.jpg", "train_val/cph/database/images/a.jpg"]
    database += ["train_val/sf/database/images/z.jpg"]
    queries = [f"train_val/{city}/query/images/{key}.jpg" for city, key in (("sf", "n"), ("cph", "m"), ("cph", "l"))]
    touch(root, [name.removeprefix("train_val/") for name in (*database, *queries)])
    for side, names in (("db", database), ("q", queries)):
        np.save(root / f"msls_val_{side}Images.npy", np.array([name.removeprefix("train_val/") for name in names]))
    np.save(root / "msls_val_qIdx.npy", np.array([0, 2]))
    np.save(root / "msls_val_pIdx.npy", objects([np.array([2]), np.array([0, 1])]), allow_pickle=True)
    return Tree(type="msls", options={"protocol": "joined"}, splits={"val": (3, 2, "msls-val-joined@list")})


def msls_formatted(root: Path) -> Tree:
    """VPR-datasets-downloader: every query, both cities in one folder."""
    touch(root, _below("images/val/database", _row(8, zone="33U", east=346_000, step=8)))
    touch(root, _below("images/val/queries", _row(5, zone="33U", east=346_002, step=8)))
    return Tree(type="msls", options={"protocol": "merged"}, splits={"val": (8, 5, "msls-val-merged@25m")})


TREES: dict[str, Callable[[Path], Tree]] = {
    make.__name__: make
    for make in (
        sped,
        sped_lists,
        sped_formatted,
        essex3in1,
        gardens_point,
        gardens_point_walks,
        places17,
        amstertime,
        amstertime_formatted,
        st_lucia,
        eynsham,
        svox,
        sf_xl,
        baidu_mall,
        pitts30k_formatted,
        tokyo247_formatted,
        nordland_vprbench,
        nordland_formatted,
        nordland_seasons,
        msls,
        msls_lists,
        msls_formatted,
    )
}

FORMS = frozenset(
    {
        "sped_lists",
        "sped_formatted",
        "gardens_point_walks",
        "amstertime_formatted",
        "nordland_formatted",
        "nordland_seasons",
        "msls_lists",
        "msls_formatted",
    }
)
"""Trees that are another form of a set that another tree stands for."""
OTHER: dict[str, tuple[str, dict[str, list[Any]]]] = {
    "pitts30k_formatted": ("pitts30k", {}),
    "tokyo247_formatted": ("tokyo247", {}),
    "nordland_vprbench": ("nordland", {"tolerance": [0]}),
    "msls": ("msls", {"cities": [("cph", "miami")], "subtask": ["s2w"], "sequences": [True], "task": ["seq2im"]}),
    "places17": ("17places", {"tolerance": [3]}),
    "sf_xl": ("sf_xl", {"queries": [("night",)]}),
    "svox": ("svox", {"queries": [("night", "sun")]}),
    "baidu_mall": ("baidu_mall", {"turn": [20.0]}),
}
"""Name of the set where that of the tree differs, and other values of its fields for a contract to try."""
INERT = {
    "gardens_point": dict.fromkeys(("database", "queries"), "folders, of which this tree has one pair"),
    "sf_xl": {"part": "this tree has one"},
    "msls": {"length": "of sequences, which the set has none of unless task says so"},
    "nordland_vprbench": {"variant": "this tree has one"},
}
"""Fields that a contract cannot see anything of."""
