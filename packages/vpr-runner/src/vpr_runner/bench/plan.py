"""What a suite asks for, cell by cell, validated before anything runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vpr_core import ConfigError, ConfigFault, UsageError
from vpr_core.config import components_of, config_hash, parse_run
from vpr_runner.bench.installed import missing
from vpr_runner.bench.merge import fill, laid_over, unfilled
from vpr_runner.bench.suite import RESERVED, Stage, Suite
from vpr_runner.code import OF_RECALL, OF_WEIGHTS, code_of
from vpr_runner.files.provenance import LIBRARIES, versions

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig

__all__ = ["Cell", "plan", "slug"]

DEFAULT_TEST = ""
_EVALUATION_ONLY = ("name", "whiten", "index", "sequence", "rerank", "eval", "compute")
"""Blocks that do not change what training does; cells that differ in these alone share one training run."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method in one setting, at one stage, with one seed.

    Attributes:
        setting: label of the setting, empty when the suite has none.
        method: label of the method.
        stage: untrained, or trained.
        seed: of initialisation, data order and mining.
        config: the run file it amounts to.
        pretraining: the run file whose trained backbone it starts from; None: from what ``config`` says.
        tests: for each test's label the run file that evaluates it.
        code: plug-ins that decide the weights, local ones by their contents, others by their versions.
        measured_with: plug-ins and libraries that decide the numbers. A network that is trained with another version of
            a library stays the same network, and says so (`vpr_runner.training.environment`).
    """

    setting: str
    method: str
    stage: Stage
    seed: int
    config: RunConfig
    pretraining: RunConfig | None
    tests: Mapping[str, RunConfig]
    code: tuple[str, ...] = ()
    measured_with: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """A line's worth of name."""
        return ", ".join(part for part in (self.setting, self.method, self.stage, f"seed {self.seed}") if part)

    @property
    def file_name(self) -> str:
        """Name of the cell's result file; the end of it tells apart labels that read alike."""
        named = json.dumps([self.setting, self.method, self.stage, self.seed])
        parts = [slug(part) for part in (self.setting, self.method, self.stage, str(self.seed)) if part]
        return f"{'-'.join(parts)}-{hashlib.sha256(named.encode()).hexdigest()[:6]}.json"

    @property
    def key(self) -> str:
        """Hash of everything that decides the cell's numbers; a stored result with another key is out of date."""
        leave_out = ("name", "compute")
        parts = [self.stage, *self._start, *self.code, *self.measured_with, *self._precision]
        parts += [config_hash(self.config, leave_out=leave_out)]
        parts += [f"{label}={config_hash(config, leave_out=leave_out)}" for label, config in sorted(self.tests.items())]
        parts += self._executed
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def _precision(self) -> list[str]:
        """Of the arithmetic, the only part of ``compute`` that weights depend on; float32 goes without saying."""
        precision = self.config.compute.precision
        return [] if precision == "float32" else [f"precision={precision}"]

    @property
    def _executed(self) -> list[str]:
        """What executes the network where that is not torch, and the precision of a test that has its own."""
        said = []
        for label, config in sorted({"": self.config, **self.tests}.items()):
            runtime, precision = config.compute.runtime, config.compute.precision
            if runtime is not None and runtime.type != "torch":
                said.append(f"{label} runtime={runtime.model_dump_json()}")
            if precision != self.config.compute.precision:
                said.append(f"{label} precision={precision}")
        return said

    @property
    def training_key(self) -> str:
        """Hash of what decides the trained weights."""
        own = config_hash(self.config, leave_out=_EVALUATION_ONLY)
        more = [*self._start, *self.code, *self._precision]
        return hashlib.sha256("\n".join([*more, own]).encode()).hexdigest() if more else own

    @property
    def pretraining_key(self) -> str | None:
        """Hash of what decides the weights of the backbone that it starts from; None: from what ``config`` says."""
        return None if self.pretraining is None else config_hash(self.pretraining, leave_out=_EVALUATION_ONLY)

    @property
    def _start(self) -> list[str]:
        return [f"pretraining={self.pretraining_key}"] if self.pretraining else []


