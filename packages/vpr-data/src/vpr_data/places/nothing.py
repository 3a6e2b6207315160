"""No data set: what a network is given that is asked about images on the command line only."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["NoDataset"]


class NoDataset:
    """A data set without splits.

    >>> NoDataset().split_names
    ()
    """

    @property
    def split_names(self) -> tuple[str, ...]:
        """None at all."""
        return ()

    def split(self, name: str) -> NoReturn:
        """Refuse.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"name: there is no split {name!r}: `dataset: {{type: none}}` has none; name a data set")

    def fingerprint(self) -> str:
        """Return what identifies its content: nothing."""
        return ""
