"""What a field accepts is said without a validator, and says what pydantic would say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vpr_core import KINDS, RunConfig, build_registry, load_run_file
from vpr_runner.cli.field_schema import field_schema
from vpr_runner.cli.parameters import parameters_of

SAID = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems")


def said_by(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """Each option of a schema, reduced to what a person is shown."""
    options = [
        root["$defs"][item["$ref"].rpartition("/")[2]] if "$defs" in root and "$ref" in item else item
        for item in schema.get("anyOf", schema.get("oneOf", [schema]))
    ]
    found = []
    for item in options:
        if "$ref" in item or "properties" in item:
            found.append({"type": "block"})
            continue
        item = {**item, **({"enum": [item["const"]]} if "const" in item else {})}
        part = {key: item[key] for key in SAID if key in item}
        if "enum" in part:
            part.pop("type", None)
        if "prefixItems" not in item and part.get("type") == "array":
            part = {"type": "array"}
        inner = item.get("items") or next(iter(item.get("prefixItems", ())), None)
        found.append({**part, **({"of": said_by(inner, root)} if inner else {})})
    return found


def models() -> list[Any]:
    registry = build_registry()
    components = [spec.config for kind in KINDS for spec in registry.specs(kind)]
    return components + [
        RunConfig.model_fields[name].annotation for name in ("image", "init", "train", "eval", "compute")
    ]


def test_it_says_what_pydantic_says_of_every_installed_component() -> None:
    compared = 0
    for model in models():
        schema = model.model_json_schema()
        for name, field in model.model_fields.items():
            theirs, ours = said_by(schema["properties"][name], schema), said_by(field_schema(field), {})
            if {"type": "block"} in theirs:
                theirs = [item for item in theirs if item != {"type": "block"}]
                ours = [item for item in ours if item != {"type": "block"}]
            assert ours == theirs, f"{model.__name__}.{name}"
            compared += 1
    assert compared > 200


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    low: int = Field(default=1, ge=0, description="Low.")


class Circle(BaseModel):
    type: Literal["circle"] = "circle"


class Square(BaseModel):
    type: Literal["square"] = "square"
    side: float = 1.0


class Everything(BaseModel):
    type: Literal["x"] = "x"
    day: date = Field(default=date(2020, 1, 2), description="A day.")
    colour: Colour = Field(default=Colour.RED, description="A colour.")
    numbers: list[Annotated[int, Field(ge=2, lt=9)]] = Field(default_factory=lambda: [3], description="Numbers.")
    inner: Inner = Field(default=Inner(), description="A block.")
    either: Inner | None = Field(default=None, description="A block or nothing.")
    shape: Circle | Square = Field(default=Circle(), description="A shape.")
    names: dict[str, int] = Field(default={}, description="Names.")
    call: Any = Field(description="Whatever.")
    file: Path = Field(default=Path("a"), description="A file.")
    function: Callable[[int], int] = Field(default=len, description="What no schema can say.")


def test_rare_types_and_blocks() -> None:
    found = {item.name: item for item in parameters_of(Everything)}
    assert {name: (item.kind, item.bounds, item.default) for name, item in found.items()} == {
        "day": ("text", "", '"2020-01-02"'),
        "colour": ("red", "", '"red"'),
        "numbers": ("list of int", "each 2 <= x < 9", "[3]"),
        "inner.low": ("int", ">= 0", "1"),
        "either": ("{low} | null", "", "null"),
        "shape": ("{type: circle | square, ...}", "", '{"type": "circle"}'),
        "names": ("block", "", "{}"),
        "call": ("any", "", None),
        "file": ("path", "", '"a"'),
        "function": ("any", "", '"<built-in function len>"'),
    }


def test_a_run_file_makes_the_validators_of_what_it_names_only(tmp_path: Path) -> None:
    registry = build_registry()
    path = tmp_path / "run.yaml"
    path.write_text("dataset: {type: city}\nbackbone: {type: resnet18}\npooling: {type: netvlad}\n")
    config = load_run_file(path, registry)
    assert type(config) is registry.run_config_model()
    assert not registry.run_config_model().__pydantic_complete__
