"""Version 1.1 of the hooks: four kinds, what a component may do, and plug-ins that say which version they need."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import ConfigError, ConfigFault, build_registry
from vpr_core.config import BLOCKS, config_hash, parse_run, to_yaml
from vpr_core.hookspecs import HOOK_API, HOOK_API_MINOR
from vpr_core.loggers import LoggedRun
from vpr_core.matching import SupportsEarlyStop
from vpr_core.runtimes import InputContract, RuntimeRequest

FROZEN = Path(__file__).with_name("frozen")
SHA256 = "0c5fe43efbdc2158f342f2c3b52bc3f6cd15436f4c8629a514c1044a59e2dfd8"
RUN = """
dataset: {type: first_dataset, root: data}
backbone: {type: second_backbone}
pooling: {type: first_pooling}
loss: {type: first_loss, margin: 0.2}
miner: {type: first_miner}
index: {type: first_index}
engine: {type: first_engine}
"""
NEW = """
sequence: {type: second_sequence, length: 5}
rerank: {type: second_local, first: 7}
compute:
  runtime: {type: second_runtime, precision: int8}
loggers:
  - {type: second_logger}
  - {type: second_logger, file: other.txt}
"""
ENGINE = """
from typing import Literal
from vpr_core import ComponentConfig, EngineSpec, hookimpl

class Engine(ComponentConfig):
    type: Literal["first_engine"] = "first_engine"

@hookimpl
def vpr_engines():
    yield EngineSpec(name="first_engine", config=Engine, build=lambda config: config, summary="None.")
