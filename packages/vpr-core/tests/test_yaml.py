from __future__ import annotations

import contextlib
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_core import ConfigError, UsageError
from vpr_core.config.strict_yaml import MAX_BYTES, MAX_DEPTH, parse_yaml, read_yaml

SCALARS = {
    # floats that YAML 1.1 takes for text
    "1e-4": 1e-4,
    "1E5": 1e5,
    "-1.5e+3": -1500.0,
    ".5": 0.5,
    "3.": 3.0,
    "-.inf": -math.inf,
    # text that YAML 1.1 takes for something else
    "no": "no",
    "Yes": "Yes",
    "on": "on",
    "OFF": "OFF",
    "y": "y",
    "12:30:45": "12:30:45",
    "190:20:30.15": "190:20:30.15",
    "1_000": "1_000",
    "2024-01-31": "2024-01-31",
    "0b11": "0b11",
    "=": "=",
    # core schema
    "true": True,
    "FALSE": False,
    "null": None,
    "~": None,
    "-12": -12,
    "+7": 7,
    "0o17": 15,
    "0xfF": 255,
    "007": 7,
    "tRue": "tRue",
    "1e": "1e",
    "'1'": "1",
    '"true"': "true",
    "! 3": "3",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    data = parse_yaml(f"a: {text}").data["a"]
    assert data == value
    assert type(data) is type(value)


def test_nan() -> None:
    assert math.isnan(parse_yaml(".nan").data)


def test_digits_of_other_scripts_are_text() -> None:
    assert parse_yaml("٣٤").data == "٣٤"


def test_structure_and_lines() -> None:
    document = parse_yaml("a:\n  b: [1, {c: 2}]\n  no: |\n    text\n\nd:\n- 1\n- x\n", source="f.yaml")
    assert document.data == {"a": {"b": [1, {"c": 2}], "no": "text\n"}, "d": [1, "x"]}
    assert document.where(("a", "b", 1, "c")) == "f.yaml:2"
    assert document.where(("d", 1)) == "f.yaml:8"
    assert document.where(("a", "not", "there")) == "f.yaml:2"


REFUSED = {
    "python object": (
        "a: !!python/object/apply:os.system ['touch x']",
        "f.yaml:1 tag .*python/object/apply.* is refused",
    ),
    "any tag": ("a: !!float 3", "f.yaml:1 tag"),
    "binary": ("a: !!binary aGk=", "is refused"),
    "alias": ("a: &x [1]\nb: *x", "f.yaml:1 anchor &x is refused; write the value out"),
    "dangling alias": ("b: *x", "f.yaml:1 alias \\*x is refused"),
    "merge": ("a:\n  <<: {b: 1}", "f.yaml:2 merge key << is refused"),
    "two documents": ("a: 1\n---\nb: 2", "a second document begins"),
    "list as key": ("? [1, 2]\n: 3", "a key must be a plain word"),
    "empty key": ("'': 3", "a key is empty"),
    "syntax": ("a: [1, 2\nb: 3", r"f\.yaml:\d+ is not YAML"),
    "tabs": ("a:\n\t- 1", r"f\.yaml:2 is not YAML"),
    "control character": ("a: \x07", "is not YAML"),
    "huge number": ("a: " + "9" * 5000, "f.yaml:1 9999.* is not a usable number"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=[name.replace(" ", "_") for name in REFUSED])
def test_traps_are_refused_with_the_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_yaml(text, source="f.yaml")


def test_every_duplicate_key_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", source="f.yaml")
    assert [str(fault) for fault in caught.value.faults] == [
        "b.c: key given twice, first in line 3; keep one (f.yaml:4)",
        "a: key given twice, first in line 1; keep one (f.yaml:5)",
    ]


def test_depth_is_capped_without_recursion() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).data is not None
    with pytest.raises(ConfigError, match=f"nesting is deeper than {MAX_DEPTH} levels"):
        parse_yaml("[" * 5000 + "]" * 5000)
    with pytest.raises(ConfigError, match="nesting is deeper"):
        parse_yaml("{a: " * 5000 + "}" * 5000)


def test_size_is_capped(tmp_path) -> None:
    file = tmp_path / "big.yaml"
    file.write_bytes(b"a: " + b"x" * MAX_BYTES)
    with pytest.raises(ConfigError, match=r"big\.yaml is larger than 1,000,000 bytes"):
        read_yaml(file)
    with pytest.raises(ConfigError, match="is larger"):
        parse_yaml("a" * (MAX_BYTES + 1))


def test_a_file_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml: cannot be read: No such file.*name an existing YAML file"):
        read_yaml(tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


def test_encoding(tmp_path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes("\ufeffname: Zürich\n".encode())
    assert read_yaml(file).data == {"name": "Zürich"}
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"f\.yaml:2 is not UTF-8 text"):
        read_yaml(file)


def test_pure_python_parser_gives_the_same(monkeypatch) -> None:
    """libyaml is optional in PyYAML."""
    text = "a: {b: [1, 1e-4, no]}\nc: 'x'\n"
    fast = parse_yaml(text)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = parse_yaml(text)
    assert (slow.data, slow.lines) == (fast.data, fast.lines)
    with pytest.raises(ConfigError, match="is not YAML"):
        parse_yaml("a: [1, 2")


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(max_size=200))
def test_any_text_parses_or_is_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text)


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(alphabet="[]{},:-?&*!|>'\"%@`# \n\tab1.~<", max_size=80))
def test_any_syntax_parses_or_is_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text)
