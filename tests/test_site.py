"""The site's menu, links and commands are right: checked here without mkdocs, which only ``nox -s docs`` installs."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", DOCS / "site_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def menu(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in [entry] if isinstance(entry, str) else entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from menu(value)


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("*/*/README.md"), *ROOT.glob("recipes/*.md")]
    return sorted(path for path in found if path.name != "CHANGELOG.md")


def test_every_page_is_in_the_menu_once_and_every_entry_is_a_page(pages: ModuleType) -> None:
    named = list(menu(CONFIG["nav"]))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    from_elsewhere = pages.elsewhere()
    assert sorted(named) == sorted(written | set(from_elsewhere)), "each page has one line below nav: in mkdocs.yml"
    assert [source for source in from_elsewhere.values() if not (ROOT / source).is_file()] == []


def test_the_site_loads_nothing_from_elsewhere() -> None:
    assert CONFIG["theme"]["font"] is False
    assert "extra_javascript" not in CONFIG
    assert [path for path in CONFIG["extra_css"] if not (DOCS / path).is_file()] == []
    assert CONFIG["hooks"] == ["docs/site_pages.py"]


@pytest.mark.parametrize("page", sorted(DOCS.glob("api/*.md")), ids=lambda path: path.stem)
def test_the_api_has_an_entry_for_each_public_name(page: Path, pages: ModuleType) -> None:
    (package,) = re.findall(r"<!-- api:([\w.]+) -->", page.read_text(encoding="utf-8"))
    shown = re.findall(r"^::: (\S+)$", pages.entries(package), re.MULTILINE)
    public = importlib.import_module(package).__all__
    assert sorted(shown) == sorted(f"{package}.{name}" for name in public)


def documented_and_real(path: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield where a docstring lists arguments, the names that it lists and those that there are."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        listed = re.search(r"^ *Args:\n((?: {4,}.*\n|\n)+)", (ast.get_docstring(node) or "") + "\n", re.MULTILINE)
        if listed is None:
            continue
        names = set(re.findall(r"^ {4}(?! )([^\s:][^:]*):", listed[1], re.MULTILINE))
        made = (
            [node]
            if isinstance(node, ast.FunctionDef)
            else [f for f in node.body if getattr(f, "name", "") == "__init__"]
        )
        for function in made:
            a = function.args
            real = {each.arg for each in [*a.posonlyargs, *a.args, *a.kwonlyargs]}
            real |= {mark + each.arg for mark, each in (("*", a.vararg), ("**", a.kwarg)) if each}
            yield f"{path.relative_to(ROOT)}: {node.name}", names, real


def test_docstrings_list_arguments_that_exist_one_a_line() -> None:
    """``nox -s docs`` reads them and fails on anything else; here it is noticed without mkdocs."""
    checked = [each for path in sorted(ROOT.glob("packages/*/src/**/*.py")) for each in documented_and_real(path)]
    assert [(where, names - real) for where, names, real in checked if names - real] == []
    assert len(checked) > 50


def slugs(text: str) -> set[str]:
    """Return the anchors of a page's headings, as mkdocs and web hosts of repositories make them."""
    headings = re.findall(r"^#+ +(.+?) *#*$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def test_links_to_a_heading_find_it() -> None:
    broken = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)", text):
            there = path.parent / target if target else path
            if there.suffix == ".md" and anchor not in slugs(there.read_text(encoding="utf-8")):
                broken.append(f"{path.relative_to(ROOT)} -> {target}#{anchor}")
    assert not broken


def commands_of(text: str) -> Iterator[list[str]]:
    """Yield the command lines of ``vpr`` in the code blocks and code spans of a page."""
    lines = [line for language, block in FENCE.findall(text) if language in ("", "sh") for line in block.splitlines()]
    lines += re.findall(r"(?<!`)`(vpr [^`]+)`(?!`)", FENCE.sub("", text).replace("\n", " "))
    for line in lines:
        line = line.strip().replace("python -m vpr_runner.cli ", "vpr ")
        line = re.sub(r"^torchrun .*?-m vpr_runner\.cli ", "vpr ", line)
        if re.match(r"vpr [a-z-]", line) and "..." not in line:
            words = re.split(r"\s{3,}(?=\w)", line)[0].split(" #")[0]  # a remark behind the command
            yield shlex.split(words)[1:]


