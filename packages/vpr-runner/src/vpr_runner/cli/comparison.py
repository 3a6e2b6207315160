"""An evaluation beside an earlier one of another network, query by query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["against", "earlier_report"]

_SAME = ("protocol", "split", "queries", "database", "evaluated")


def earlier_report(file: Path) -> dict[str, Any]:
    """Read what ``vpr eval --output`` wrote.

    Raises:
        UsageError: the file cannot be read or is no such report.
    """
    from vpr_core import UsageError
    from vpr_runner.files.documents import parsed

    wrong = f"--against: {file} is no report; `vpr eval OTHER --output {file.name}` writes one"
    try:
        report = parsed(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--against: {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{wrong} ({error})") from error
    if not isinstance(report, dict) or not {*_SAME, "first_hits"} <= report.keys():
        raise UsageError(wrong)
    return report


def against(report: dict[str, Any], other: dict[str, Any], *, name: str) -> str:
    """Return for each N how much higher recall@N is than in ``other``, with a 95 % interval and the p-value.

    Both are reports as plain values. Hits are compared query by query (`vpr_eval.paired_test`).

    Raises:
        UsageError: the two were measured on different data or under different protocols.
    """
    import numpy as np

    from vpr_core import UsageError
    from vpr_eval import paired_test

    for field in _SAME:
        if report[field] != other[field]:
            shown = "" if field == "evaluated" else f": {report[field]} here, {other[field]} there"
            raise UsageError(f"--against: {name} cannot be compared, {field} differs{shown}")
    data = [_data(each) for each in (report, other)]
    if None not in data and data[0] != data[1]:
        raise UsageError(
            f"--against: {name} cannot be compared, its images or positions were others (data fingerprint)"
        )
    counted = np.array(report["evaluated"], dtype=bool)
    here, there = (np.array(each["first_hits"], dtype=np.int64)[counted] for each in (report, other))
    lines = [f"against {name}, on the same {len(here)} queries:"]
    for n in (int(text) for text in report["recall"] if text in other["recall"]):
        first, second = ((ranks >= 1) & (ranks <= n) for ranks in (here, there))
        test = paired_test(first, second)
        lines.append(
            f"  recall@{n:<4} {100 * test.difference:+6.2f}  95 %: {100 * test.low:+6.1f} .. {100 * test.high:+6.1f}  "
            f"p = {test.p_value:.3f}  (right only here {test.first_better}, only there {test.second_better})"
        )
    return "\n".join(lines)


def _data(report: dict[str, Any]) -> Any:
    """The fingerprint of a report's data set; None in a report that names none."""
    provenance = report.get("provenance")
    return provenance.get("data") if isinstance(provenance, dict) else None
