"""An evaluation report as text."""

from __future__ import annotations

from vpr_runner.evaluation.report import Report, SubsetRecall

__all__ = ["as_text"]


def as_text(report: Report) -> str:
    """Return the recalls with their intervals, and what they rest on."""
    head = [
        f"{report.protocol}: {report.queries} queries, {report.database} database images, split {report.split}",
        *_table({"all": report.whole, **report.subsets} if report.subsets else {"": report.whole}),
    ]
    if report.without_positives:
        treated = "left out" if report.counted < report.queries else "counted as failed"
        head.append(f"{report.without_positives} queries have no right image in the database and are {treated}")
    for what, names in (("queries", report.unreadable_queries), ("database images", report.unreadable_database)):
        if names:
            name, reason = next(iter(names.items()))
            head.append(f"{len(names)} {what} could not be read, for one {name}: {reason}")
    times = report.milliseconds
    spent = f"{', '.join(f'{part} {time:.2f} ms' for part, time in times.items())} an image; " if times else ""
    if report.dim:
        head.append(
            f"descriptor: {report.dim} numbers, {report.descriptor_bytes} bytes; {spent}"
            f"{report.images_per_second:.0f} images/s with decoding"
        )
    if report.reordered is not None:
        head.append(str(report.reordered))
    return "\n".join(head)


def _table(rows: dict[str, SubsetRecall]) -> list[str]:
    width = max(len(label) for label in rows)
    lines = []
    for label, part in rows.items():
        for at, value in part.recall.items():
            interval = part.intervals.get(at)
            reach = f"  95 %: {100 * interval[0]:5.1f} .. {100 * interval[1]:5.1f}" if interval else ""
            lines.append(f"  {label:<{width}}{'  ' if width else ''}recall@{at:<4} {100 * value:6.2f}{reach}")
    return lines
