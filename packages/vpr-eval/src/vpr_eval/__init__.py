"""Evaluation of visual place recognition: search, recall@N, average precision, whitening, intervals.

Names are loaded when first asked for, so that a host may list the components without importing numpy or faiss.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_eval.average_precision import AveragePrecisionResult, mean_average_precision
    from vpr_eval.index.approximate import ApproximateIndex
    from vpr_eval.index.base import DescriptorIndex
    from vpr_eval.index.binary import BinaryIndex
    from vpr_eval.index.check import SelfCheck
    from vpr_eval.index.container import IndexHeader, read_index_digest, read_index_header
    from vpr_eval.index.exact import search_exact
    from vpr_eval.index.flat import FlatIndex
    from vpr_eval.index.hnsw import HNSWIndex
    from vpr_eval.index.ivf_pq import IVFPQIndex
    from vpr_eval.index.ivf_rabitq import IVFRaBitQIndex
    from vpr_eval.index.ivf_sq import IVFSQIndex
    from vpr_eval.index.loading import load_index
    from vpr_eval.index.stored import StoredRows
    from vpr_eval.index.validation import check_fingerprint
    from vpr_eval.intervals import Interval, bootstrap_interval, wilson_interval
    from vpr_eval.neighbours import Neighbours
    from vpr_eval.paired import PairedTest, mcnemar, paired_test
    from vpr_eval.query_box import grow_query_box
    from vpr_eval.recall import RecallResult, recall_at
    from vpr_eval.report import Report, report_csv, report_markdown
    from vpr_eval.suppression import drop_same_time, suppress_groups
    from vpr_eval.tables import csv_table, markdown_table
    from vpr_eval.threshold_curve import PrecisionRecall, precision_recall
    from vpr_eval.whitening import Whitening, shorten

__all__ = [
    "ApproximateIndex",
    "AveragePrecisionResult",
    "BinaryIndex",
    "DescriptorIndex",
    "FlatIndex",
    "HNSWIndex",
    "IVFPQIndex",
    "IVFRaBitQIndex",
    "IVFSQIndex",
    "IndexHeader",
    "Interval",
    "Neighbours",
    "PairedTest",
    "PrecisionRecall",
    "RecallResult",
    "Report",
    "SelfCheck",
    "StoredRows",
    "Whitening",
    "bootstrap_interval",
    "check_fingerprint",
    "csv_table",
    "drop_same_time",
    "grow_query_box",
    "load_index",
    "markdown_table",
    "mcnemar",
    "mean_average_precision",
    "paired_test",
    "precision_recall",
    "read_index_digest",
    "read_index_header",
    "recall_at",
    "report_csv",
    "report_markdown",
    "search_exact",
    "shorten",
    "suppress_groups",
    "wilson_interval",
]
__version__ = "0.1.0"

_HOME = {
    "ApproximateIndex": "index.approximate",
    "AveragePrecisionResult": "average_precision",
    "BinaryIndex": "index.binary",
    "DescriptorIndex": "index.base",
    "FlatIndex": "index.flat",
    "HNSWIndex": "index.hnsw",
    "IVFPQIndex": "index.ivf_pq",
    "IVFRaBitQIndex": "index.ivf_rabitq",
    "IVFSQIndex": "index.ivf_sq",
    "IndexHeader": "index.container",
    "Interval": "intervals",
    "Neighbours": "neighbours",
    "PairedTest": "paired",
    "PrecisionRecall": "threshold_curve",
    "RecallResult": "recall",
    "Report": "report",
    "SelfCheck": "index.check",
    "StoredRows": "index.stored",
    "Whitening": "whitening",
    "bootstrap_interval": "intervals",
    "check_fingerprint": "index.validation",
    "csv_table": "tables",
    "drop_same_time": "suppression",
    "grow_query_box": "query_box",
    "load_index": "index.loading",
    "markdown_table": "tables",
    "mcnemar": "paired",
    "mean_average_precision": "average_precision",
    "paired_test": "paired",
    "precision_recall": "threshold_curve",
    "read_index_digest": "index.container",
    "read_index_header": "index.container",
    "recall_at": "recall",
    "report_csv": "report",
    "report_markdown": "report",
    "search_exact": "index.exact",
    "shorten": "whitening",
    "suppress_groups": "suppression",
    "wilson_interval": "intervals",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_eval' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_eval.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
