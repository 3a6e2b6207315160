"""A plug-in written against version 1.1 of the hooks. NEVER EDIT THIS FILE: it stands for the plug-ins of other people.

It is loaded, validated, built and called by tests/test_hook_api_1_1.py as it was written in 2026. When a change to
vpr-core makes that test fail, the change breaks a promise: give the hook or the spec a default, or raise HOOK_API.
"""

# fmt: off
# ruff: noqa

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import (
    BackboneSpec,
    ComponentConfig,
    LoggerSpec,
    RerankerConfig,
    RerankerSpec,
    RuntimeSpec,
    SequenceSpec,
    hookimpl,
)

VPR_HOOK_API = "1.1"


class SecondBackbone(ComponentConfig):
    type: Literal["second_backbone"] = "second_backbone"
    weights: str = Field(default="fetched", description="fetched, or none.")


class SecondSequence(ComponentConfig):
    type: Literal["second_sequence"] = "second_sequence"
    length: int = Field(default=3, ge=1, description="Frames.")


class SecondReranker(RerankerConfig):
    type: Literal["second_reranker"] = "second_reranker"


class SecondLocal(RerankerConfig):
    type: Literal["second_local"] = "second_local"
    first: int = Field(default=20, ge=1, description="Answers that are compared.")
    sure: float = Field(default=0.9, description="Similarity that ends the search.")


class SecondRuntime(ComponentConfig):
    type: Literal["second_runtime"] = "second_runtime"
    precision: Literal["float32", "int8"] = Field(default="float32", description="Precision.")


class SecondLogger(ComponentConfig):
    type: Literal["second_logger"] = "second_logger"
    file: str = Field(default="log.txt", description="File.")


class Found:
    def __init__(self, distance, index):
        self.distance, self.index = distance, index


def build_sequence(config):
    import numpy as np

    class Matcher:
        def search(self, queries, database, *, query_drive, database_drive, k):
            if k > len(database):
                raise ValueError("k must not be more than there are descriptors")
            kept = np.empty_like(queries)
            for drive in np.unique(query_drive):
                rows = np.flatnonzero(query_drive == drive)
                for place, row in enumerate(rows):
                    kept[row] = queries[rows[max(0, place + 1 - config.length): place + 1]].mean(axis=0)
            every = np.linalg.norm(kept[:, None] - database[None], axis=2).astype(np.float32)
            index = np.argsort(every, axis=1, kind="stable")[:, :k]
            return Found(np.take_along_axis(every, index, axis=1), index)

    return Matcher()


def build_reranker(config):
    import numpy as np

    class Reranker:
        def reorder(self, queries, database, neighbours):
            cost = 1 - np.einsum("qd,qkd->qk", queries, database[neighbours.index])
            order = np.argsort(cost, axis=1, kind="stable")
            return Found(
                np.take_along_axis(cost, order, axis=1).astype(np.float32),
                np.take_along_axis(neighbours.index, order, axis=1),
            )

    return Reranker()


def build_local(config):
    import numpy as np

    class Local:
        def features(self, source):
            return {"grey": source.astype(np.float32).mean(axis=2)[::4, ::4].ravel()}

        def score(self, query, candidate):
            a, b = query["grey"], candidate["grey"]
            return float(a @ b / max(1e-6, float(np.linalg.norm(a) * np.linalg.norm(b))))

        def enough(self, scores):
            return max(scores) >= config.sure

    return Local()


def build_runtime(config, request):
    import numpy as np

    class Runtime:
        name, precision = "second_runtime", config.precision

        def run(self, images):
            flat = images.reshape(len(images), -1)[:, : request.inputs.out_dim].astype(np.float32) + 1
            return flat / np.linalg.norm(flat, axis=1, keepdims=True)

        def describe(self):
            return {"name": self.name, "precision": self.precision, "version": "1.0", "model": str(request.model)}

    return Runtime()


def build_logger(config, run):
    class Logger:
        def __init__(self):
            path = run.folder / config.file
            kept = path.read_text().splitlines() if path.exists() else []
            path.write_text("".join(f"{line}\n" for line in kept if int(line.split()[0]) <= run.after))
            self.file = path.open("a")

        def log(self, key, record):
            self.file.write(f"{key} {sorted(record)}\n")
            self.file.flush()

        def close(self):
            self.file.close()

    return Logger()


@hookimpl
def vpr_backbones():
    yield BackboneSpec(
        name="second_backbone",
        config=SecondBackbone,
        build=lambda config: config.weights,
        summary="Fetches its weights.",
        reaches_network=True,
        reads_environment=True,
        capabilities=lambda config: () if config.weights == "none" else ("reaches_network", "reads_environment"),
    )


@hookimpl
def vpr_sequences():
    yield SequenceSpec(name="second_sequence", config=SecondSequence, build=build_sequence, summary="Mean of a window.")


@hookimpl
def vpr_rerankers():
    yield RerankerSpec(
        name="second_reranker", config=SecondReranker, build=build_reranker, summary="Cosine.", needs="descriptors"
    )
    yield RerankerSpec(
        name="second_local", config=SecondLocal, build=build_local, summary="Grey.", needs="images", paper="Nobody 2026"
    )


@hookimpl
def vpr_runtimes():
    yield RuntimeSpec(name="second_runtime", config=SecondRuntime, build=build_runtime, summary="First numbers.")
    yield RuntimeSpec(
        name="second_here",
        config=type("Here", (ComponentConfig,), {
            "__annotations__": {"type": Literal["second_here"]}, "type": "second_here", "__module__": __name__,
        }),
        build=lambda config, request: request.network,
        summary="The network itself.",
        needs="network",
        starts_processes=True,
    )


@hookimpl
def vpr_loggers():
    return [LoggerSpec(name="second_logger", config=SecondLogger, build=build_logger, summary="Lines of text.")]