def plan(
    suite: Suite,
    registry: Registry,
    *,
    overrides: Sequence[str] = (),
    placeholders: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> list[Cell]:
    """Return the suite's cells in the order in which they run: seed by seed, so that a first table exists early.

    Args:
        suite: what is compared.
        registry: the installed components.
        overrides: ``--set`` of the command line, on top of everything.
        placeholders: what ``${data}`` and its like stand for.
        only: labels of methods or settings to keep, all when it names none of either; and of tests, likewise.

    Raises:
        ConfigError: all faults of all cells.
        UsageError: a plug-in that is not installed, a placeholder without a value, an unknown label, no cell left.
    """
    _check_installed(suite)
    suite, only = _with_tests_of(suite, only)
    libraries = [f"{name} {version}" for name, version in versions().items() if name in LIBRARIES]
    cells: list[Cell] = []
    faults: dict[str, ConfigFault] = {}
    for seed in suite.seeds:
        for setting in suite.settings or {"": {}}:
            for method in suite.methods:
                if only and not {method, setting} & set(only):
                    continue
                for stage in suite.stages_of(method, setting):
                    try:
                        cells.append(
                            _cell(
                                suite, registry, setting, method, stage, seed, overrides, placeholders or {}, libraries
                            )
                        )
                    except ConfigError as error:
                        where = ", ".join(part for part in (setting, method) if part)
                        for fault in error.faults:
                            faults.setdefault(f"{where}{fault.path}{fault.message}", _placed(fault, where))
    if faults:
        raise ConfigError(list(faults.values()), source=f"suite {suite.name}")
    if not cells:
        raise UsageError(f"suite {suite.name}: nothing to run; no method has a stage in any setting")
    return cells


def _cell(
    suite: Suite,
    registry: Registry,
    setting: str,
    method: str,
    stage: Stage,
    seed: int,
    overrides: Sequence[str],
    placeholders: Mapping[str, str],
    libraries: Sequence[str],
) -> Cell:
    assert isinstance(suite.base, dict)
    shared = laid_over(suite.base, suite.settings.get(setting, {}))
    run = _seeded(laid_over(shared, suite.methods[method]), seed, registry)
    before = None if suite.pretraining is None else _seeded(laid_over(shared, suite.pretraining), seed, registry)
    tests = {label: laid_over(run, block) for label, block in (suite.tests or {DEFAULT_TEST: {}}).items()}
    config = _validated(run, registry, overrides, placeholders, suite.name)
    evaluated = {
        label: _validated(test, registry, overrides, placeholders, suite.name) for label, test in tests.items()
    }
    return Cell(
        setting=setting,
        method=method,
        stage=stage,
        seed=seed,
        config=config,
        pretraining=_pretraining(before, registry, overrides, placeholders, suite.name) if before else None,
        tests=evaluated,
        code=code_of(components_of(config, OF_WEIGHTS), registry),
        measured_with=(
            *sorted(
                {line for test in evaluated.values() for line in code_of(components_of(test, OF_RECALL), registry)}
            ),
            *libraries,
        ),
    )


def _seeded(run: dict[str, Any], seed: int, registry: Registry) -> dict[str, Any]:
    """Key everything random in the run: its own seed, and the initial weights of components that have a seed."""
    run = {**{key: value for key, value in run.items() if key not in RESERVED}, "seed": seed}
    for kind in ("backbone", "pooling"):
        block = run.get(kind)
        named = block.get("type") if isinstance(block, dict) else None
        spec = next((spec for spec in registry.specs(kind) if spec.name == named), None)
        if isinstance(block, dict) and spec is not None and "seed" in spec.config.model_fields and "seed" not in block:
            run[kind] = {**block, "seed": seed}
    return run


def _pretraining(
    run: dict[str, Any], registry: Registry, overrides: Sequence[str], placeholders: Mapping[str, str], name: str
) -> RunConfig:
    config = _validated(run, registry, overrides, placeholders, name)
    if "weights" not in type(config.backbone).model_fields:
        fault = ConfigFault("pretraining", f"backbone {config.backbone.type} takes no weights to start from")
        raise ConfigError([fault], source=f"suite {name}")
    return config


def _validated(
    run: dict[str, Any], registry: Registry, overrides: Sequence[str], placeholders: Mapping[str, str], name: str
) -> RunConfig:
    run = fill(run, placeholders)
    missing = unfilled(run)
    if missing:
        say = "; give it with --data DIR or the environment variable VPR_DATA" if missing == {"data"} else ""
        raise UsageError(f"suite {name}: nothing is known to put for ${{{'}, ${'.join(sorted(missing))}}}{say}")
    return parse_run(json.dumps(run), registry, overrides, source=f"suite {name}")


def _placed(fault: ConfigFault, where: str) -> ConfigFault:
    # A line number of the merged text would mislead; the --set that caused a fault helps.
    return ConfigFault(fault.path, fault.message, f"{where}; {fault.where}" if "--set" in fault.where else where)


def _check_installed(suite: Suite) -> None:
    lacking = missing(suite.requires)
    if lacking:
        raise UsageError(
            f"suite {suite.name}: requires {', '.join(lacking)}, not installed here; pip install it (in a clone of the "
            "toolkit: pip install ./plugins/NAME, or './packages/NAME[EXTRA]')"
        )


def _with_tests_of(suite: Suite, only: Sequence[str]) -> tuple[Suite, list[str]]:
    """Return the suite with the tests that ``only`` names, and what else it names."""
    known = [*suite.methods, *suite.settings, *suite.tests]
    unknown = [label for label in only if label not in known]
    if unknown:
        raise UsageError(
            f"--only {unknown[0]}: suite {suite.name} has no such method, setting or test; it has {', '.join(known)}"
        )
    tests = {label: block for label, block in suite.tests.items() if label in only}
    rest = [label for label in only if label in suite.methods or label in suite.settings]
    return (suite.model_copy(update={"tests": tests}) if tests else suite), rest


def slug(label: str) -> str:
    """Return a label as a part of a file name.

    >>> slug("NetVLAD, K = 64")
    'netvlad-k-64'
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "x"
