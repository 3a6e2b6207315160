"""``vpr import``: a network that another project trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.loading import load, overrides_of, registry_of
from vpr_runner.cli.options import PluginOption, SetOption

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["import_network"]

EPILOG = """\b
Examples:
  vpr import VGG16-NetVLAD-Pitts30K.mat --into runs/published
  vpr import checkpoint.pth.tar --into runs/theirs --run my.yaml
  vpr extract runs/published photos/ -o map/
  vpr eval runs/published --set dataset='{type: pitts30k, root: data/pitts}'

Read are: the authors' MATLAB networks (layers saved as structs, as hloc distributes them), and checkpoints of hloc,
Nanne/pytorch-NetVlad, Patch-NetVLAD, OpenIBL, deep-visual-geo-localization-benchmark, GSV-Cities, MixVPR and OpenVPRLab
(Lightning: backbone.* and aggregator.*; layers after NetVLAD need vpr-modern-pooling). The file's content says whose it
is. Nothing in a file is run: a pickle that holds more than tensors is refused, with the way out."""


def import_network(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Network or checkpoint.", show_default=False)],
    into: Annotated[
        Path | None, typer.Option("--into", "-o", metavar="DIR", help="New run directory.", show_default=False)
    ] = None,
    run_file: Annotated[
        Path | None,
        typer.Option(
            "--run", metavar="RUN.yaml", help="Take data set, index, evaluation ... from this run file, not the city."
        ),
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an import that is there.")] = False,
) -> None:
    """Turn a network that another project trained into a run directory for eval, extract and search."""
    from vpr_core import UsageError

    if into is None:
        raise UsageError("--into: name the run directory that the network becomes")
    is_import = (into / "import.json").is_file()
    if into.exists() and any(into.iterdir()) and not (force and is_import):
        from vpr_runner.importing.imported import is_half_an_import

        if not is_half_an_import(into):
            more = "; --force replaces it" if is_import else ""
            raise UsageError(f"{into}: not empty; name a new folder{more}")
    base, registry = _base(run_file, plugin)

    from vpr_backbones import read_retriever
    from vpr_runner.importing.imported import adopt, write_imported

    imported = read_retriever(file)
    retriever, config = adopt(imported, registry, base=base, overrides=overrides_of(settings))
    write_imported(into, retriever, config, imported=imported, file=file)
    white = ", whitened" if imported.whitening is not None else ""
    if imported.left:
        print(f"left aside, as only training used it: {', '.join(imported.left)}")
    print(
        f"{imported.source}: {imported.network} up to {imported.cut}, {config.pooling.type}, {retriever.out_dim} "
        f"numbers{white}\n{into}: ready for `vpr eval`, `vpr extract` and `vpr search`"
    )


def _base(run_file: Path | None, plugins: list[Path] | None) -> tuple[dict[str, Any], Registry]:
    """The blocks that an import does not decide: of a run file, or of the city that needs no download."""
    if run_file is None:
        return {"name": "imported", "dataset": {"type": "city"}}, registry_of(plugins)
    config, registry = load(run_file, plugins=plugins)
    return config.model_dump(mode="json"), registry
