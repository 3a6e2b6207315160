"""Which of several numbers in a file's name is the number of its frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["frame_numbers"]

NUMBER = re.compile(r"\d+")
NOT_FRAMES = (
    "cam",
    "camera",
    "view",
    "lens",
    "sensor",
    "tile",
    "rot",
    "pitch",
    "yaw",
    "roll",
    "run",
    "seq",
    "v",
    "rev",
)
"""Words that stand before the number of something else."""
FRAMES = ("frame", "frames", "frm", "fr", "idx", "index")


def frame_numbers(names: Sequence[str], where: Callable[[int], str] = repr) -> list[str]:
    """Return the number of the frame in each name, '' where a name has none at all.

    The only number, if every name has one. Of several, one that a word calls a frame, else the only one that varies
    from name to name and that no word calls a camera, view or run (``000123_cam0``, ``cam1-640x480-0007``).

    Args:
        names: relative paths; folders do not count.
        where: names an image in a message.

    Raises:
        ValueError: no name has a number, or several numbers could be it.

    >>> frame_numbers(["000000_cam0.jpg", "000001_cam0.jpg"])
    ['000000', '000001']
    """
    stems = [name.rpartition("/")[2].rpartition(".")[0] or name.rpartition("/")[2] for name in names]
    found = [list(NUMBER.finditer(stem)) for stem in stems]
    if names and not any(found):
        raise ValueError(
            f"name of {where(0)} has no number to be its frame; number the files, or give a column 'frame'"
        )
    numbered = [(stem, numbers) for stem, numbers in zip(stems, found, strict=True) if numbers]
    counts = {len(numbers) for _, numbers in numbered}
    if counts == {1}:
        return [numbers[0][0] if numbers else "" for numbers in found]
    if len(counts) == 1:
        place = _place(numbered)
        if place is not None:
            return [numbers[place][0] if numbers else "" for numbers in found]
    row = max(range(len(names)), key=lambda row: len(found[row]))
    raise ValueError(
        f"name of {where(row)} has several numbers that could be the frame ({', '.join(n[0] for n in found[row])}); "
        "give a table with a column 'frame', or name the files by the frame alone"
    )


def _place(numbered: Sequence[tuple[str, list[re.Match[str]]]]) -> int | None:
    """Return which of the numbers is the frame's, None where that cannot be told."""
    columns = range(len(numbered[0][1]))
    words = [{_word_before(stem, numbers[column].start()) for stem, numbers in numbered} for column in columns]
    called = [column for column in columns if words[column] <= set(FRAMES)]
    varying = [
        column
        for column in columns
        if len({int(numbers[column][0]) for _, numbers in numbered}) > 1 and not words[column] & set(NOT_FRAMES)
    ]
    for candidates in (called, varying):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _word_before(stem: str, start: int) -> str:
    found = re.search(r"([A-Za-z]*)[_\-. ]*$", stem[:start])
    return found[1].lower() if found else ""
