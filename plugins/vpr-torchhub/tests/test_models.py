"""What each model does that the others do not, and the table of them all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vpr_torchhub.listing import markdown
from vpr_torchhub.models import MODELS
from vpr_torchhub.plugin import vpr_backbones

SPECS = {spec.name: spec for spec in vpr_backbones()}
AGREED = {"accept_licence": True, "trust_repo": True}
DOCUMENT = Path(__file__).parents[3] / "docs" / "models.md"


def built(name: str, folder: Path, **fields: object):
    return SPECS[name].build(SPECS[name].config(**AGREED, local=folder, **fields))


def test_cricavpr_is_asked_for_one_image_at_a_time(folder: Path) -> None:
    backbone = built("hub_cricavpr", folder)
    images = torch.randn(3, 3, 224, 224)
    with torch.no_grad():
        together, alone = backbone(images), torch.cat([backbone(image[None]) for image in images])
        theirs = backbone.model(images)
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(together[:, :, 0, 0], theirs, atol=1e-3)  # it does depend on its batch
    said = SPECS["hub_cricavpr"].remarks(SPECS["hub_cricavpr"].config())
    assert any("given to the network alone" in line for line in said)


def test_selavprpp_gives_floats_or_signs(folder: Path) -> None:
    images = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        floats, signs = built("hub_selavprpp", folder)(images), built("hub_selavprpp", folder, binary=True)(images)
    assert floats.shape == (2, 4096, 1, 1)
    assert signs.shape == (2, 512, 1, 1)
    assert set(signs.unique().tolist()) <= {-1.0, 1.0}


def test_sfrs_has_its_own_normalisation(folder: Path) -> None:
    backbone = built("hub_sfrs", folder)
    # (image - mean) / std of images in 0..1 is 255 image - 255 mean: what Caffe's habit is
    assert backbone.std == (1 / 255,) * 3
    assert [round(255 * value, 3) for value in backbone.mean] == [123.68, 116.779, 103.939]


def test_anyloc_follows_the_images(folder: Path) -> None:
    backbone = built("hub_anyloc", folder, domain="indoor")
    model = backbone.model._model
    assert backbone(torch.zeros(1, 3, 28, 28)).shape == (1, 49152, 1, 1)
    model.device = torch.device("meta")  # as if it had been left elsewhere
    backbone(torch.zeros(1, 3, 28, 28))
    assert model.device == torch.device("cpu")
    assert list(backbone.parameters()) == []


def test_data_parallel_is_taken_off(folder: Path) -> None:
    assert not isinstance(built("hub_edtformer", folder).model, torch.nn.DataParallel)


def test_another_length_than_published_is_an_error(folder: Path, tmp_path: Path) -> None:
    code = (folder / "hubconf.py").read_text().replace("Net(6144", "Net(6000")
    (tmp_path / "hubconf.py").write_text(code)
    (tmp_path / "network.py").write_text((folder / "network.py").read_text())
    with pytest.raises(ValueError, match=r"gives 6000 numbers an image and 6144 were published: .*pin 'ref'"):
        built("hub_image", tmp_path)(torch.zeros(1, 3, 28, 28))


@pytest.mark.parametrize(
    ("name", "size"), [("hub_salad", (98, 98)), ("hub_salad", (112, 112)), ("hub_megaloc", (99, 99))]
)
def test_too_few_patches_are_known_before_the_run(name: str, size: tuple[int, int]) -> None:
    needs = SPECS[name].images(SPECS[name].config())
    assert "at least 65 are needed; such as [126, 126]" in needs.fault(*size)
    assert needs.fault(112, 126) == ""


def test_megaloc_rounds_sides_by_itself() -> None:
    needs = SPECS["hub_megaloc"].images(SPECS["hub_megaloc"].config())
    assert needs.fault(480, 640) == ""
    assert SPECS["hub_salad"].images(SPECS["hub_salad"].config()).fault(480, 640) != ""


def test_boqs_recommended_images() -> None:
    for backbone, size in (("resnet50", [384, 384]), ("dinov2", [322, 322])):
        needs = SPECS["hub_boq"].images(SPECS["hub_boq"].config(backbone=backbone))
        assert needs.recommended == {"size": size, "interpolation": "bicubic"}
        assert needs.departure({"size": (224, 224)}) != ""
        assert needs.departure({"size": tuple(size), "interpolation": "bicubic"}) == ""


def test_what_moves_is_said() -> None:
    for name, spec in SPECS.items():
        if name in ("hub_megaloc", "hub_salad"):
            assert any("pin a commit" in line for line in spec.remarks(spec.config()))
            assert not any("pin a commit" in line for line in spec.remarks(spec.config(ref="v1")))
    assert any("2026-01-21" in line for line in SPECS["hub_megaloc"].remarks(SPECS["hub_megaloc"].config()))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_describes_its_variants(model) -> None:
    for variant in model.variants:
        network = model.network(model.config(**variant))
        assert network.dim is not None
        size = network.images.recommended.get("size")
        assert size is None or network.images.fault(*size) == ""
        assert bool(network.entry) == model.runs_code
    assert "arXiv" in model.paper or "NeurIPS" in model.paper


def test_the_table_in_the_docs_is_the_models() -> None:
    assert DOCUMENT.read_text("utf-8") == markdown(), "run: python -m vpr_torchhub.listing"


SUITE = Path(__file__).parents[3] / "bench" / "suites" / "published.yaml"


def test_the_suite_has_every_variant_at_its_size() -> None:
    yaml = pytest.importorskip("yaml")
    suite = yaml.safe_load(SUITE.read_text("utf-8"))
    methods = list(suite["methods"].values())
    wanted = [(model, variant) for model in MODELS for variant in model.variants]
    assert len(methods) == len(wanted)
    for model, variant in wanted:
        (method,) = [
            each
            for each in methods
            if each["backbone"]["type"] == model.name
            and {k: str(v).removeprefix("${data}/weights/") for k, v in each["backbone"].items() if k != "type"}
            == {k: str(v) for k, v in variant.items()}
        ]
        images = model.network(model.config(**variant)).images
        block = {"multiple": 1, "longest": 1024, "interpolation": "bilinear"}
        block |= {**suite["base"]["image"], **method.get("image", {})}
        size = block["size"]
        assert size is None or images.fault(*size) == ""
        assert images.recommended.get("size", size) == size
        assert images.departure(block) == ""
    assert not any(field in str(suite["methods"]) for field in ("accept_licence", "trust_repo"))  # the user says these
