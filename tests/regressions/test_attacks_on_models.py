"""What somebody who meant harm to a trained model's commands found, one test each."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper

from facedata import PairManifest
from facedata.errors import NotASetError, StoreError, UsageError
from facedata.sets.prepared import PreparedSet
from facemodel import embed_set, enroll, evaluate, export_model, fit, identify, open_model, read_gallery
from facemodel.config import ExportConfig
from facemodel.errors import DataError, GalleryError, ModelError, SpecError
from facemodel.models.known_people import read_people
from facemodel.scoring.open_set import Probes, open_set_rates
from facemodel.spec import InputSpec
from tests.support.colour_embedder import ColourEmbedder
from tests.support.colour_people import COLOURS, fake_detection, people, photo
from tests.support.onnx_networks import DIM, SIDE, colour_net, crops, matrix_net
from tests.support.people_set import people_set
from tests.support.small_set import make_set
from tests.support.tiny_fit import FEW

PT = ExportConfig(to="torchscript", crops=5)


def test_a_network_fed_otherwise_is_another_model(tmp_path: Path) -> None:
    """Embeddings of other colours or means do not belong together, though the file is the same."""
    ids = [
        open_model(matrix_net(tmp_path, spec=spec)).fingerprint()
        for spec in ({}, {"colour": "rgb"}, {"mean": [0.2, 0.2, 0.3]}, {"threshold": 3.0})
    ]
    assert len(set(ids[:3])) == 3
    assert ids[3] == ids[0]  # a threshold changes no embedding


def test_people_who_chose_the_threshold_are_not_judged_by_it(
    faces: PreparedSet, run: Path, tmp_path: Path
) -> None:
    """Of a set that was made again the fingerprint tells nothing; the names do."""
    known = read_people(run)
    assert known.judged
    judged = make_set(tmp_path / "set", dict.fromkeys(sorted(known.judged), 6) | {"x": 3, "y": 3})
    table = pq.read_table(Path(str(judged.path)) / "classes.parquet")
    split = next(iter(set(table.column("split").to_pylist())))
    found = evaluate(run, judged.path, None, split=split)
    assert any("so it is not used" in note for note in found["notes"])
    assert all(one["threshold"]["from"] != "model" for one in found["figures"].values())
    unseen = evaluate(run, faces.path, None)
    assert unseen["figures"]["euclidean"]["threshold"]["from"] == "model"


@pytest.mark.parametrize("name", ["dataset.pt", "spec.pt"])
def test_an_export_takes_no_other_json_s_place(run: Path, tmp_path: Path, name: str) -> None:
    theirs = (tmp_path / name).with_suffix(".json")
    theirs.write_text('{"kind": "somebody else\'s"}')
    with pytest.raises(UsageError, match="is not the JSON of an export"):
        export_model(run, tmp_path / name, PT)
    assert [file.name for file in tmp_path.iterdir()] == [theirs.name]


def test_an_export_is_compared_on_crops_that_are_the_sets(
    faces: PreparedSet, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(str(faces.path), tmp_path / "set")
    files = sorted((tmp_path / "set" / "crops").rglob("*.jpg"))
    files[0].write_bytes(files[1].read_bytes())
    files[-1].unlink()
    with pytest.raises(DataError, match=r"1 .*gone.*1 .*changed|1 .*changed.*1 .*gone"):
        export_model(
            run, tmp_path / "model.pt", ExportConfig(to="torchscript", crops=999, set=str(tmp_path / "set"))
        )
    assert not (tmp_path / "model.pt").exists()


def test_an_exports_card_says_how_crops_are_resized(run: Path, tmp_path: Path) -> None:
    export_model(run, tmp_path / "model.pt", PT)
    card = json.loads((tmp_path / "model.json").read_text())
    assert "antialiased" in card["resize"]
    assert card["crop_px"]


def pairs_file(faces: PreparedSet, path: Path, change: Any) -> str:
    """Write the set's test pairs, changed by hand."""
    PairManifest.open(faces.path, split="test").write(path)
    table = change(pq.read_table(path))
    pq.write_table(table, path)
    return str(path)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), values)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda t: with_column(t, "same", pa.compute.invert(t["same"])), DataError, "contradict the set"),
        (lambda t: with_column(t, "right", t["left"]), DataError, "contradict the set"),
        (
            lambda t: with_column(with_column(t, "right", t["left"]), "same", pa.array([True] * len(t))),
            DataError,
            "are of a photo with itself",
        ),
        (lambda t: t.drop_columns(["same"]), NotASetError, "it lacks same"),
        (
            lambda t: t.set_column(
                t.column_names.index("same"), "same", pa.array([None] * len(t), pa.bool_())
            ),
            NotASetError,
            "its column same has nulls",
        ),
    ],
)
def test_pairs_that_contradict_the_set_are_not_scored(
    faces: PreparedSet, tmp_path: Path, change: Any, error: type[Exception], text: str
) -> None:
    path = pairs_file(faces, tmp_path / "p.parquet", change)
    with pytest.raises(error, match=text):
        evaluate(ColourEmbedder(), faces.path, None, pairs=path)


