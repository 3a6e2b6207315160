"""The published models, one a file."""

from __future__ import annotations

from vpr_torchhub.models.anyloc import ANYLOC
from vpr_torchhub.models.boq import BOQ
from vpr_torchhub.models.cliquemining import CLIQUEMINING
from vpr_torchhub.models.convap import CONVAP
from vpr_torchhub.models.cosplace import COSPLACE
from vpr_torchhub.models.cricavpr import CRICAVPR
from vpr_torchhub.models.edtformer import EDTFORMER
from vpr_torchhub.models.eigenplaces import EIGENPLACES
from vpr_torchhub.models.image import IMAGE
from vpr_torchhub.models.megaloc import MEGALOC
from vpr_torchhub.models.mixvpr import MIXVPR
from vpr_torchhub.models.patch_netvlad import PATCH_NETVLAD
from vpr_torchhub.models.salad import SALAD
from vpr_torchhub.models.selavprpp import SELAVPRPP
from vpr_torchhub.models.sfrs import SFRS
from vpr_torchhub.models.supervlad import SUPERVLAD

__all__ = ["MODELS"]

MODELS = (
    *(COSPLACE, EIGENPLACES, SALAD, BOQ, MEGALOC, ANYLOC, CRICAVPR, EDTFORMER, IMAGE, SELAVPRPP, SFRS, CLIQUEMINING),
    *(SUPERVLAD, MIXVPR, CONVAP, PATCH_NETVLAD),
)