def faults_of(words: list[str]) -> str | None:
    """Return what of a command line the program does not know."""
    command = _program()
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        names = re.split(r"[|,/]", words[0])
        if unknown := [name for name in names if name not in command.commands]:
            return f"no command {unknown[0]!r}"
        command, words = command.commands[names[0]], words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"-h", "--help", "--traceback", "--version"}
    unknown = [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known]
    return f"no option {unknown[0]!r} of {command.name!r}" if unknown else None


@functools.cache
def _program() -> Any:
    from vpr_runner.cli.app import COMMANDS, app_of

    return typer.main.get_command(app_of(COMMANDS))


def test_every_command_that_a_page_prints_exists() -> None:
    wrong, seen = [], 0
    for path in documents():
        for words in commands_of(path.read_text(encoding="utf-8")):
            seen += 1
            if fault := faults_of(words):
                wrong.append(f"{path.relative_to(ROOT)}: vpr {shlex.join(words)}: {fault}")
    assert not wrong
    assert seen > 100


def test_a_command_that_is_no_more_is_noticed() -> None:
    lines = (
        "vpr frobnicate x   # y",
        "vpr eval runs/first --nonsense",
        "vpr data inform",
        "vpr eval runs/first -o a.json",
    )
    page = "\n".join(("```", *lines, "```", ""))
    assert [faults_of(words) for words in commands_of(page)] == [
        "no command 'frobnicate'",
        "no option '--nonsense' of 'eval'",
        "no command 'inform'",
        None,
    ]


def test_links_of_the_checkout_become_links_of_the_site(pages: ModuleType) -> None:
    on_site = {"index.md", "plugins.md", "plugins/vpr-ray.md", "images/city.png"}
    page = """[a](../../plugins/vpr-ray/README.md) [b](../plugins.md#hooks) ![c](../images/city.png)
[d](../../README.md) [e](../../bench/results) [f](https://x.org) [g](../nowhere.md) [h](../../CITATION.cff) [i](#k)
[l](../../findings/README.md)

```python run.py
x = [j](../plugins.md)
```
"""
    text, copied = pages.relinked(page, source=DOCS / "api" / "vpr_data.md", uri="api/vpr_data.md", pages=on_site)
    assert (
        text
        == """[a](../plugins/vpr-ray.md) [b](../plugins.md#hooks) ![c](../images/city.png)
[d](../index.md) e [f](https://x.org) [g](../nowhere.md) [h](../files/CITATION.cff) [i](#k)
[l](../files/findings/README.md.txt)

```python title="run.py"
x = [j](../plugins.md)
```
"""
    )
    assert copied == {
        "files/CITATION.cff": ROOT / "CITATION.cff",
        "files/findings/README.md.txt": ROOT / "findings" / "README.md",
    }


def test_a_readme_that_becomes_the_start_page_links_from_there(pages: ModuleType) -> None:
    text, copied = pages.relinked(
        "[a](docs/plugins.md) [b](plugins/vpr-ray/README.md)",
        source=ROOT / "README.md",
        uri="index.md",
        pages={"plugins.md", "plugins/vpr-ray.md"},
    )
    assert text == "[a](plugins.md) [b](plugins/vpr-ray.md)"
    assert copied == {}


def test_every_message_that_troubleshooting_quotes_is_the_programs_own() -> None:
    """Code in the first column is what the program prints: each piece of it stands in the sources."""
    table = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    symptoms = [row.split(" | ")[0] for row in re.findall(r"^\| (?!symptom|---)(.+) \|$", table, re.MULTILINE)]
    quoted = [message for symptom in symptoms for message in re.findall(r"`([^`]+)`", symptom)]
    code = "".join(
        re.sub(r"[\"']\s*\n\s*f?[\"']|`|\{[^{}]*\}", "", path.read_text(encoding="utf-8"))
        for top in ("packages", "plugins")
        for path in sorted((ROOT / top).glob("*/src/**/*.py"))
    )
    unknown = [message for message in quoted if message not in code]
    assert not unknown, "quote whole words of a message, without the numbers and names that are filled in"
    assert len(quoted) > 10