def test_pairs_that_are_there_twice_are_said(faces: PreparedSet, tmp_path: Path) -> None:
    path = pairs_file(faces, tmp_path / "p.parquet", lambda table: pa.concat_tables([table] * 3))
    count = len(pq.read_table(path))
    found = evaluate(ColourEmbedder(), faces.path, None, pairs=path)
    assert f"{2 * count // 3:,} of the {count:,} pairs are listed again, and count again" in found["notes"]


def test_a_network_that_does_not_say_whom_it_knows(run: Path, faces: PreparedSet, tmp_path: Path) -> None:
    export_model(run, tmp_path / "net.onnx", ExportConfig(crops=5))
    notes = evaluate(tmp_path / "net.onnx", faces.path, None)["notes"]
    assert any("does not say on which people" in note for note in notes)


def test_mirror_images_count_for_a_classifier_too(faces: PreparedSet) -> None:
    class Leaning(ColourEmbedder):
        """Its logits are what the left and what the right edge say, so that mirror images change them."""

        def logits(self, crops: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
            edge = crops[:, :, 0].mean(axis=(1, 2), dtype=np.float32)
            return np.stack([edge, np.full_like(edge, 110.0)], axis=1)

    names = tuple(sorted({row.identity for row in PairManifest.open(faces.path, split="test").crops}))
    said = [
        evaluate(Leaning(names[:2]), faces.path, None, flip=flip, split="train")["classes"]
        for flip in (False, True)
    ]
    assert said[0] != said[1]


def test_an_output_that_cannot_be_is_said_before_anything_is_embedded(
    faces: PreparedSet, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    model = ColourEmbedder()
    for out in ("file", "file/scores"):
        with pytest.raises(StoreError, match="file is a file"):
            evaluate(model, faces.path, tmp_path / out)
    assert model.seen == 0


def odd_network(folder: Path, nodes: list[Any], kind: int = TensorProto.FLOAT, **more: Any) -> Path:
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    given = helper.make_tensor_value_info("y", kind, more.get("shape", ["n", DIM]))
    graph = helper.make_graph(nodes, "net", more.get("inputs", [shape]), [given], more.get("constants", []))
    matrix_net(folder, spec={"dim": more.get("dim", DIM)})  # for its spec
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        str(folder / "net.onnx"),
    )
    return folder / "net.onnx"


def test_networks_that_are_not_what_they_say(tmp_path: Path) -> None:
    # a batch of one, though any is declared: so many exporters leave it
    one = helper.make_tensor("to", TensorProto.INT64, [2], [1, 3 * SIDE * SIDE])
    fixed = odd_network(
        tmp_path,
        [helper.make_node("Reshape", ["x", "to"], ["y"])],
        constants=[one],
        shape=["n", "d"],
        dim=3 * SIDE * SIDE,
    )
    with pytest.raises(ModelError, match=r"net.onnx cannot be run on 4 images of 8 px"):
        open_model(fixed).embed(crops(4))
    cast = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Cast", ["f"], ["y"], to=TensorProto.INT8),
    ]
    integers = odd_network(tmp_path, cast, TensorProto.INT8, shape=["n", "d"], dim=3 * SIDE * SIDE)
    with pytest.raises(SpecError, match="not floating-point numbers"):
        open_model(integers)
    constant = helper.make_node(
        "Constant", [], ["y"], value=helper.make_tensor("v", TensorProto.FLOAT, [1, DIM], [0.0] * DIM)
    )
    with pytest.raises(SpecError, match="has 0 inputs"):
        open_model(odd_network(tmp_path, [constant], inputs=[], shape=[1, DIM]))


def test_more_names_than_logits(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"names 3 classes, and its output logits is .* × 2: give"):
        open_model(matrix_net(tmp_path, classes=2, spec={"classes": ["Ana", "Bo", "Cy"]}))


