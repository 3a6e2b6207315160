"""What every contract shares: the component under test, its trial parameters, and how a breach is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import pytest
import torch
from pydantic import ValidationError

from vpr_core.components import ComponentConfig, ComponentSpec

if TYPE_CHECKING:
    from vpr_core.registry import Registry

__all__ = ["Case", "Contract", "Trial", "breach", "first_some", "make_case", "over_registry", "seeded"]

Parameters = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How one component is tried.

    Attributes:
        parameters: fields of its config (without ``type``), small enough for a test; or a function that makes them in
            an empty folder (a data set that needs files).
        label: tells two trials of one component apart in a test's id.
        other: for a field, other values to try when the contract asks whether the field does anything.
        inert: fields that change nothing the contract can see, each with the reason.
        options: attributes of the contract class that are different for this component.
        marks: pytest marks of its tests, such as ``pytest.mark.slow``.
        skip: do not try it, for this reason.
    """

    parameters: Parameters = field(default_factory=dict)
    label: str = ""
    other: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    inert: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    marks: Sequence[pytest.MarkDecorator] = ()
    skip: str = ""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A component and its validated parameters, ready to be built."""

    spec: ComponentSpec[Any]
    config: ComponentConfig
    trial: Trial

    @property
    def title(self) -> str:
        """``pooling 'netvlad'``, for messages."""
        return f"{self.spec.kind} {self.spec.name!r}"

    def build(self, *args: Any, seed: int = 0) -> Any:
        """Build the component with torch's global generator seeded, and the generator left as it was."""
        return self.build_with(self.config, *args, seed=seed)

    def build_with(self, config: ComponentConfig, *args: Any, seed: int = 0) -> Any:
        """`build` with other parameters."""
        build: Callable[..., Any] = self.spec.build  # type: ignore[attr-defined]
        with seeded(seed):
            return build(config, *args)

    def require(self, condition: object, message: str) -> None:
        """Report a breach of the contract unless ``condition`` holds."""
        if not condition:
            self.breach(message)

    def breach(self, message: str) -> NoReturn:
        """Fail the test, naming the component."""
        breach(f"{self.title}: {message}")


class Contract:
    """Base of the contracts. A plug-in author subclasses the one of the component's kind.

    ::

        class TestMyPooling(PoolingContract):
            spec = MY_SPEC
            parameters = {"num_clusters": 4}

    Attributes:
        spec: the component.
        parameters: see `Trial`; override `make_parameters` when they need files.
        other: see `Trial`.
        inert: see `Trial`.
        costly: names of tests that take seconds; `breaches` runs them when it is told to.
    """

    kind: ClassVar[str]
    costly: ClassVar[frozenset[str]] = frozenset()
    spec: ClassVar[ComponentSpec[Any]]
    parameters: ClassVar[Mapping[str, Any]] = {}
    other: ClassVar[Mapping[str, Sequence[Any]]] = {}
    inert: ClassVar[Mapping[str, str]] = {}

    def make_parameters(self, folder: Path) -> Mapping[str, Any]:
        """Return the parameters to try; ``folder`` is empty and the component's own."""
        return self.parameters

    @pytest.fixture
    def case(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
        """The component under test: the class's own, or one that `over_registry` gives."""
        folder = tmp_path_factory.mktemp("component")
        given = getattr(request, "param", None)
        if given is not None:
            spec, trial = given
            return make_case(spec, trial, folder)
        trial = Trial(parameters=self.make_parameters(folder), other=self.other, inert=self.inert)
        return make_case(self.spec, trial, folder)

    def option(self, case: Case, name: str) -> Any:
        """The contract's attribute ``name``, unless the trial says otherwise."""
        return case.trial.options.get(name, getattr(self, name))

    def test_config_is_documented(self, case: Case) -> None:
        """Every field has a description: it is the help of ``vpr plugins``, the schema and the reference."""
        bare = [
            name for name, info in type(case.config).model_fields.items() if name != "type" and not info.description
        ]
        case.require(not bare, f"give the fields {', '.join(bare)} a Field(description=...)")

    def test_config_round_trips(self, case: Case) -> None:
        """What a run directory records reads back to the same parameters, strictly."""
        text = case.config.model_dump_json()
        try:
            again = type(case.config).model_validate_json(text, strict=True)
        except ValidationError as error:
            case.breach(
                f"the config dumps as {text}, which it does not accept back: {error}. Use field types "
                "that survive JSON: numbers, text, bool, Path, tuples and nested models"
            )
        case.require(again == case.config, f"the config dumps as {text} and comes back different: {again!r}")

    def test_build_is_lazy(self, case: Case) -> None:
        """``vpr plugins`` shows parameters without building: the schema must be had from the config class alone."""
        schema = type(case.config).model_json_schema()
        case.require("type" in schema["properties"], "the config's JSON schema has no field 'type'")


def make_case(spec: ComponentSpec[Any], trial: Trial, folder: Path) -> Case:
    """Validate the trial's parameters."""
    parameters = trial.parameters(folder) if callable(trial.parameters) else trial.parameters
    try:
        config = spec.config(type=spec.name, **parameters)
    except ValidationError as error:
        breach(
            f"{spec.kind} {spec.name!r}: the contract cannot try it with the parameters {dict(parameters)}: {error}\n"
            "Set `parameters` of the contract class, or give over_registry a Trial(parameters=...)"
        )
    return Case(spec=spec, config=config, trial=trial)


def over_registry(
    registry: Registry, kind: str, trials: Mapping[str, Trial | Sequence[Trial]] | None = None
) -> pytest.MarkDecorator:
    """Decorate a contract class to run over every component of ``kind`` that is installed.

    ::

        @over_registry(build_registry(), "pooling", {"netvlad": Trial(parameters={"num_clusters": 4})})
        class TestPoolings(PoolingContract): ...

    Args:
        registry: what is installed.
        kind: ``"pooling"`` and so on.
        trials: how to try a component, by name; a component that is not named is tried with its defaults.

    Raises:
        ValueError: a name in ``trials`` is not installed, or nothing of ``kind`` is: a typing error must not turn into
            a test that is not run.
    """
    specs = registry.specs(kind)
    given = dict(trials or {})
    unknown = sorted(set(given) - {spec.name for spec in specs})
    if unknown:
        raise ValueError("trials: " + " ".join(registry.explain_unknown(kind, name) for name in unknown))
    if not specs:
        raise ValueError(f"registry holds no {kind} to test; plug-ins that failed: {registry.failures or 'none'}")
    params = []
    for spec in specs:
        listed = given.get(spec.name, Trial())
        for trial in [listed] if isinstance(listed, Trial) else listed:
            marks = [*trial.marks, *([pytest.mark.skip(reason=trial.skip)] if trial.skip else [])]
            label = f"{spec.name}-{trial.label}" if trial.label else spec.name
            params.append(pytest.param((spec, trial), id=label, marks=marks))
    return pytest.mark.parametrize("case", params, indirect=True)


def breach(message: str) -> NoReturn:
    """Fail the test with ``message`` alone: it tells the author what to do, a traceback into this kit would not."""
    pytest.fail(message, pytrace=False)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global CPU generator, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


T = TypeVar("T")


def first_some(values: Sequence[T], limit: int) -> Sequence[T]:
    """At most ``limit`` of ``values``, spread evenly over them."""
    if len(values) <= limit:
        return values
    step = len(values) / limit
    return [values[int(position * step)] for position in range(limit)]
