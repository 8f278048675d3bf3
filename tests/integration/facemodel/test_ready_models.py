"""Ready models by name, the whole way: from a server to names, findings, embeddings, scores and triplets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facedata import TripletManifest, crop_set, open_set, prepare
from facedata.testing import FakeDetector
from facemodel import embed_set, evaluate, identify, open_model
from facemodel.models.embedding_file import read_embeddings
from facemodel.models.ready.table import READY
from tests.support.colour_people import COLOURS, fake_detection, people, photo
from tests.support.facemodel_command import done, here
from tests.support.local_server import Server, serve_file
from tests.support.onnx_networks import crops
from tests.support.ready_models import (
    BASIS,
    colours_as_sface,
    mobilefacenet_as_sface,
    random_facenet,
    stand_in,
)
from tests.support.shared_data import SHARED, needs_shared

MANY = {f"p{at:02d}": (20 * at % 256, 70 * at % 256, 255 - 11 * at) for at in range(12)}
"""As many people as are needed for an interval."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serve_file() as server:
        yield server


@pytest.fixture
def net(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`sface` is a network of colours; its file, with a JSON beside it, is returned."""
    with fake_detection():
        yield colours_as_sface(monkeypatch, server, tmp_path / "model")


@pytest.fixture(scope="module")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    prepare(people(folder / "photos", MANY, 3), folder / "faces", workers=1, detector=FakeDetector, size=48)
    return folder / "faces"


@pytest.fixture
def faces(tmp_path: Path, net: Path, _prepared: Path) -> Path:
    """A set whose crops have another template than the model's."""
    return Path(shutil.copytree(_prepared, tmp_path / "faces"))


@pytest.fixture
def own_faces(tmp_path: Path, net: Path) -> Path:
    """A small one, whose photos may be changed."""
    prepare(people(tmp_path / "photos"), tmp_path / "faces", workers=1, detector=FakeDetector, size=48)
    return tmp_path / "faces"


def test_photos_get_names_in_three_commands(net: Path, server: Server, tmp_path: Path) -> None:
    gallery, folder = tmp_path / "gallery.parquet", people(tmp_path / "people")
    done("weights", "fetch", "sface")
    enrolled = done("enroll", "sface", folder, "--out", gallery)
    group = photo(tmp_path / "group.png", [COLOURS["zoë"], (120, 120, 120)], seed=9)
    named = done("identify", "sface", gallery, group)
    assert "zoë" in named.stdout
    assert "unknown" in named.stdout
    for finished in (enrolled, named):
        assert finished.stderr.count("OpenCV Zoo's face_recognition_sface_2021dec.onnx, Apache-2.0") == 1
        assert f"basis      {BASIS}; how many strangers get a name is not known" in finished.stdout
    assert server.requests == [None]


def test_a_name_is_the_same_model_as_its_file(net: Path, server: Server) -> None:
    ready, alone = open_model("sface"), open_model(net)
    assert ready.fingerprint() == alone.fingerprint()
    assert (ready.spec, ready.name) == (alone.spec, "sface")
    np.testing.assert_array_equal(ready.embed(crops(3, 32)), alone.embed(crops(3, 32)))


def test_a_users_own_file_needs_no_server(net: Path, server: Server, tmp_path: Path) -> None:
    gallery, folder = tmp_path / "gallery.parquet", people(tmp_path / "people")
    done("enroll", "sface", folder, "--out", gallery, "--weights", net)
    assert identify("sface", gallery, [folder / "anna"], weights=str(net)).photos[0].faces[0].name == "anna"
    assert server.requests == []
    refused = here("enroll", net, folder, "--out", gallery, "--weights", net)
    assert refused.status == 2
    assert "--weights" in refused.error
    assert "is for a ready model (sface, facenet-vggface2)" in refused.error


def test_a_folder_of_the_same_name_is_named_as_a_path(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sface").mkdir()
    assert open_model("sface").spec.dim == 3
    assert "./sface is a folder or file here" in done("info", "sface").stderr
    refused = here("info", "./sface")
    assert "is not a run folder" in refused.error


def test_info_shows_licence_and_what_the_threshold_stands_for(net: Path) -> None:
    text = done("info", "sface").stdout
    for part in ("OpenCV Zoo: face_recognition_sface_2021dec.onnx, Apache-2.0", "0.1 (euclidean)", BASIS):
        assert part in text
    values = json.loads(done("info", "sface", "--json").stdout)
    assert values["licence"] == "Apache-2.0"
    assert values["sha256"] == READY["sface"].file.sha256


@pytest.mark.parametrize("command", ["check", "evaluate", "embed", "mine"])
def test_a_set_of_another_template_is_offered_to_be_cut(command: str, faces: Path, tmp_path: Path) -> None:
    out = {"check": (), "evaluate": ("--out", tmp_path / "s")}.get(command, ("--out", tmp_path / "o.parquet"))
    refused = here(command, "sface", faces, *out)
    assert refused.status == 1
    line = refused.stderr.splitlines()[-1]
    assert f"and {faces} has square crops: add --cut" in line
    assert f"`facedata crop {faces} --template arcface112 --out {faces}-arcface112`" in line
    assert not Path(f"{faces}-arcface112").exists()


def test_what_is_cut_is_what_crop_would_cut_and_is_used_again(
    own_faces: Path, net: Path, tmp_path: Path
) -> None:
    """The set beside it is byte for byte what `facedata crop` makes, and survives the photos."""
    by_hand = crop_set(own_faces, tmp_path / "by-hand", template="arcface112", workers=1)
    embed_set("sface", own_faces, tmp_path / "a.parquet", cut=True, workers=1)
    assert open_set(f"{own_faces}-arcface112").fingerprint == by_hand.fingerprint
    mark = Path(f"{own_faces}-arcface112", "dataset.json")
    before = mark.stat().st_mtime_ns
    shutil.rmtree(tmp_path / "photos")
    embed_set("sface", own_faces, tmp_path / "b.parquet", cut=True, workers=1)
    assert mark.stat().st_mtime_ns == before
    embed_set(net, by_hand.path, tmp_path / "c.parquet", workers=1)
    ours, again, theirs = (read_embeddings(tmp_path / f"{name}.parquet") for name in "abc")
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.values, again.values)
    np.testing.assert_array_equal(ours.ids, theirs.ids)


def test_embeddings_scores_and_triplets_are_of_the_users_set(faces: Path, tmp_path: Path) -> None:
    prepared = open_set(faces)
    done_embedding = embed_set("sface", faces, tmp_path / "e.parquet", cut=True, workers=1)
    assert done_embedding["fingerprint"] == prepared.fingerprint
    scores = evaluate("sface", faces, None, cut=True, workers=1)
    assert scores["set"] == prepared.fingerprint
    done("mine", "sface", faces, "--out", tmp_path / "t.parquet", "--cut", "--workers", 1)
    triplets = TripletManifest.open(tmp_path / "t.parquet", of=faces)
    assert triplets[0].anchor.image().shape == (48, 48, 3)  # the user's crops, not those that were cut
    by_hand = evaluate("sface", f"{faces}-arcface112", None, workers=1)
    assert scores["figures"] == by_hand["figures"]
    assert BASIS in scores["figures"]["euclidean"]["threshold"]["sentence"]


def test_a_folder_of_crops_cannot_be_cut(net: Path, faces: Path, tmp_path: Path) -> None:
    refused = here("embed", "sface", faces / "crops", "--cut", "--out", tmp_path / "a.parquet")
    assert refused.status == 2
    assert "is a folder of crops, and only a set's photos are known" in refused.stderr


def test_a_part_of_a_set_is_read_from_the_cut_one(faces: Path, tmp_path: Path) -> None:
    whole = embed_set("sface", faces, tmp_path / "w.parquet", cut=True, workers=1)
    embed_set("sface", faces / "pairs.parquet", tmp_path / "p.parquet", cut=True, workers=1)
    embed_set("sface", faces, tmp_path / "t.parquet", cut=True, workers=1, split="test")
    every = read_embeddings(tmp_path / "w.parquet")
    assert whole["crops"] == len(every.ids)
    for name in "pt":
        part = read_embeddings(tmp_path / f"{name}.parquet")
        np.testing.assert_array_equal(part.values, every.values[np.searchsorted(every.ids, part.ids)])


def test_findings_land_in_the_users_set(faces: Path, tmp_path: Path) -> None:
    here("check", "sface", faces, "--cut", "--workers", 1)
    summary = json.loads((faces / "check" / "summary.json").read_text())
    assert summary["who_is_who"]["crops"] == len(open_set(faces).table("classes"))
    assert not Path(f"{faces}-arcface112", "check").exists()
    assert list((faces / "check").glob("embeddings-*.parquet"))
    again = here("check", "sface", faces, "--cut", "--workers", 1)
    assert "were embedded by an earlier check" in again.stderr


def test_two_sets_are_compared_by_their_cut_crops(faces: Path, tmp_path: Path) -> None:
    prepare(
        people(tmp_path / "others", MANY, 2), tmp_path / "more", workers=1, detector=FakeDetector, size=48
    )
    here("check", "sface", faces, "--against", tmp_path / "more", "--cut", "--workers", 1)
    assert (tmp_path / "more-arcface112" / "dataset.json").is_file()
    assert (faces / "check" / "overlap.json").is_file()


def test_a_damaged_crop_of_the_cut_set_is_found(faces: Path, tmp_path: Path) -> None:
    embed_set("sface", faces, tmp_path / "a.parquet", cut=True, workers=1)
    crop = next(Path(f"{faces}-arcface112", "crops").rglob("*.jpg"))
    crop.write_bytes(crop.read_bytes()[:-9])
    refused = here("embed", "sface", faces, "--cut", "--out", tmp_path / "b.parquet", "--workers", 1)
    assert refused.status == 1
    assert "arcface112" in refused.stderr or crop.stem in refused.stderr


def test_what_is_not_cut_from_the_set_is_never_overwritten(faces: Path, tmp_path: Path) -> None:
    beside = Path(f"{faces}-arcface112")
    beside.mkdir()
    (beside / "diary.txt").write_text("mine")
    refused = here("embed", "sface", faces, "--cut", "--out", tmp_path / "a.parquet", "--workers", 1)
    assert refused.status != 0
    assert [path.name for path in beside.iterdir()] == ["diary.txt"]
    shutil.rmtree(beside)
    prepare(
        people(tmp_path / "others", COLOURS), beside, workers=1, detector=FakeDetector, template="arcface112"
    )
    before = open_set(beside).fingerprint
    refused = here("embed", "sface", faces, "--cut", "--out", tmp_path / "a.parquet", "--workers", 1)
    assert refused.status == 2
    assert "move it away, or make it anew with `facedata crop" in refused.stderr
    assert open_set(beside).fingerprint == before


def test_a_set_that_was_cut_before_it_changed_is_not_used(own_faces: Path, tmp_path: Path) -> None:
    embed_set("sface", own_faces, tmp_path / "a.parquet", cut=True, workers=1)
    photo(tmp_path / "photos" / "anna" / "new.png", [COLOURS["anna"]], 7)
    prepare(tmp_path / "photos", own_faces, workers=1, detector=FakeDetector, size=48)
    refused = here("embed", "sface", own_faces, "--cut", "--out", tmp_path / "b.parquet", "--workers", 1)
    assert refused.status == 2
    assert f"was not cut from {own_faces} as it is now" in refused.stderr


def test_photos_that_are_gone_are_said_as_crop_says_it(own_faces: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "bert" / "1.png").unlink()
    refused = here("embed", "sface", own_faces, "--cut", "--out", tmp_path / "a.parquet", "--workers", 1)
    assert refused.status == 1
    assert "photos are gone or changed, such as 'bert/1.png'" in refused.stderr
    assert not Path(f"{own_faces}-arcface112", "dataset.json").exists()


def test_a_threshold_is_kept_in_the_cache_and_says_so(faces: Path, tmp_path: Path) -> None:
    cut = crop_set(faces, tmp_path / "cut", template="arcface112", workers=1).path
    finished = done("evaluate", "sface", cut, "--keep-threshold", "--out", tmp_path / "s", "--workers", 1)
    file = tmp_path / "cache" / "facedata" / "weights" / "sface.json"
    assert f"kept in {file}: the threshold" in finished.stdout
    spec = open_model("sface").spec
    assert (spec.threshold, spec.threshold_basis) != (0.1, BASIS)
    assert spec.validation is not None
    gallery = tmp_path / "gallery.parquet"
    enrolled = done("enroll", "sface", people(tmp_path / "people"), "--out", gallery)
    assert f"sface has the threshold that --keep-threshold kept in {file}" in enrolled.stderr
    assert "of strangers get a name among 3 people" in enrolled.stdout
    file.unlink()
    assert open_model("sface").spec == READY["sface"].spec


def test_a_kept_threshold_of_another_file_is_not_used(faces: Path, net: Path, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "facedata" / "weights" / "sface.json"
    file.parent.mkdir(parents=True)
    values = json.loads(READY["sface"].spec.to_json()) | {"threshold": 0.7, "sha256": "0" * 64}
    file.write_text(json.dumps(values))
    assert open_model("sface").spec.threshold == 0.1
    file.write_text("{")
    refused = here("info", "sface")
    assert refused.status == 1
    assert f"{file}" in refused.stderr
    assert "remove the file" in refused.stderr


def test_models_by_name_are_compared(faces: Path, net: Path, tmp_path: Path) -> None:
    finished = done("compare", "sface", net, "--set", faces, "--cut", "--out", tmp_path / "c", "--workers", 1)
    assert "| sface |" in finished.stdout
    refused = here("compare", "sfcae", net, "--set", faces, "--out", tmp_path / "d")
    assert "there is no sfcae" in refused.error
    assert "did you mean the ready model sface?" in refused.error


def test_facenet_gives_its_librarys_embeddings(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """InceptionResnetV1 of the library itself, on its own standardisation, is the oracle."""
    import torch

    file, library = random_facenet(tmp_path)
    stand_in(monkeypatch, server, "facenet-vggface2", file.read_bytes())
    model = open_model("facenet-vggface2", device="cpu")
    images = crops(3, 160)
    standardised = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127.5) / 128
    with torch.inference_mode():
        theirs = library(standardised).numpy()
    np.testing.assert_allclose(model.embed(images), theirs, atol=2e-6)
    info = json.loads(done("info", "facenet-vggface2", "--json").stdout)
    assert info["fingerprint"] == model.fingerprint()
    assert info["parameters"] == sum(
        one.numel() for name, one in library.named_parameters() if not name.startswith("logits.")
    )


def test_a_model_without_a_published_threshold_says_how_to_get_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = random_facenet(tmp_path)
    stand_in(monkeypatch, server, "facenet-vggface2", file.read_bytes())
    with fake_detection():
        refused = here(
            "enroll", "facenet-vggface2", people(tmp_path / "people"), "--out", tmp_path / "g.parquet"
        )
    assert refused.status == 2
    assert "`facemodel evaluate facenet-vggface2 SET --keep-threshold --out DIR`" in refused.stderr


@needs_shared
def test_real_people_are_named_by_a_real_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What docs/ready-models.md shows, with MobileFaceNet in the place of SFace."""
    mobilefacenet_as_sface(monkeypatch, server)
    celebs, gallery = SHARED / "data" / "five_celebs", tmp_path / "gallery.parquet"
    for person in sorted((celebs / "train").iterdir()):
        for one in sorted(person.iterdir())[:4]:
            target = tmp_path / "people" / person.name / one.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(one)
    enrolled = done("enroll", "sface", tmp_path / "people", "--out", gallery)
    assert "enrolled   5 people" in enrolled.stdout
    assert "basis      published for LFW" in enrolled.stdout
    found = json.loads(done("identify", "sface", gallery, celebs / "test", "--json").stdout)
    names = {
        Path(one["photo"]).parent.name: [face["name"] for face in one["faces"]] for one in found["photos"]
    }
    assert names == {name: [name] for name in names}
    assert len(names) == 5
