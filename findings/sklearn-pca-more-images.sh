#!/usr/bin/env bash
# PCA whitening in scikit-learn breaks when more images are given (float32)
#
# Software: scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6; CPython 3.11, Linux x86-64, one thread.
# Guess (2026-11-27, before the run): many samples, float32, a steep spectrum, svd_solver left at "auto": the
#   deviation of every whitened component is 1 within a percent.
# Seen: 256 dimensions whose deviations fall from 1 to 1e-4. With 2,000 samples: all deviations 1.00. With 5,000
#   samples of the same distribution: up to 2,500 (one component drowns the other 255). With 5,000 in float64, or with
#   svd_solver="full": 1.00 again. From 10 samples a dimension on, "auto" takes the eigenvalues of a covariance in
#   float32, which squares the condition number; eigenvalues below its rounding are noise, then divided by their root.
# Known: the parameter's documentation says that "covariance_eigh" is less stable; not that the default turns to it
#   with more samples, nor what that does to whitening.
# For users: dead and nearly dead channels give such spectra; learning the whitening on more images looks like the
#   cure.
# Here: axes and eigenvalues are computed in float64 (vpr_eval.principal), whatever came in.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    "scikit-learn==1.9.1" "scipy==1.17.1" "numpy==2.4.6"
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$work/env/bin/python" - <<'PY'
import sys
import warnings

import numpy as np
from sklearn.decomposition import PCA

warnings.simplefilter("ignore")
D = 256
rng = np.random.default_rng(0)
turn, _ = np.linalg.qr(rng.standard_normal((D, D)))
data = (rng.standard_normal((5000, D)) * np.logspace(0, -4, D)) @ turn.T + 1.0 / np.sqrt(D)


def spread(samples, dtype, solver):
    x = data[:samples].astype(dtype)
    pca = PCA(whiten=True, svd_solver=solver).fit(x)
    deviation = pca.transform(x).astype(np.float64).std(axis=0)
    print(f"{samples} samples, {np.dtype(dtype).name}, svd_solver={solver!r} (took {pca._fit_svd_solver}): "
          f"deviations {deviation.min():.3f} to {deviation.max():.3f}")
    return float(deviation.max())


few = spread(2000, np.float32, "auto")
many = spread(5000, np.float32, "auto")
wide = spread(5000, np.float64, "auto")
full = spread(5000, np.float32, "full")
if max(few, wide, full) > 1.05:
    sys.exit("changed: whitening is off here for another reason")
if many < 10:
    sys.exit("changed: more samples in float32 no longer break the whitening")
print("as found: 2,000 samples whiten, 5,000 do not")
PY
