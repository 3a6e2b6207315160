"""A suite: what is compared, on what, with which seeds. Suites differ from one another in few lines of YAML."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vpr_core import ConfigError, ConfigFault, UsageError
from vpr_core.config import read_yaml

__all__ = ["RESERVED", "Stage", "Suite", "find_suite", "known_suites", "load_suite", "plugins_of", "suite_folders"]

Stage = Literal["untrained", "trained"]
Label = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^/\\|\x00-\x1f]+$")]
Overrides = dict[str, Any]
STAGES: tuple[Stage, ...] = ("untrained", "trained")
STAGES_KEY, SETTINGS_KEY = "stages", "settings"
RESERVED = (STAGES_KEY, SETTINGS_KEY)
"""Keys of a method or setting that belong to no run file."""


class Suite(BaseModel):
    """One comparison: every method, in every setting, at every stage, with every seed.

    Each method, setting and test is a part of a run file, laid over ``base`` in the order base, setting, method, test:
    a block with a ``type`` replaces the one before, a block without changes some of its fields.
    A method or a setting may also hold ``stages``, when not all of the suite's make sense for it, and a method
    ``settings``, the labels of those that it makes sense in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Name of the result files.")]
    title: Annotated[str, Field(min_length=1, description="One line above the table and the figure.")]
    notes: Annotated[str, Field(description="What a reader of the table should know.")] = ""
    base: Annotated[
        Overrides | str, Field(description="A run file's content, or a run file's path relative to the suite.")
    ]
    requires: Annotated[
        list[str],
        Field(
            description="Distributions of the plug-ins that it needs, beside the toolkit's own packages, and of those "
            "the extras: vpr-rerank[opencv]."
        ),
    ] = Field(default_factory=list)
    plugins: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(description="Local plug-ins, as in a run file: Python files, relative to the suite."),
    ] = Field(default_factory=list)
    pretraining: Annotated[
        Overrides | None,
        Field(
            description="Part of a run file, laid over base and setting, that is trained first, once a seed: every "
            "method starts from its backbone, as from weights learnt elsewhere."
        ),
    ] = None
    table: Annotated[
        str | None, Field(description="The one block in which methods differ; checked when given (a fair comparison).")
    ] = None
    methods: Annotated[dict[Label, Overrides], Field(min_length=1, description="Label: part of a run file.")]
    settings: Annotated[
        dict[Label, Overrides], Field(description="Label: part of a run file; a table is printed for each.")
    ] = Field(default_factory=dict)
    tests: Annotated[
        dict[Label, Overrides],
        Field(description="Label: part of a run file for evaluation only; default: the run's own data set."),
    ] = Field(default_factory=dict)
    decision: Annotated[
        bool,
        Field(
            description="Also report recall at 100 % precision: the share of queries that a threshold on the first "
            "answer's distance can accept without accepting a wrong one."
        ),
    ] = False
    baseline: Annotated[
        str | None,
        Field(description="Method that each other one is tested against, query by query; default the first."),
    ] = None
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=100)] = Field(
        default_factory=lambda: [0, 1, 2]
    )
    stages: Annotated[list[Stage], Field(min_length=1)] = Field(default_factory=lambda: list(STAGES))

    @model_validator(mode="after")
    def _consistent(self) -> Suite:
        if self.baseline is not None and self.baseline not in self.methods:
            raise ValueError(f"baseline: {self.baseline!r} is no method; one of {', '.join(self.methods)}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: {self.seeds} names a seed twice; each seed is one run")
        one = {"": self.pretraining or {}}
        for kind, blocks in (
            *(("methods", self.methods), ("settings", self.settings), ("tests", self.tests), ("pretraining", one)),
        ):
            for label, block in blocks.items():
                if "plugins" in block:
                    where = f"{kind}.{label}".rstrip(".")
                    raise ValueError(
                        f"{where}.plugins: all cells see the same components; write plugins: at the top of the suite"
                    )
        for kind, blocks in (("methods", self.methods), ("settings", self.settings)):
            for label, block in blocks.items():
                _check_labels(f"{kind}.{label}.{STAGES_KEY}", block.get(STAGES_KEY), STAGES)
        for label, block in self.methods.items():
            _check_labels(f"methods.{label}.{SETTINGS_KEY}", block.get(SETTINGS_KEY), self.settings)
        if self.table is not None:
            for label, block in self.methods.items():
                other = sorted(set(block) - {*RESERVED, self.table})
                if other:
                    raise ValueError(
                        f"methods.{label}: changes {', '.join(other)}, but the suite says that its methods differ in "
                        f"{self.table} only; move what is common into base, or remove the line `table:`"
                    )
        return self

    def stages_of(self, method: str, setting: str) -> list[Stage]:
        """Return the stages that this method has in this setting, in the suite's order."""
        if setting and setting not in self.methods[method].get(SETTINGS_KEY, [setting]):
            return []
        own = self.methods[method].get(STAGES_KEY, self.stages)
        there = self.settings.get(setting, {}).get(STAGES_KEY, self.stages)
        return [stage for stage in self.stages if stage in own and stage in there]


