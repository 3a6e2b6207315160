"""What is said of a published set: how many images it has, where it may be had, how its files are laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Counts", "Download", "Published"]


@dataclass(frozen=True)
class Counts:
    """Images of a split as published; ``sure`` is False where no official file was at hand to count them.

    ``subsets`` are the numbers of queries of named query sets; ``source`` says who has numbers that are not ``sure``;
    empty: memory alone.
    """

    database: int
    queries: int
    sure: bool = True
    subsets: Mapping[str, int] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Download:
    """One public file.

    Attributes:
        url: where it lies.
        to: folder below the root that the files of the archive are put into, or the file itself if it is no archive.
        what: for the user.
        sha256: of the file, where known.
    """

    url: str
    to: str
    what: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published set.

    Attributes:
        name: as in run files.
        what: it shows, in a few words.
        protocols: how a recall on it is labelled, the literature's rule first.
        counts: split (or variant) to numbers of images; for retrieval sets the one split ``test``.
        downloads: what may be fetched by anyone.
        ask: whom to ask for the rest and how; empty when ``downloads`` is all of it.
        layout: the tree of files that is expected below the root.
        terms: what using the files asks of one.
        licence: of the images, in a word or two; ``-``: none was found.
        notes: what a reader of its numbers has to know.
    """

    name: str
    what: str = ""
    protocols: tuple[str, ...] = ()
    counts: Mapping[str, Counts]
    downloads: tuple[Download, ...] = ()
    ask: str = ""
    layout: str
    terms: str = ""
    licence: str = "-"
    notes: str = ""