@pytest.mark.parametrize(
    "change",
    [
        {"mean": (True, True, True)}, {"mean": None}, {"mean": (float("nan"),) * 3}, {"mean": (1e308,) * 3},
        {"std": (float("inf"),) * 3}, {"std": (0, 1, 1)}, {"normalised": None}, {"normalised": "yes"},
        {"set_fingerprint": 5}, {"template": "foo"}, {"template": ""}, {"crop_px": 1.5}, {"margin": -3.0},
    ],
)  # fmt: skip
def test_specs_that_no_network_has(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        InputSpec(**{"size_px": 8, "template": "square", "dim": 5, **change})


@pytest.fixture
def enrolled(tmp_path: Path) -> tuple[Path, Path]:
    with fake_detection():
        net = colour_net(tmp_path / "model")
        enroll(net, people(tmp_path / "people"), tmp_path / "g.parquet")
    return net, tmp_path / "g.parquet"


def test_galleries_by_other_hands(enrolled: tuple[Path, Path], tmp_path: Path) -> None:
    _, file = enrolled
    table = pq.read_table(file)
    about = json.loads(table.schema.metadata[b"facemodel"])
    place, values = table.column_names.index("embedding"), table.column("embedding").to_pylist()

    def written(column: pa.Array, **changes: Any) -> Path:
        meta = {b"facemodel": json.dumps({**about, **changes}).encode()}
        pq.write_table(
            table.set_column(place, "embedding", column).replace_schema_metadata(meta),
            tmp_path / "other.parquet",
        )
        return tmp_path / "other.parquet"

    plain = read_gallery(written(pa.array(values, pa.list_(pa.float32()))))
    assert np.array_equal(plain.embeddings, read_gallery(file).embeddings)
    uneven = [value[: 1 + number] for number, value in enumerate(values)]
    for column in (pa.array(["x"] * len(values)), pa.array(uneven, pa.list_(pa.float32()))):
        with pytest.raises(GalleryError, match="is damaged"):
            read_gallery(written(column))
    for threshold in (float("nan"), float("inf"), True, "0.5"):
        with pytest.raises(GalleryError, match="its threshold is"):
            read_gallery(written(table.column("embedding").combine_chunks(), threshold=threshold))
    short = read_gallery(written(pa.array([value[:1] for value in values], pa.list_(pa.float32(), 1))))
    with pytest.raises(GalleryError, match="its embeddings have 1 numbers, not"):
        short.check_model(short.model, 3)


def test_a_rate_of_strangers_without_faces_is_still_a_number() -> None:
    probes = Probes(np.array([0.1, 0.4]), np.array([True, True]), np.full(10, np.inf))
    rates = open_set_rates(probes, [0.3])
    assert (rates[0].threshold, rates[0].let_in, rates[0].dir) == (0.4, 0, 1.0)
    assert (
        open_set_rates(Probes(np.full(2, np.inf), np.array([True, True]), np.full(10, np.inf)), [0.3])[0].dir
        == 0
    )


def test_one_photo_named_twice_has_two_pictures(enrolled: tuple[Path, Path], tmp_path: Path) -> None:
    picture = photo(tmp_path / "group.png", [COLOURS["anna"]])
    with fake_detection():
        found = identify(*enrolled, [picture, picture], out=str(tmp_path / "named"))
    drawn = [Path(str(one.picture)) for one in found.photos]
    assert len(set(drawn)) == 2
    assert all(file.is_file() for file in drawn)


def test_a_name_too_long_for_a_picture_is_cut(enrolled: tuple[Path, Path], tmp_path: Path) -> None:
    long = photo(tmp_path / f"{'é' * 124}.png", [COLOURS["anna"]])
    with fake_detection():
        found = identify(*enrolled, [long], out=str(tmp_path / "named"))
    assert Path(str(found.photos[0].picture)).is_file()


@pytest.mark.parametrize("threshold", [-1.0, -0.01])
def test_thresholds_that_nobody_is_within(
    enrolled: tuple[Path, Path], tmp_path: Path, threshold: float
) -> None:
    with fake_detection(), pytest.raises(UsageError, match="a distance is at least 0"):
        identify(*enrolled, [photo(tmp_path / "a.png", [COLOURS["anna"]])], threshold=threshold)


@pytest.mark.parametrize("name", ["", "http://x/y.jpg", "s3://b/y.jpg"])
def test_photos_that_are_not_on_this_machine(enrolled: tuple[Path, Path], name: str) -> None:
    with fake_detection(), pytest.raises(UsageError, match="is not a photo on this machine"):
        identify(*enrolled, [name])


def test_nobody_is_called_unknown_and_nobody_is_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = people(tmp_path / "people")
    shutil.copytree(folder / "anna", folder / "Unknown")
    shutil.copytree(folder / "anna", folder / "ANNA")
    (folder / "empty").mkdir()
    with fake_detection(), caplog.at_level(logging.WARNING):
        made = enroll(colour_net(tmp_path / "model"), folder, tmp_path / "g.parquet")
    assert "Unknown" not in made.names
    lost = {one.identity: one.reason for one in made.left_out}
    assert lost["Unknown"] == "nobody is called so: rename the folder"
    assert lost["empty"] == "the folder is empty"
    assert "names differ only by case are kept apart: 'ANNA' and 'anna'" in caplog.text


def test_a_bit_that_flipped_in_the_weights_is_noticed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    file = tmp_path / "run" / "best.safetensors"
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match="its numbers differ from those that were written"):
        open_model(tmp_path / "run")


def test_pair_heads_of_closed_sets_need_pairs(tmp_path: Path) -> None:
    few = people_set(tmp_path / "set", people=6, photos=4, split_by="photo")
    options = {**FEW, "batches": "pairs", "loss": "bce", "closed": True, "best_by": "accuracy"}
    with pytest.raises(DataError, match="validation needs a positive and a negative pair"):
        fit(few.path, tmp_path / "run", **options)


def test_embeddings_take_no_other_files_place(faces: PreparedSet, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    out.write_text("precious")
    with pytest.raises(UsageError, match="exists and is not a file of embeddings"):
        embed_set(ColourEmbedder(), faces.path, out, overwrite=True)
    assert out.read_text() == "precious"