def _check_labels(where: str, labels: object, known: Collection[str]) -> None:
    if labels is not None and (not isinstance(labels, list) or not labels or not set(labels) <= set(known)):
        raise ValueError(f"{where}: {labels!r} is no list of {', '.join(known) or 'labels (the suite has none)'}")


def suite_folders(start: Path | None = None) -> list[Path]:
    """Return where suites are looked for by name: ``bench/suites`` here and above, then those that came with us."""
    here = (start or Path.cwd()).resolve()
    folders = [folder / "bench" / "suites" for folder in (here, *here.parents)]
    return [folder for folder in (*folders, Path(__file__).with_name("suites")) if folder.is_dir()]


def find_suite(name: str | Path) -> Path:
    """Return the file of a suite given by path or by name (``city``).

    Raises:
        UsageError: neither a file nor the name of a suite; lists the names.
    """
    path = Path(name)
    if path.is_file():
        return path
    folders = suite_folders()
    if path.name == str(name) and not path.suffix:
        for folder in folders:
            if (folder / f"{name}.yaml").is_file():
                return folder / f"{name}.yaml"
    raise UsageError(f"{name}: no such suite file; by name there are: {', '.join(known_suites()) or 'none'}")


def known_suites(start: Path | None = None) -> list[str]:
    """Return the names of suites, sorted."""
    return sorted({file.stem for folder in suite_folders(start) for file in folder.glob("*.yaml")})


def load_suite(path: Path) -> Suite:
    """Read and check a suite file.

    Raises:
        ConfigError: all faults at once, each with its path in the file.
    """
    document = read_yaml(path)
    content = document.data
    if not isinstance(content, dict):
        raise ConfigError(
            [ConfigFault("", "a suite is a mapping with name, title, base and methods")], source=str(path)
        )
    try:
        suite = Suite.model_validate(content)
    except ValidationError as error:
        raise ConfigError([_fault(item) for item in error.errors(include_url=False)], source=str(path)) from None
    base, folder = suite.base, path.parent
    if isinstance(base, str):
        folder = (folder / base).parent
        base = read_yaml(path.parent / base).data
        if not isinstance(base, dict):
            raise ConfigError([ConfigFault("base", f"{suite.base} holds no run file")], source=str(path))
    plugins = [*_beside(path.parent, suite.plugins, path), *_beside(folder, base.get("plugins", []), path)]
    if plugins or "plugins" in base:
        base = {**base, "plugins": list(dict.fromkeys(plugins))}
    return suite.model_copy(update={"base": base})


def _beside(folder: Path, plugins: object, source: Path) -> list[str]:
    """A suite may be run from anywhere; its plug-ins lie beside the file that names them."""
    if not isinstance(plugins, list) or not all(isinstance(item, str) and item for item in plugins):
        message = f"got {plugins!r}, expected a list of Python files, for example [./idea.py]"
        raise ConfigError([ConfigFault("base.plugins", message)], source=str(source))
    return [str((folder / Path(item).expanduser()).resolve()) for item in plugins]


def plugins_of(suite: Suite) -> list[Path]:
    """Return the local plug-ins that a loaded suite names."""
    return [Path(name) for name in suite.base.get("plugins", ())] if isinstance(suite.base, dict) else []


def _fault(item: Any) -> ConfigFault:
    # pydantic names the members of a union and the keys of a mapping by its own words, which stand in no file.
    where = ".".join(
        str(part) for part in item["loc"] if not str(part).startswith(("dict[", "[key]")) and part != "str"
    )
    return ConfigFault(where, str(item["msg"]).removeprefix("Value error, "))
