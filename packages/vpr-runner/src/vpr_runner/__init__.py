"""The engine behind the ``vpr`` command: train, evaluate and extract any combination of registered components.

```
assemble(config, registry) -> Retriever
train(config, registry, *, run_directory, progress=True, resume=True) -> TrainResult(retriever, best, run_directory)
evaluate(retriever, split, config, *, registry, whitening=None, progress=True) -> Report
extract(retriever, images, *, output, chunk=1024, ..., progress=True) -> ExtractResult
save_retriever(retriever, path, config);  load_retriever(path, registry) -> (Retriever, RunConfig)
load_descriptors(folder) -> Descriptors        lazily concatenated rows of an extraction
```

Names are loaded when first asked for: importing ``vpr_runner`` imports neither torch nor numpy, so that ``vpr --help``
answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_runner.evaluation.evaluate import evaluate
    from vpr_runner.evaluation.whitening import fit_whitening
    from vpr_runner.extraction.extract import Descriptors, ExtractResult, extract, load_descriptors
    from vpr_runner.locate.locator import Locator
    from vpr_runner.loops.detector import LoopDetector
    from vpr_runner.loops.rules import LoopCandidate, LoopRules
    from vpr_runner.network.assembly import assemble
    from vpr_runner.network.retriever import Retriever
    from vpr_runner.network.storage import load_retriever, save_retriever
    from vpr_runner.training.run_directory import RunDirectory
    from vpr_runner.training.train import TrainResult, train

__all__ = [
    "Descriptors",
    "ExtractResult",
    "Locator",
    "LoopCandidate",
    "LoopDetector",
    "LoopRules",
    "Retriever",
    "RunDirectory",
    "TrainResult",
    "assemble",
    "evaluate",
    "extract",
    "fit_whitening",
    "load_descriptors",
    "load_retriever",
    "save_retriever",
    "train",
]
__version__ = "0.1.0"

_HOME = {
    "Descriptors": "extraction.extract",
    "ExtractResult": "extraction.extract",
    "Locator": "locate.locator",
    "LoopCandidate": "loops.rules",
    "LoopDetector": "loops.detector",
    "LoopRules": "loops.rules",
    "Retriever": "network.retriever",
    "RunDirectory": "training.run_directory",
    "TrainResult": "training.train",
    "assemble": "network.assembly",
    "evaluate": "evaluation.evaluate",
    "extract": "extraction.extract",
    "fit_whitening": "evaluation.whitening",
    "load_descriptors": "extraction.extract",
    "load_retriever": "network.storage",
    "save_retriever": "network.storage",
    "train": "training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_runner' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_runner.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
