#!/usr/bin/env bash
# COLMAP drops the position of a photo whose GPS tags have no altitude
#
# Software: pycolmap 4.2.1 (COLMAP 4.2), piexif 1.1.3, pillow 13.0.0, numpy 2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): the photo gets a prior with its latitude and longitude and altitude 0 or NaN.
#   Spatial pairing ignores z by default, so height plays no part in it.
# Seen: four photos within 12 m of each other. The two with GPSAltitude get a WGS84 prior. The two without get none at
#   all, without a message, and SpatialPairGenerator (ignore_z = True) puts them in no pair.
# Known: colmap/colmap#4630 is about images without any prior; that a missing altitude makes one of them is said
#   neither there nor in the documentation (searched 2026-11-27).
# For users: street-level sets and phones often write positions without altitude (Mapillary downloads, tools that
#   geotag from a 2-D track). Their images are not matched to neighbours that stand beside them.
# Here: positions are latitude and longitude, no altitude is asked for, and `vpr pairs` writes pairs that need no
#   prior in COLMAP's database.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    "pycolmap==4.2.1" "piexif==1.1.3" "pillow==13.0.0" "numpy==2.4.6"
WORK="$work" "$work/env/bin/python" - <<'PY'
import os
import sys

import numpy as np
import piexif
import pycolmap
from PIL import Image

pycolmap.logging.minloglevel = 2
root = os.environ["WORK"]
os.mkdir(f"{root}/images")
noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
picture = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)


def degrees(value):
    whole = int(value)
    minutes = (value - whole) * 60
    return (whole, 1), (int(minutes), 1), (round((minutes - int(minutes)) * 60 * 1000), 1000)


def photo(name, latitude, altitude):
    gps = {
        piexif.GPSIFD.GPSLatitudeRef: "N", piexif.GPSIFD.GPSLatitude: degrees(latitude),
        piexif.GPSIFD.GPSLongitudeRef: "E", piexif.GPSIFD.GPSLongitude: degrees(11.5),
    }
    if altitude is not None:
        gps |= {piexif.GPSIFD.GPSAltitudeRef: 0, piexif.GPSIFD.GPSAltitude: (altitude * 10, 10)}
    picture.save(f"{root}/images/{name}.jpg", exif=piexif.dump({"GPS": gps}), quality=95)


photo("with_1", 48.1, 520)
photo("with_2", 48.1001, 520)
photo("without_1", 48.1, None)
photo("without_2", 48.1001, None)
path = f"{root}/database.db"
options = pycolmap.FeatureExtractionOptions({"num_threads": 1})
pycolmap.extract_features(path, f"{root}/images", extraction_options=options)
with pycolmap.Database.open(path) as database:
    names = {image.image_id: image.name for image in database.read_all_images()}
    priors = sorted(names[prior.corr_data_id.id] for prior in database.read_all_pose_priors())
pairing = pycolmap.SpatialPairingOptions()
generator = pycolmap.SpatialPairGenerator(pairing, pycolmap.Database.open(path))
pairs = sorted({tuple(sorted((names[a], names[b]))) for a, b in generator.all_pairs()})
print("images:", sorted(names.values()))
print("with a position prior:", priors)
print(f"pairs within {pairing.max_distance:.0f} m (ignore_z {pairing.ignore_z}):", pairs)

if len(names) != 4 or "with_1.jpg" not in priors or ("with_1.jpg", "with_2.jpg") not in pairs:
    sys.exit("changed: photos with an altitude are not placed any more")
if any("without" in name for name in priors) or any("without" in name for pair in pairs for name in pair):
    sys.exit("changed: a photo without altitude keeps its position now")
print("as found: no altitude, no position, no pair")
PY
