"""Hooks of mkdocs: pages that lie elsewhere in the repository, links to them, the API from docstrings.

- Markdown that is read in the checkout, too, stays where it is (`README.md`, a plug-in's README) and becomes a page.
- A link that is right in the checkout is made right on the site; a file that it leads to is copied along.
- ``<!-- api:vpr_data -->`` becomes one entry for each public name of that package, read and never imported.
- ``<!-- floors:vpr_data -->`` becomes the rooms of a package in the order of its import contract.
- A finished page may load nothing from another host.
"""

from __future__ import annotations

import ast
import posixpath
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

__all__ = ["elsewhere", "entries", "floors", "on_files", "on_page_markdown", "on_post_build", "relinked"]

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(
    r"\A(```+)(\w+) ([^\s=]+)$", re.MULTILINE
)  # a block of the checkout's pages that is a file: ```yaml run.yaml
_API = re.compile(r"<!-- api:([\w.]+) -->")
_FLOORS = re.compile(r"<!-- floors:(\w+) -->")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link|source)\b[^>]*?\b(?:src|href)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"""
)
_FOREIGN_CSS = re.compile(r"""(?:@import\s+|url\()["']?((?:https?:)?//[^"')\s]+)""")


def elsewhere() -> dict[str, str]:
    """Return the pages that do not lie in ``docs/``: path on the site to path in the repository."""
    pages = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
    pages["recipes.md"] = "recipes/README.md"
    for path in sorted([*ROOT.glob("packages/*/README.md"), *ROOT.glob("plugins/*/README.md")]):
        pages[f"{path.parent.relative_to(ROOT).as_posix()}.md"] = path.relative_to(ROOT).as_posix()
    return pages


def entries(package: str) -> str:
    """Return the API page of a package in Markdown: a heading for each module, an entry for each public name.

    The names are those of ``__all__``, where they lie is what ``__init__.py`` imports, below ``if TYPE_CHECKING`` too.
    """
    folder = next(ROOT.glob(f"packages/*/src/{package.replace('.', '/')}"))
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    public = set(next(ast.literal_eval(node.value) for node in ast.walk(tree) if _assigns(node, "__all__")))
    homes: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            homes.setdefault(str(node.module), []).extend(name.name for name in node.names if name.name in public)
    found = {name for names in homes.values() for name in names}
    if found != public:
        raise ValueError(f"{package}/__init__.py imports from no module of its own: {sorted(public - found)}")
    parts = []
    for module, names in sorted(homes.items()):
        inside = module.removeprefix(f"{package}.")
        parts.append(f"## {inside}\n\n{_summary(folder, inside)}\n")
        parts += [f"::: {package}.{name}\n" for name in sorted(names)]
    return "\n".join(parts)


def _assigns(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def _summary(folder: Path, module: str) -> str:
    inside = folder.joinpath(*module.split("."))
    path = inside / "__init__.py" if inside.is_dir() else inside.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]


def floors(package: str) -> str:
    """Return the floors of a package, as its import contract has them, with what each room says of itself."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == [package]]
    folder = next(ROOT.glob(f"packages/*/src/{package}"))
    rows = ["| floor | room | what it is for |", "|---:|---|---|"]
    for level, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        for room in (name.strip("() ") for name in layer.split("|")):
            purpose = " ".join(_summary(folder, room).split()).replace("|", "\\|")
            rows.append(f"| {level} | `{room}` | {purpose} |")
    return "\n".join(rows)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere."""
    from mkdocs.structure.files import File

    for page, source in elsewhere().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write out the API and turn the checkout's links into the site's."""
    from mkdocs.structure.files import File

    markdown = _API.sub(lambda match: entries(match[1]), markdown)
    markdown = _FLOORS.sub(lambda match: floors(match[1]), markdown)
    pages = {path.src_uri for path in files}
    text, copied = relinked(markdown, source=Path(str(page.file.abs_src_path)), uri=page.file.src_uri, pages=pages)
    for uri, path in copied.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return text


def relinked(markdown: str, *, source: Path, uri: str, pages: Collection[str]) -> tuple[str, dict[str, Path]]:
    """Return a page with links as the site needs them, and the files that have to be copied, by their path there.

    Args:
        markdown: of the page, with links that are right in the checkout.
        source: where the page lies in the checkout.
        uri: where it lies on the site.
        pages: all that is on the site, by path.
    """
    moved = {there: here for here, there in elsewhere().items()}
    copied: dict[str, Path] = {}

    def link(match: re.Match[str]) -> str:
        mark, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        path = (source.parent / target).resolve()
        if not path.is_relative_to(ROOT) or not path.exists():
            return match[0]  # leads nowhere: mkdocs complains
        inside = path.relative_to(ROOT).as_posix()
        if path.is_dir():  # has no page
            return text
        to = moved.get(inside) or inside.removeprefix("docs/")
        if to not in pages:
            # mkdocs would take Markdown that arrives with a link for a page, and end: it goes as plain text
            to = f"files/{inside}.txt" if path.suffix == ".md" else f"files/{inside}"
            if to not in pages:
                copied[to] = path
        return f"{mark}[{text}]({posixpath.relpath(to, posixpath.dirname(uri) or '.')}{anchor})"

    done, position = [], 0
    for start, end in [*(match.span() for match in _FENCE.finditer(markdown)), (len(markdown), len(markdown))]:
        done.append(_LINK.sub(link, markdown[position:start]))
        done.append(_NAMED.sub(r'\1\2 title="\3"', markdown[start:end]))
        position = end
    return "".join(done), copied


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site that would load anything from another host.

    Raises:
        PluginError: a page or a style sheet names a script, an image, a font or a style sheet elsewhere.
    """
    from mkdocs.exceptions import PluginError

    site = Path(config.site_dir)
    found = []
    for pattern, suffix in ((_LOADED, "html"), (_FOREIGN_CSS, "css")):
        for path in sorted(site.rglob(f"*.{suffix}")):
            text = path.read_text(encoding="utf-8")
            found += [f"{path.relative_to(site)}: {address}" for address in pattern.findall(text)]
    if found:
        raise PluginError("pages load from other hosts:\n  " + "\n  ".join(found[:10]))