"""


def said(fault: ConfigFault) -> str:
    """The message, without what this test left out."""
    return fault.message.partition(" Plug-ins left out")[0]


@pytest.fixture
def second(site, tmp_path):
    """The frozen plug-ins of both versions, and nothing else."""
    engine = tmp_path / "engine.py"
    engine.write_text(ENGINE)
    files = [FROZEN / "plugin_of_hook_api_1.py", FROZEN / "plugin_of_hook_api_1_1.py", engine]
    return site.registry(plugin_files=files, strict=True)


def test_the_frozen_plugin_is_as_it_was_written() -> None:
    text = (FROZEN / "plugin_of_hook_api_1_1.py").read_bytes().replace(b"\r\n", b"\n")
    assert hashlib.sha256(text).hexdigest() == SHA256, "it was edited; put it back: it is other people's code"


def test_its_components_are_listed_and_say_what_they_may_do(second) -> None:
    assert (HOOK_API, HOOK_API_MINOR) >= (1, 1)
    found = {kind: [spec.name for spec in second.specs(kind)] for kind in ("sequence", "reranker", "runtime", "logger")}
    assert found == {
        "sequence": ["second_sequence"],
        "reranker": ["second_local", "second_reranker"],
        "runtime": ["second_here", "second_runtime"],
        "logger": ["second_logger"],
    }
    assert [spec.needs for spec in second.specs("reranker")] == ["images", "descriptors"]
    assert [spec.needs for spec in second.specs("runtime")] == ["network", "onnx"]
    assert second.get("runtime", "second_here").declared == {"starts_processes"}
    backbone = second.get("backbone", "second_backbone")
    assert backbone.needed() == backbone.needed(backbone.config()) == {"reaches_network", "reads_environment"}
    assert backbone.needed(backbone.config(weights="none")) == frozenset()
    assert second.get("pooling", "first_pooling").declared == frozenset()


def test_a_run_file_names_them_and_reads_back(second) -> None:
    run = parse_run(RUN + NEW, second)
    assert (run.sequence.length, run.rerank.first, run.rerank.sure) == (5, 7, 0.9)
    assert (run.compute.runtime.precision, run.compute.batch) == ("int8", 32)
    assert [logger.file for logger in run.loggers] == ["log.txt", "other.txt"]
    assert parse_run(to_yaml(run), second) == run
    assert type(run) is type(parse_run(RUN, second))
    again = parse_run(RUN, second, ["rerank={type: second_reranker}", "compute.runtime={type: second_here}"])
    assert (again.rerank.first, again.compute.runtime.type) == (100, "second_here")


def test_without_them_nothing_is_different(second) -> None:
    run = parse_run(RUN, second)
    assert (run.sequence, run.rerank, run.compute.runtime, run.loggers) == (None, None, None, ())
    assert config_hash(run) == config_hash(
        parse_run(RUN + "sequence: null\nloggers: [{type: second_logger}]\n", second)
    )
    for block in ("sequence: {type: second_sequence}", "rerank: {type: second_local}"):
        assert config_hash(run) != config_hash(parse_run(RUN + block, second))
    other = parse_run(RUN + "compute: {runtime: {type: second_runtime}}", second)
    assert config_hash(run) != config_hash(other)
    assert config_hash(run, leave_out=["compute"]) == config_hash(other, leave_out=["compute"])


def test_every_fault_of_the_new_blocks_is_said_with_its_line(second) -> None:
    text = RUN + textwrap.dedent("""
        sequence: {type: second_sequenc}
        rerank: {type: second_local, first: 0, second_local: 3}
        compute: {runtime: {type: second_runtime, precision: int4}}
        loggers:
          - {type: second_logger, file: 3}
          - {type: tensorbord}
          - second_logger
          - {file: x}
    """)
    with pytest.raises(ConfigError) as caught:
        parse_run(text, second)
    found = {fault.path: (said(fault), fault.where.rpartition(":")[2]) for fault in caught.value.faults}
    assert found == {
        "sequence.type": (
            "no sequence named 'second_sequenc'; did you mean 'second_sequence'? Installed: second_sequence.",
            "10",
        ),
        "rerank.first": ("got 0, expected a number not less than 1", "11"),
        "rerank.second_local": ("no such field; Fields: type, first, sure", "11"),
        "compute.runtime.precision": ("got 'int4', expected 'float32' or 'int8'", "12"),
        "loggers[0].file": ("got 3, expected text", "14"),
        "loggers[1].type": ("no logger named 'tensorbord'. Installed: second_logger.", "15"),
        "loggers[2]": (
            "got 'second_logger', expected a mapping, {type: second_logger}; installed: second_logger.",
            "16",
        ),
        "loggers[3].type": ("missing; installed: second_logger.", "17"),
    }


def test_a_component_named_like_its_block_and_its_field(site, second) -> None:
    """Labels of pydantic's unions are told from fields of the same name."""
    code = """
    class Config(ComponentConfig):
        type: Literal["sequence"] = "sequence"
        sequence: dict[str, int] = Field(default={}, description="x")

    @hookimpl
    def vpr_sequences():
        yield SequenceSpec(name="sequence", config=Config, build=lambda config: config, summary="x")
    """
    site.install("vpr-seq", "from vpr_core import SequenceSpec\n" + textwrap.dedent(code))
    registry = build_registry(
        plugin_files=[plugin.origin.file for plugin in second.plugins], disabled=site.others(), strict=True
    )
    with pytest.raises(ConfigError, match=r"sequence\.sequence\.sequence: got 'x', expected a whole number"):
        parse_run(RUN + "sequence: {type: sequence, sequence: {sequence: x}}", registry)


def test_what_nothing_is_installed_of_can_be_left_out_only(registry) -> None:
    text = "dataset: {type: folder, root: .}\nbackbone: {type: tiny}\npooling: {type: gem}\n"
    assert parse_run(text, registry).loggers == ()
    assert registry.json_schema()["properties"]["sequence"]["description"].endswith("Installed: none.")
    with pytest.raises(ConfigError) as caught:
        parse_run(text + "sequence: {type: seqslam}\ncompute: {runtime: {type: tensorrt}}", registry)
    assert [(fault.path, said(fault)) for fault in caught.value.faults] == [
        ("sequence.type", "no sequence named 'seqslam'. Installed: none."),
        ("compute.runtime.type", "no runtime named 'tensorrt'. Installed: none."),
    ]


