"""Networks, descriptions and options that no start or teacher may have: each is refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from facedata import ClassManifest
from facedata.errors import UsageError
from facedata.sets.prepared import PreparedSet
from facemodel.batches.reader import CropReader
from facemodel.commands.export import export_lines, export_model
from facemodel.config import FitConfig
from facemodel.errors import ArchitectureError, ExportError, ModelError
from facemodel.models.embedder import open_model
from facemodel.models.known_people import read_rows
from facemodel.network.started.network import StartedNetwork, described_spec
from facemodel.training.finetune.guides import embed_both_sides
from facemodel.training.finetune.open_start import open_start
from facemodel.unused_options import unused_lines
from tests.support.facemodel_command import here
from tests.support.trainable_onnx import DIM, SIDE, SPEC, face_net, node_net, normal, whole

_W = numpy_helper.from_array(normal(3 * SIDE * SIDE, DIM), "w")
_TAIL = [helper.make_node("Flatten", ["v"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["embedding"])]


def network(folder: Path, nodes: Sequence[onnx.NodeProto], **constants: np.ndarray[Any, Any]) -> Path:
    """Write a network from ``x`` by some nodes to ``v``, and by a matrix to the embedding."""
    graph = helper.make_graph(
        [*nodes, *_TAIL],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIM])],
        [_W, *(numpy_helper.from_array(value, name) for name, value in constants.items())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "net.onnx"))
    (folder / "net.json").write_text(json.dumps(SPEC))
    return folder / "net.onnx"


def a_branch(value: str, operator: str) -> onnx.GraphProto:
    shape = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(operator, [value], ["out"])], operator, [], [shape])


def test_a_branch_of_constants_is_refused_by_name(tmp_path: Path) -> None:
    branches = {"then_branch": a_branch("x", "Identity"), "else_branch": a_branch("x", "Neg")}
    net = network(tmp_path, [helper.make_node("If", ["yes"], ["v"], **branches)], yes=np.array(True))
    with pytest.raises(ArchitectureError, match="the operator If of constants, and cannot be computed here"):
        open_start(open_model(net, "cpu"))


@pytest.mark.parametrize(
    ("operator", "more", "constants", "message"),
    [
        (
            "PRelu",
            ["c"],
            {"c": np.full((1, 3, 1, SIDE), 0.1, np.float32)},
            "cannot be run here|cannot be made",
        ),
        ("ReduceMean", [], {}, "the operator ReduceMean over all images"),
    ],
)
def test_shapes_that_torch_has_no_layer_for_are_refused_in_a_line(
    operator: str, more: list[str], constants: dict[str, Any], message: str, tmp_path: Path
) -> None:
    first = helper.make_node(operator, ["x", *more], ["r"])
    net = network(tmp_path, [first, helper.make_node("Mul", ["x", "r"], ["v"])], **constants)
    with pytest.raises(ArchitectureError, match=message) as refused:
        open_start(open_model(net, "cpu"))
    assert "\n" not in str(refused.value)


def test_images_that_a_network_throws_together_are_not_trained(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "row"], ["q"]),
        helper.make_node("Reshape", ["q", "images"], ["v"]),
    ]
    net = network(tmp_path, nodes, row=whole(-1), images=whole(-1, 3, SIDE, SIDE))
    with pytest.raises(ArchitectureError, match=r"its operators cannot be run here \("):
        open_start(open_model(net, "cpu"))


def test_a_clip_without_bounds_passes_everything(tmp_path: Path) -> None:
    net = network(tmp_path, [helper.make_node("Clip", ["x"], ["v"])])
    assert open_start(open_model(net, "cpu")).spec.dim == DIM


def a_conv(**changes: Any) -> dict[str, Any]:
    weights = {"weight": [4, 3, 1, 1]}
    return {"op": "Conv", "inputs": [0], "output": 1, "options": {}, "weights": weights, **changes}


@pytest.mark.parametrize(
    "network",
    [
        {"nodes": [a_conv(op="Loop")]},
        {"nodes": [a_conv(op="AveragePool", options={"kernel_shape": [2]}, weights={})]},
        {"nodes": [a_conv(weights={"weight": [-4, 3, 1, 1]})]},
        {"nodes": [a_conv(weights={"weight": []})]},
        {"nodes": [a_conv(weights={"weight": [1 << 20, 1 << 20, 1 << 10, 1 << 10]})]},
        {"nodes": [{"op": "Conv"}]},
        {"nodes": 5},
        {"backbone": "resnet18"},
        {"backbone": "resnet18", "head": []},
        {"backbone": 7, "head": {"hidden": []}},
        {},
    ],
)
def test_a_damaged_description_is_refused(network: dict[str, Any]) -> None:
    text = json.dumps({"version": 1, "spec": SPEC, **network})
    with pytest.raises((ArchitectureError, UsageError), match=r"damaged|backbone"):
        StartedNetwork(torch.tensor(list(text.encode()), dtype=torch.uint8))


@pytest.mark.parametrize(
    "text", ['{"version": 1}', '{"version": 1, "spec": 5}', "[" * 20_000, "[1]", "5", ""]
)
def test_a_description_without_a_spec_is_refused(text: str) -> None:
    with pytest.raises(ArchitectureError, match="the description of the network is damaged"):
        described_spec(torch.tensor(list(text.encode()), dtype=torch.uint8))


@pytest.mark.parametrize("option", ["--start", "--teacher"])
@pytest.mark.parametrize("name", ["", "best.safetensors"])
def test_a_run_is_not_deleted_for_one_that_starts_or_learns_from_it(
    option: str, name: str, faces: PreparedSet, run: Path
) -> None:
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    ended = here("fit", faces.path, option, run / name, "--out", run, "--overwrite", "--batches", "people")
    assert ended.status == 2
    assert f"is in the run folder {run}, which a new run replaces: choose another --out" in ended.stderr
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_an_old_run_s_people_are_read_though_it_does_not_say_who_trained(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, old := tmp_path / "old")
    table = pq.read_table(old / "people.parquet")
    pq.write_table(table.drop_columns(["trains"]), old / "people.parquet")
    expected = [(name, photos, True) for name, photos, _ in read_rows(str(run))]
    assert read_rows(str(old)) == expected
    assert pa.types.is_boolean(table.schema.field("trains").type)


def test_a_teacher_that_gives_nan_is_named(tmp_path: Path, faces: PreparedSet, monkeypatch: Any) -> None:
    teacher = open_model(face_net(tmp_path), "cpu")
    monkeypatch.setattr(teacher, "embed", lambda crops: np.full((len(crops), DIM), np.nan, np.float32))
    with (
        CropReader(ClassManifest.open(faces), 1) as reader,
        pytest.raises(ModelError, match=r"net\.onnx gives embeddings that are NaN or infinite"),
    ):
        embed_both_sides(teacher, reader, 4, 4, lambda done, total: None)


def test_a_set_is_not_taken_for_the_model_that_was_forgotten(faces: PreparedSet, tmp_path: Path) -> None:
    ended = here("fit", "--recipe", "finetune", faces.path, "--out", tmp_path / "run")
    assert ended.status == 2
    assert "--recipe finetune starts from a finished model: name it" in ended.stderr


def test_a_network_without_weights_is_refused(tmp_path: Path) -> None:
    net = node_net(tmp_path, [("GlobalAveragePool", {}, {}), ("Flatten", {}, {})], dim=3)
    with pytest.raises(ArchitectureError, match="cannot be trained: it has no weights"):
        open_start(open_model(net, "cpu"))


def test_a_network_in_int8_is_neither_trained_nor_quantised_again(faces: PreparedSet, tmp_path: Path) -> None:
    net, small = face_net(tmp_path), tmp_path / "small.onnx"
    options: dict[str, Any] = {"int8": True, "set": str(faces.path)}
    wrote = export_model(net, small, to="onnx", **options)
    assert "no smaller: so small a network gains nothing" in "\n".join(export_lines(wrote))
    with pytest.raises(ArchitectureError, match="it is in int8; start from the float network"):
        open_start(open_model(small, "cpu"))
    with pytest.raises(ExportError, match="is in int8 already: leave out --int8"):
        export_model(small, tmp_path / "smaller.onnx", to="onnx", **options)
    assert not (tmp_path / "smaller.onnx").exists()


def test_a_teacher_that_does_not_count_is_said() -> None:
    (line,) = unused_lines(FitConfig(teacher="sface", teacher_weight=0.0))
    assert line == "--teacher does nothing here: it is for --teacher-weight above 0"
