"""All files that make an ONNX model: found without the package onnx, and all in the model's id."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from facedata.files.atomic import file_sha256
from facemodel.errors import GalleryError, ModelError
from facemodel.models.embedder import open_model
from facemodel.models.onnx.files import external_files
from facemodel.recognition.gallery import Gallery
from tests.support.onnx_networks import DIM, crops, matrix_net, mobilefacenet
from tests.support.shared_data import SHARED, needs_shared


def stored_outside(path: Path, location: str, tensor: str = "w") -> Path:
    """Store a tensor of a network outside it, as onnx does."""
    model = onnx.load(str(path), load_external_data=False)
    (weights,) = [one for one in model.graph.initializer if one.name == tensor]
    external_data_helper.set_external_data(weights, location)
    weights.data_location = TensorProto.EXTERNAL
    data = weights.raw_data
    weights.ClearField("raw_data")
    file = path.parent / location.replace("\\", "/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    path.write_bytes(model.SerializeToString())
    return path


def named_by_onnx(path: Path) -> list[str]:
    """What the package onnx says of the same file."""
    model = onnx.load(str(path), load_external_data=False)
    tensors = external_data_helper._get_all_tensors(model)
    found = [
        external_data_helper.ExternalDataInfo(one).location
        for one in tensors
        if external_data_helper.uses_external_data(one)
    ]
    return sorted(set(found))


def test_a_network_in_one_file_keeps_the_id_it_has_always_had(tmp_path: Path) -> None:
    path = matrix_net(tmp_path)
    model = open_model(path)
    fed = f"{file_sha256(path)} {model.spec.input_settings()!r}"
    assert external_files(path) == []
    assert model.fingerprint() == hashlib.sha256(fed.encode()).hexdigest()


@pytest.mark.parametrize("location", ["net.onnx.data", "weights/w.bin", "a/b/c"])
def test_new_weights_in_another_file_are_another_model(tmp_path: Path, location: str) -> None:
    path = stored_outside(matrix_net(tmp_path), location)
    assert external_files(path) == named_by_onnx(path) == [location]
    before = open_model(path)
    embeddings, mark = before.embed(crops(2)), before.fingerprint()
    assert open_model(path).fingerprint() == mark
    weights = np.frombuffer((tmp_path / location).read_bytes(), np.float32)
    (tmp_path / location).write_bytes((weights + 1).tobytes())
    after = open_model(path)
    assert not np.allclose(after.embed(crops(2)), embeddings)
    assert after.fingerprint() != mark
    (tmp_path / location).write_bytes(weights.tobytes())
    assert open_model(path).fingerprint() == mark


def test_a_gallery_is_refused_by_new_weights_in_another_file(tmp_path: Path) -> None:
    path = stored_outside(matrix_net(tmp_path), "net.onnx.data")
    model = open_model(path)
    gallery = Gallery(("Ana",), model.embed(crops(1)), (("a.jpg",),), model.fingerprint(), "cosine", 0.5)
    gallery.check_model(open_model(path).fingerprint(), DIM)
    (tmp_path / "net.onnx.data").write_bytes(bytes((tmp_path / "net.onnx.data").stat().st_size))
    with pytest.raises(GalleryError, match="enroll the people again"):
        gallery.check_model(open_model(path).fingerprint(), DIM)


def test_the_spec_is_in_the_id(tmp_path: Path) -> None:
    path = stored_outside(matrix_net(tmp_path), "w.bin")
    before = open_model(path).fingerprint()
    spec = json.loads((tmp_path / "net.json").read_text())
    (tmp_path / "net.json").write_text(json.dumps(spec | {"colour": "rgb"}))
    assert open_model(path).fingerprint() != before


def test_of_several_files_each_counts(tmp_path: Path) -> None:
    path = matrix_net(tmp_path, classes=2, spec={"classes": ["Ana", "Bo"]})
    for name in ("start", "end", "w"):
        stored_outside(path, f"parts/{name}", name)
    assert external_files(path) == named_by_onnx(path) == ["parts/end", "parts/start", "parts/w"]


def test_tensors_anywhere_in_a_network_are_found(tmp_path: Path) -> None:
    """In nodes, in graphs within nodes, in functions, in sparse tensors, in what training needs."""

    def tensor(location: str) -> TensorProto:
        one = numpy_helper.from_array(np.zeros(4, np.float32), location)
        external_data_helper.set_external_data(one, location)
        one.data_location = TensorProto.EXTERNAL
        one.ClearField("raw_data")
        return one

    def constant(location: str) -> onnx.NodeProto:
        return helper.make_node("Constant", [], ["y"], value=tensor(location))

    branch = helper.make_graph([constant("branch")], "branch", [], [], [tensor("branch-weights")])
    many = helper.make_node("Odd", [], ["z"], tensors=[tensor("one"), tensor("two")])
    graphs = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph([constant("node"), graphs, many], "net", [], [], [tensor("weights")])
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(tensor("sparse-values"))
    sparse.indices.CopyFrom(tensor("sparse-indices"))
    function = helper.make_function(
        "d", "F", [], ["y"], [constant("function")], [helper.make_opsetid("", 17)]
    )
    model = helper.make_model(graph, functions=[function])
    model.training_info.add().initialization.CopyFrom(branch)
    inside = model.graph.initializer.add()
    inside.CopyFrom(numpy_helper.from_array(np.zeros(4, np.float32), "inside"))
    left = inside.external_data.add()  # a leftover entry: the tensor itself says that it is inside
    left.key, left.value = "location", "not-there"
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    wanted = {
        "branch", "branch-weights", "function", "node", "one", "two", "sparse-indices", "sparse-values",
        "weights",
    }  # fmt: skip
    for name in wanted:
        (tmp_path / name).write_bytes(bytes(16))
    assert set(external_files(path)) == wanted
    assert set(named_by_onnx(path)) <= wanted


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    path = stored_outside(matrix_net(tmp_path), "weights/w.bin")
    (tmp_path / "weights/w.bin").unlink()
    with pytest.raises(ModelError, match=r"keeps weights in weights/w.bin, and there is no .*copy that file"):
        open_model(path)


@pytest.mark.parametrize("location", ["../w.bin", "a/../../w.bin", "/w.bin", "a\\..\\..\\w.bin", "C:w.bin"])
def test_a_file_outside_the_models_folder_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = stored_outside(matrix_net(folder), "w.bin")
    model = onnx.load(str(path), load_external_data=False)
    (entry,) = [e for e in model.graph.initializer[0].external_data if e.key == "location"]
    entry.value = str(tmp_path / "w.bin") if location == "/w.bin" else location
    (tmp_path / "w.bin").write_bytes((folder / "w.bin").read_bytes())
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="which is outside its folder"):
        open_model(path)


def test_damaged_files_are_refused_and_never_hang(tmp_path: Path) -> None:
    good = stored_outside(matrix_net(tmp_path), "w.bin").read_bytes()
    path, chance = tmp_path / "net.onnx", random.Random(0)
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.randrange(1, len(damaged) + 1)])
        try:
            external_files(path)
        except ModelError as error:
            assert str(path) in str(error)  # noqa: PT017  some of them are still readable


@needs_shared
def test_a_real_network_with_its_weights_outside_is_the_same_network_and_another_model(
    tmp_path: Path,
) -> None:
    whole = mobilefacenet(tmp_path / "whole")
    outside = tmp_path / "outside"
    outside.mkdir()
    model = onnx.load(str(SHARED / "weights" / "mobilefacenet_112_ms1m.onnx"))
    onnx.save_model(
        model, str(outside / "net.onnx"), save_as_external_data=True, location="net.onnx.data",
        size_threshold=1024,
    )  # fmt: skip
    (outside / "net.json").write_text(whole.with_suffix(".json").read_text())
    assert external_files(whole) == []
    assert external_files(outside / "net.onnx") == named_by_onnx(outside / "net.onnx") == ["net.onnx.data"]
    one, other = open_model(whole), open_model(outside / "net.onnx")
    np.testing.assert_allclose(one.embed(crops(2, 112)), other.embed(crops(2, 112)), atol=1e-5)
    assert one.fingerprint() != other.fingerprint()


def test_links_into_a_cache_are_followed(tmp_path: Path) -> None:
    """Model hubs keep files under their digest, and link to them by name."""
    blobs, names = tmp_path / "blobs", tmp_path / "names"
    blobs.mkdir()
    names.mkdir()
    path = stored_outside(matrix_net(blobs), "w.bin")
    for file in ("net.json", "w.bin"):
        (names / file).symlink_to(blobs / file)
    (names / "net.onnx").symlink_to(path)
    assert open_model(names / "net.onnx").fingerprint() == open_model(path).fingerprint()
