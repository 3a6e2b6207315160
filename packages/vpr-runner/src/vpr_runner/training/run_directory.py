"""The folder of one run: what was asked, with what, on what data, and what came of it.

```
config.yaml        the resolved run file             checkpoints/   the last few, to go on from
environment.json   versions, hardware, commit        best/          model of the best validation result
data.json          fingerprint of the data set       model/         the finished model, whitening included
metrics.jsonl      one line a part and an epoch      report.json    the end: written last
```
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_core.config import SCHEDULING_FIELDS, config_hash, to_yaml
from vpr_runner.distributed import Ranks
from vpr_runner.evaluation.data_fingerprint import fingerprint_of_data
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.files.lock import folder_lock
from vpr_runner.training.checkpoint import Checkpoints
from vpr_runner.training.environment import describe_start, describe_weights
from vpr_runner.training.loggers import Loggers

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import Dataset, PlaceSplit

__all__ = ["RunDirectory"]

FORMAT = 1
_MAY_CHANGE = {"name", "plugins", "compute", "eval", "whiten", "sequence", "rerank", *SCHEDULING_FIELDS}
_MAY_CHANGE_IN_TRAIN = {"epochs", "keep", "micro_batch"}  # of the last: how, not what, is computed


class RunDirectory:
    """One run's folder, held by this process; made by `RunDirectory.hold`."""

    def __init__(self, path: Path, config: RunConfig, *, writes: bool, code: Sequence[str] = ()) -> None:
        self.path, self.config, self.writes, self.code = path, config, writes, tuple(code)
        self.checkpoints = Checkpoints(path / "checkpoints", keep=config.train.keep)
        self._loggers = Loggers()
        self._records = 0

    @classmethod
    @contextmanager
    def hold(
        cls, path: Path, config: RunConfig, *, ranks: Ranks, resume: bool, code: Sequence[str] = ()
    ) -> Iterator[RunDirectory]:
        """Take ``path`` for this run: a new folder, or one in which the same run was begun.

        ``code`` names local plug-ins by their contents (`vpr_runner.code`): with another text it is another run.

        Raises:
            UsageError: another process holds it, it holds another run, or it holds this one and ``resume`` is False.
        """
        if not ranks.is_main:
            ranks.wait()
            yield cls(path, config, writes=False, code=code)
            return
        run = cls(path, config, writes=True, code=code)
        with folder_lock(path, purpose="vpr train", worth=run._has_work) as ended_badly:
            run._begin(resume=resume, ended_badly=ended_badly)
            ranks.wait()
            try:
                yield run
            finally:
                run._loggers.close()

    def _begin(self, *, resume: bool, ended_badly: bool) -> None:
        for folder in (self.path, self.path / "checkpoints", self.path / "best", self.path / "model"):
            atomic.remove_leftovers(folder)
        identity = self._read("run.json")
        wanted = self._identity()
        if ended_badly and identity is not None and identity.get("format") == FORMAT and not self._has_work():
            # A start that was killed before it did anything: whatever it was to be, this one takes its place.
            (self.path / "data.json").unlink(missing_ok=True)
        elif identity is not None:
            if identity.get("format") != FORMAT:
                raise UsageError(
                    f"{self.path}: written by another version of the toolkit (format {identity.get('format')}, this "
                    f"one writes {FORMAT}); take another folder, or finish the run with that version"
                )
            before = identity.get("config")
            if isinstance(before, dict):  # run directories of the first days do not say in what precision
                before = {"compute": wanted["compute"], **before}
            different = _differences(before, wanted)
            if different:
                raise UsageError(
                    f"{self.path} holds a run of another configuration: {'; '.join(different)}. Take another folder, "
                    "or undo the change to go on with that run"
                )
            if not resume:
                raise UsageError(
                    f"{self.path} holds this run already; resume it, take another folder, or delete this one"
                )
        elif any(name.name != ".lock" for name in self.path.iterdir()):
            raise UsageError(f"{self.path} is not empty and no run directory; name a new or an empty folder")
        # What makes the folder a run directory comes first: killed in between, the next start knows it again.
        atomic.write_json(self.path / "run.json", {"format": FORMAT, "config": wanted})
        atomic.write_text(self.path / "config.yaml", to_yaml(self.config))
        if not (self.path / "report.json").exists():  # a finished run is only read
            describe_start(self.path)

    def _has_work(self) -> bool:
        """Whether there is anything to go on with: a state, a network, or the report of a finished run."""
        kept = ("checkpoints/*.pt", "best/*.safetensors", "model/*.safetensors", "report.json")
        return any(next(self.path.glob(pattern), None) is not None for pattern in kept)

    def _identity(self) -> dict[str, Any]:
        """What may not change between two starts of one run."""
        data = self.config.model_dump(mode="json", exclude=_MAY_CHANGE)
        data["compute"] = {"precision": self.config.compute.precision}
        data["train"] = {key: value for key, value in data["train"].items() if key not in _MAY_CHANGE_IN_TRAIN}
        if self.code:
            data["code"] = list(self.code)
        return json.loads(json.dumps(data))  # type: ignore[no-any-return]

    def describe_data(self, dataset: Dataset, split: PlaceSplit) -> None:
        """Record the data set, or refuse to go on with a data set that has changed."""
        if not self.writes:
            return
        found = {
            "fingerprint": fingerprint_of_data(dataset),
            "splits": list(dataset.split_names),
            "split": split.name,
            "database": len(split.database),
            "queries": len(split.queries),
        }
        before = self._read("data.json")
        if before is not None and before != found:
            changed = "; ".join(_differences(before, found))
            raise UsageError(
                f"{self.path}: the data set has changed since this run began: {changed}. Restore the data, or begin a "
                "new run"
            )
        atomic.write_json(self.path / "data.json", found)

    def describe_weights(self, found: Mapping[str, Any]) -> None:
        """Record whose weights the network starts from, beside what it is trained with."""
        if self.writes and found:
            describe_weights(self.path, found)

    @property
    def metrics_size(self) -> int:
        """Length of ``metrics.jsonl`` in bytes: what a checkpoint remembers of it."""
        file = self.path / "metrics.jsonl"
        return file.stat().st_size if file.exists() else 0

    def record(self, **values: Any) -> None:
        """Append one line to ``metrics.jsonl``."""
        if not self.writes:
            return
        with (self.path / "metrics.jsonl").open("ab") as file:
            file.write(json.dumps(values, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._loggers.log(self._records, values)
        self._records += 1

    def tell_loggers(self, registry: Registry) -> None:
        """Tell the run file's loggers of every record from now on; those that are on disk count.

        Raises:
            UsageError: a logger cannot be set up.
        """
        if not self.writes:
            return
        file = self.path / "metrics.jsonl"
        self._records = file.read_bytes().count(b"\n") if file.exists() else 0
        self._loggers = Loggers.build(
            self.config.loggers,
            registry,
            folder=self.path,
            name=self.config.name,
            config=self.config.model_dump(mode="json"),
            after=self._records - 1,
        )

    def forget_metrics_after(self, size: int) -> None:
        """Drop the lines that a killed process wrote after its last checkpoint: they will be written again."""
        if self.writes and self.metrics_size > size:
            os.truncate(self.path / "metrics.jsonl", size)

    @property
    def report(self) -> dict[str, Any] | None:
        """The finished run's report, or None while it is not finished under this very configuration."""
        report = self._read("report.json")
        return report if report is not None and report.get("config_hash") == config_hash(self.config) else None

    def finish(self, report: Mapping[str, Any]) -> None:
        """Write the report: the run is done."""
        if self.writes:
            atomic.write_json(self.path / "report.json", {"config_hash": config_hash(self.config), **report})

    def _read(self, name: str) -> dict[str, Any] | None:
        file = self.path / name
        if not file.exists():
            return None
        try:
            value = parsed(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{file}: not JSON ({error}); restore it or begin a new run") from error
        if not isinstance(value, dict):
            raise UsageError(f"{file}: expected a JSON object; restore it or begin a new run")
        return value


def _differences(old: Any, new: Any, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [line for key in keys for line in _differences(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))]
    return [] if old == new else [f"{path} was {json.dumps(old)}, is now {json.dumps(new)}"]