def test_the_schema_describes_them_for_an_editor(second) -> None:
    schema = second.json_schema()
    definitions = schema["$defs"]
    for kind, place in {
        "sequence": schema["properties"]["sequence"],
        "reranker": schema["properties"]["rerank"],
        "runtime": definitions["ComputeConfig"]["properties"]["runtime"],
        "logger": schema["properties"]["loggers"],
    }.items():
        names = ", ".join(spec.name for spec in second.specs(kind))
        assert place["description"].endswith(f"Installed: {names}.")
        for spec in second.specs(kind):
            assert definitions[spec.config.__name__]["required"] == ["type"]
            assert definitions[spec.config.__name__]["title"] == f"{kind} {spec.name}"
    assert set(schema["required"]) == {"dataset", "backbone", "pooling", "loss", "miner", "index", "engine"}
    assert BLOCKS["runtime"].shown == "compute: {runtime: {type: <name>}}"
    assert BLOCKS["logger"].shown == "loggers: [{type: <name>}]"


def test_they_are_built_and_called(second, tmp_path) -> None:
    def build(kind: str, name: str, *args: Any, **fields: Any) -> Any:
        return second.build(kind, second.get(kind, name).config(**fields), *args)

    rows = np.eye(6, dtype=np.float32)
    drive = np.zeros(6, dtype=np.int64)
    matcher = build("sequence", "second_sequence", length=1)
    found = matcher.search(rows, rows, query_drive=drive, database_drive=drive, k=2)
    assert found.index[:, 0].tolist() == list(range(6))
    assert build("reranker", "second_reranker").reorder(rows, rows, found).index[:, 0].tolist() == list(range(6))
    local = build("reranker", "second_local")
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    assert local.score(local.features(image), local.features(image)) == pytest.approx(1, abs=1e-6)
    assert isinstance(local, SupportsEarlyStop)
    assert local.enough([0.2, 0.95])

    inputs = InputContract(dtype="uint8", out_dim=4)
    request = RuntimeRequest(model=tmp_path / "model.onnx", digest="0" * 64, inputs=inputs, cache=tmp_path)
    runtime = build("runtime", "second_runtime", request, precision="int8")
    assert runtime.run(np.zeros((2, 3, 8, 8), dtype=np.uint8)).shape == (2, 4)
    assert runtime.describe()["precision"] == "int8"

    run = LoggedRun(folder=tmp_path, name="run")
    for start, keys in ((run, (0, 1, 2)), (LoggedRun(folder=tmp_path, name="run", after=1), (2, 3))):
        logger = build("logger", "second_logger", start)
        for key in keys:
            logger.log(key, {"loss": 1.0})
        logger.close()
    assert [int(line.split()[0]) for line in (tmp_path / "log.txt").read_text().splitlines()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("version", "said"),
    {
        '"1.3"': "written for version 1.3 of the hooks, this vpr-core has 1.2; upgrade vpr-core",
        '"2.0"': "written for version 2.0 of the hooks, this vpr-core has 1; upgrade vpr-core",
        '"0.9"': "written for version 0.9 of the hooks, this vpr-core has 1; upgrade the plug-in",
        "1.1": 'got 1.1; with a minor version it is text: VPR_HOOK_API = "1.2"',
        '"1.1.0"': "got '1.1.0'; with a minor version it is text",
    }.items(),
)
def test_a_plugin_is_told_which_version_it_needs(site, pooling_code, version: str, said: str) -> None:
    site.install("vpr-new", textwrap.dedent(pooling_code("new")) + f"\nVPR_HOOK_API = {version}\n")
    (failure,) = site.registry().failures
    assert said in failure.error


@pytest.mark.parametrize("version", ["1", '"1.0"', '"1.1"', '"1.2"'])
def test_a_plugin_of_an_earlier_minor_version_loads(site, pooling_code, version: str) -> None:
    site.install("vpr-new", textwrap.dedent(pooling_code("new")) + f"\nVPR_HOOK_API = {version}\n")
    assert [spec.name for spec in site.registry(strict=True).specs("pooling")] == ["new"]
