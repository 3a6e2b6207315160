"""The published sets by name: what is known of each, and what opens it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vpr_data.places.splits import Splits
from vpr_data.published.amstertime import AMSTERTIME, amstertime
from vpr_data.published.baidu_mall import BAIDU_MALL, baidu_mall
from vpr_data.published.entry import Counts, Download, Published
from vpr_data.published.essex3in1 import ESSEX3IN1, essex3in1
from vpr_data.published.eynsham import EYNSHAM, eynsham
from vpr_data.published.gardens_point import GARDENS_POINT, gardens_point
from vpr_data.published.holidays import HOLIDAYS, holidays
from vpr_data.published.msls import MSLS, msls
from vpr_data.published.nordland import NORDLAND, nordland
from vpr_data.published.oxford5k import OXFORD5K, oxford5k
from vpr_data.published.paris6k import PARIS6K, paris6k
from vpr_data.published.pittsburgh import PITTSBURGH, pitts30k, pitts250k
from vpr_data.published.places17 import PLACES17, places17
from vpr_data.published.retrieval import RetrievalSet
from vpr_data.published.sf_xl import SF_XL, sf_xl
from vpr_data.published.sped import SPED, sped
from vpr_data.published.st_lucia import ST_LUCIA, st_lucia
from vpr_data.published.svox import SVOX, svox
from vpr_data.published.tokyo import TOKYO, tokyo247, tokyo_tm

__all__ = ["PUBLISHED", "Counts", "Download", "Published", "open_published"]

PUBLISHED: dict[str, Published] = {
    entry.name: entry
    for entry in (
        *PITTSBURGH,
        *TOKYO,
        MSLS,
        SF_XL,
        SVOX,
        ST_LUCIA,
        EYNSHAM,
        NORDLAND,
        AMSTERTIME,
        SPED,
        ESSEX3IN1,
        GARDENS_POINT,
        PLACES17,
        BAIDU_MALL,
        OXFORD5K,
        PARIS6K,
        HOLIDAYS,
    )
}
"""By name. Numbers of Pittsburgh are counted in the official files, those of Tokyo 24/7 in its published positions."""

_OPEN: dict[str, Callable[..., Splits | RetrievalSet]] = {
    "pitts30k": pitts30k,
    "pitts250k": pitts250k,
    "tokyo247": tokyo247,
    "tokyo_tm": tokyo_tm,
    "msls": msls,
    "nordland": nordland,
    "sf_xl": sf_xl,
    "svox": svox,
    "st_lucia": st_lucia,
    "eynsham": eynsham,
    "amstertime": amstertime,
    "sped": sped,
    "essex3in1": essex3in1,
    "gardens_point": gardens_point,
    "17places": places17,
    "baidu_mall": baidu_mall,
    "oxford5k": oxford5k,
    "paris6k": paris6k,
    "holidays": holidays,
}


def published(name: str) -> Published:
    """Return the entry of a set.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in PUBLISHED:
        raise ValueError(f"name must be one of {', '.join(PUBLISHED)}, got {name!r}")
    return PUBLISHED[name]


def open_published(name: str, *, root: Path | str, **options: Any) -> Splits | RetrievalSet:
    """Return a published set by name; ``options`` are those of the function of that name.

    Raises:
        ValueError: no such name, or its files are wrong.
        FileNotFoundError: its ground truth is not there.
    """
    published(name)
    return _OPEN[name](root=root, **options)
