#!/usr/bin/env bash
# A robot that stands still breaks an HNSW map for all other places
#
# Software: faiss-cpu 1.15.1, usearch 2.26.6, voyager 2.2.3, numpy 2.4.6; CPython 3.11, Linux x86-64, one thread.
# Guess (2026-11-27, before the run): recall@1 of the place stays at 0.98 or more in every engine. The graph's rule
#   for choosing links keeps them diverse, so copies of one frame cost memory and nothing else.
# Seen: 5,000 places without copies: 1.000 in all three. With 20 of the places seen 500 times more (the same bytes, as
#   from a stopped camera behind a frame cache or from repeated uploads): faiss (M 32, ef 64) 0.40, usearch 0.37,
#   voyager 0.37, although exact search still answers 1.000. Nearly all of the lost queries look for places that have
#   no copy at all. Eight times the search effort gives faiss 0.65. Copies that differ by a thousandth already hurt
#   less.
# Known: Qdrant describes and mends it for its own graph (qdrant/qdrant#10239, merged August 2026); n2 did in 2021
#   (kakao/n2#39); faiss' FAQ says only that duplicates are slow to search. No release used here warns.
# For users: a map recorded at a fixed rate has such stops (traffic lights, charging). Recall falls where nobody
#   looks.
# Here: `hnsw` holds identical descriptors once and checks before it serves how many of the true neighbours it finds
#   (vpr_eval.index.identical, vpr_eval.index.approximate); the default index is exact.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    "faiss-cpu==1.15.1" "usearch==2.26.6" "voyager==2.2.3" "numpy==2.4.6"
OMP_NUM_THREADS=1 "$work/env/bin/python" - <<'PY'
import sys

import faiss
import numpy as np
import voyager
from usearch.index import Index

DIM, PLACES, STOPS, COPIES = 128, 5000, 20, 500
rng = np.random.default_rng(0)


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


places = unit(rng.standard_normal((PLACES, DIM)))
truth = np.arange(0, PLACES, 5)
queries = unit(places[truth] + 0.7 / np.sqrt(DIM) * rng.standard_normal((len(truth), DIM)))
times = np.ones(PLACES, dtype=int)
times[rng.choice(PLACES, STOPS, replace=False)] += COPIES


def recall(name, vectors, place):
    def hits(rows):
        return float((place[np.asarray(rows).astype(int).ravel()] == truth).mean())

    out = {"exact": hits((queries @ vectors.T).argmax(1))}
    graph = faiss.IndexHNSWFlat(DIM, 32)
    graph.add(vectors)
    for ef in (64, 512):
        graph.hnsw.efSearch = ef
        out[f"faiss ef {ef}"] = hits(graph.search(queries, 1)[1])
    other = Index(ndim=DIM, metric="cos", dtype="f32")
    other.add(np.arange(len(vectors)), vectors, threads=1)
    out["usearch"] = hits(other.search(queries, 1, threads=1).keys)
    third = voyager.Index(voyager.Space.Cosine, DIM, M=16)
    third.add_items(vectors, num_threads=1)
    out["voyager"] = hits(third.query(queries, 1, num_threads=1, query_ef=64)[0])
    print(f"{name:28s}", {key: round(value, 3) for key, value in out.items()}, flush=True)
    return out


plain = recall("every place once", places, np.arange(PLACES))
place = np.repeat(np.arange(PLACES), times)
standing = recall("20 places 501 times", places[place], place)
_, first = np.unique(places[place], axis=0, return_index=True)
thinned = recall("copies dropped", places[place][np.sort(first)], place[np.sort(first)])

if min(plain.values()) < 0.98 or min(thinned.values()) < 0.98 or standing["exact"] < 0.98:
    sys.exit("changed: the map without copies is no longer searched well, so this says nothing about copies")
if any(standing[engine] > 0.7 for engine in ("faiss ef 64", "usearch", "voyager")):
    sys.exit("changed: an engine keeps its recall among exact copies now")
print("as found: exact copies of few places hide most of the others from three HNSW engines")
PY
