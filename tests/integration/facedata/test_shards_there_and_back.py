"""`--to hf` and `--to webdataset` as their own programs read them, and back: crops, people, splits, pairs."""

from __future__ import annotations

import csv
import gc
import json
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import PreparedSet, crop_set, export_set, open_set, prepare
from facedata.errors import NothingKeptError
from facedata.exports import hf as to_hf
from facedata.exports import webdataset as to_webdataset
from facedata.tables.schema import PAIRS, TRIPLETS
from facedata.testing import marked_folder
from tests.support.facedata_command import done, run
from tests.support.inline_engine import inline
from tests.support.marked_photos import prepare_marked
from tests.support.processes import ROOT
from tests.support.set_bytes import snapshot
from tests.support.shared_data import SHARED, needs_shared
from tests.support.small_disk import Disk
from tests.support.version_1 import make_version_1

NAMES = ("O\"Hara, 'x'", "😀 Zoë", ".dot", "a" * 200, "..", "two\nlines", "a/b\\c", "con")
SPLITS = ("train", "test", "held out/2", "")
FORMATS = ("hf", "webdataset")
SHARD = 12_000
"""Bytes of a shard, so that a few crops make several."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with hostile names of people and splits, reference photos, columns of its own, a lost photo."""
    folder = tmp_path_factory.mktemp("shards")
    marked_folder(folder / "photos", people=len(NAMES), photos=5)
    (folder / "photos" / "person-00" / "00.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "identity", "split", "role", "consent", "age"])
        for photo in sorted((folder / "photos").rglob("*.png")):
            person = int(photo.parent.name[-2:])
            role = "reference" if photo.stem == "01" else ""
            path = str(photo.relative_to(folder))
            rows.writerow(
                [path, NAMES[person], SPLITS[person // 2], role, ("yes", "")[person % 2], 20 + person]
            )
    prepare_marked(
        folder / "list.csv", folder / "faces", kind="table", size=64, split_by="official", licence="CC BY 4.0"
    )
    return folder / "faces"


@pytest.fixture(scope="module", params=FORMATS)
def export(request: pytest.FixtureRequest, faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set in one of the formats, in several shards."""
    folder: Path = tmp_path_factory.mktemp("export") / request.param
    with pytest.MonkeyPatch.context() as patch:
        for module in (to_hf, to_webdataset):
            patch.setattr(module, "_MEGABYTE", SHARD // 500)
        patch.setattr(to_hf, "GROUP_ROWS", 3)
        export_set(faces, folder, to=request.param)
    return folder


@pytest.fixture(scope="module")
def hub(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set for the hub."""
    return export_set(faces, tmp_path_factory.mktemp("hub") / "hub", to="hf").folder


def back(source: Path | list[Path], out: Path, kind: str, **options: Any) -> PreparedSet:
    """Prepare an export again, as finished crops."""
    with inline():
        return prepare(
            source if isinstance(source, Path) else list(map(str, source)), out, kind=kind,
            as_crops=True, workers=1, report=False, **{"size": 64, **options},
        )  # fmt: skip


def crops_of(prepared: PreparedSet) -> dict[str, bytes]:
    """Return the crops' bytes by path."""
    rows = prepared.table("classes").to_pylist()
    assert isinstance(prepared.path, Path)
    return {
        row["path"]: (prepared.path / row["file"]).read_bytes()[row["offset"] :][: row["length"]]
        for row in rows
    }


def rows_of(prepared: PreparedSet, kind: str, *without: str) -> list[dict[str, Any]]:
    """Return a table's rows."""
    rows: list[dict[str, Any]] = prepared.table(kind).to_pylist()
    return [{name: value for name, value in row.items() if name not in without} for row in rows]


def test_the_set_that_comes_back_is_the_one_that_went(faces: Path, export: Path, tmp_path: Path) -> None:
    before, after = open_set(faces), back(export, tmp_path / "again", export.name)
    assert rows_of(after, "classes") == rows_of(before, "classes")
    assert crops_of(after) == crops_of(before)
    columns = ("record", "photo", "identity", "source_identity", "role", "official_split", "path")
    kept = {row["record"]: row for row in rows_of(before, "photos") if row["path"]}
    for row in rows_of(after, "photos"):
        assert [row[name] for name in columns] == [kept[row["record"]][name] for name in columns]
    assert after.info["counts"]["split"]["by"] == "official"
    if export.name == "hf":
        assert rows_of(after, "pairs") == rows_of(before, "pairs") != []
        assert after.info["licence"] == "CC BY 4.0"
        meta = [[row["meta_consent"], row["meta_age"]] for row in kept.values()]
        assert [[row["meta_consent"], row["meta_age"]] for row in rows_of(after, "photos")] == meta


def test_the_same_set_gives_the_same_export(faces: Path, tmp_path: Path) -> None:
    for to in FORMATS:
        one, two = (export_set(faces, tmp_path / to / name, to=to).folder for name in "ab")
        assert snapshot(one / "data") == snapshot(two / "data")
        assert {name: data for name, data in snapshot(one).items() if name.endswith(".tar")} == {
            name: data for name, data in snapshot(two).items() if name.endswith(".tar")
        }


def test_one_split_comes_back_as_that_split(faces: Path, tmp_path: Path) -> None:
    for to in FORMATS:
        export_set(faces, tmp_path / to, to=to, split="held out/2")
        again = back(tmp_path / to, tmp_path / f"{to}-again", to)
        assert set(again.table("classes").column("split").to_pylist()) == {"held out/2"}
        assert len(again.table("classes")) == 10


def test_a_set_s_own_tars_are_a_source(faces: Path, tmp_path: Path) -> None:
    photos = faces.parent / "list.csv"
    tars = prepare_marked(photos, tmp_path / "tars", kind="table", size=64, split_by="official", store="tar")
    again = back(tmp_path / "tars" / "crops", tmp_path / "again", "webdataset", split_by="identity")
    wanted = {row["path"]: (row["identity"], row["role"]) for row in rows_of(tars, "classes")}
    found = rows_of(again, "classes")
    assert {row["photo"]: (row["identity"], row["role"]) for row in found} == wanted
    assert {row["photo"]: row["crop_sha256"] for row in found} == {
        row["path"]: row["crop_sha256"] for row in rows_of(tars, "classes")
    }


def test_work_in_processes_gives_the_same_set(export: Path, tmp_path: Path) -> None:
    here = back(export, tmp_path / "here", export.name)
    there = prepare(
        export, tmp_path / "there", kind=export.name, as_crops=True, size=64, workers=2, report=False
    )
    assert there.fingerprint == here.fingerprint
    assert crops_of(there) == crops_of(here)


def test_files_by_name_are_the_folder(export: Path, tmp_path: Path) -> None:
    folder = back(export, tmp_path / "folder", export.name)
    files = [*(export / "data").glob("*"), *(export / "pairs").glob("*")] or list(export.glob("*.tar"))
    assert len(files) > 4
    named = back(files, tmp_path / "all", export.name)
    assert rows_of(named, "classes") == rows_of(folder, "classes")
    assert rows_of(named, "pairs") == rows_of(folder, "pairs")
    one = back(files[:1], tmp_path / "one", export.name)
    assert 0 < len(one.table("classes")) < len(folder.table("classes"))


def test_datasets_shows_pictures_labels_and_splits(faces: Path, hub: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    found = datasets.load_dataset(str(hub), cache_dir=str(tmp_path))
    wanted, crops = rows_of(open_set(faces), "classes"), crops_of(open_set(faces))
    names = {"train": "train", "test": "test", "held out/2": "held_out_2", None: "unassigned"}
    assert set(found) == set(names.values())
    for split, name in names.items():
        rows = [row for row in wanted if row["split"] == split]
        assert found[name].features["image"] == datasets.Image()
        raw = found[name].cast_column("image", datasets.Image(decode=False))
        assert [row["image"]["bytes"] for row in raw] == [crops[row["path"]] for row in rows]
        label = found[name].features["label"]
        assert label.names == sorted(NAMES, key=str.encode)
        assert [label.int2str(number) for number in found[name]["label"]] == [row["identity"] for row in rows]
        for column in ("id", "path", "identity", "role", "photo", "crop_sha256"):
            assert list(found[name][column]) == [row[column] for row in rows]
        assert found[name][0]["image"].size == (64, 64)


@pytest.mark.parametrize(
    ("kind", "parts"), [("pairs", ("left", "right")), ("triplets", ("anchor", "positive", "negative"))]
)
def test_datasets_shows_pairs_and_triplets(
    kind: str, parts: tuple[str, ...], faces: Path, hub: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    pictures = datasets.load_dataset(str(hub), cache_dir=str(tmp_path))
    found = datasets.load_dataset(str(hub), kind, cache_dir=str(tmp_path))
    names = {"train": "train", "test": "test", "held out/2": "held_out_2"}
    assert set(found) == set(names.values())
    for split, name in names.items():
        wanted = [row for row in rows_of(open_set(faces), kind) if row["split"] == split]
        plain = [
            {key: value for key, value in row.items() if not key.endswith("_row")}
            for row in found[name].to_list()
        ]
        assert plain == [{key: value for key, value in row.items() if key != "split"} for row in wanted]
        ids = list(pictures[name]["id"])
        for part in parts:
            assert [ids[row] for row in found[name][f"{part}_row"]] == [row[part] for row in wanted]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves the tars open
def test_webdataset_reads_pictures_facts_and_classes(faces: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(to_webdataset, "_MEGABYTE", SHARD // 500)
        exported = export_set(faces, tmp_path / "wds", to="webdataset")
    crops, wanted = crops_of(open_set(faces)), rows_of(open_set(faces), "classes")
    people = sorted(NAMES, key=str.encode)
    for split, name in (("train", "train"), ("held out/2", "held_out_2"), (None, "unassigned")):
        rows = [row for row in wanted if row["split"] == split]
        last = len(list(exported.folder.glob(f"{name}-*.tar"))) - 1
        assert last > 0
        url = f"{exported.folder}/{name}-{{000000..{last:06d}}}.tar"
        assert any(url in line for line in exported.lines)
        samples = list(
            webdataset.WebDataset(url, shardshuffle=False).to_tuple("__key__", "jpg", "json", "cls")
        )
        assert [key for key, *_ in samples] == [f"{row['id']:09d}" for row in rows]
        assert [jpg for _, jpg, *_ in samples] == [crops[row["path"]] for row in rows]
        assert [people[int(label)] for *_, label in samples] == [row["identity"] for row in rows]
        facts = [json.loads(text) for _, _, text, _ in samples]
        for key in ("id", "path", "identity", "role", "split", "photo", "crop_sha256"):
            assert [fact[key] for fact in facts] == [row[key] for row in rows]
    decoded = webdataset.WebDataset(url, shardshuffle=False).decode("rgb").to_tuple("jpg", "cls")
    picture, label = next(iter(decoded))
    assert picture.shape == (64, 64, 3)
    assert people[label] == rows[0]["identity"]
    del decoded
    gc.collect()  # while that warning is ignored


def test_tars_are_as_python_reads_them(faces: Path, tmp_path: Path) -> None:
    folder = export_set(faces, tmp_path / "wds", to="webdataset").folder
    with tarfile.open(folder / "train-000000.tar") as tar:
        members = tar.getmembers()
    assert {(each.mtime, each.uid, each.gid, each.mode, each.isreg()) for each in members} == {
        (0, 0, 0, 0o644, True)
    }
    assert Counter(each.name.partition(".")[2] for each in members) == dict.fromkeys(
        ("cls", "jpg", "json"), 9
    )


def test_what_datasets_writes_is_a_source(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    photos, people = portraits(tmp_path / "photos")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "celebrity": datasets.ClassLabel(names=NAMES),
            "age": datasets.Value("int8"),
        }
    )
    data = {
        "image": [str(photo) for photo in photos],
        "celebrity": [NAMES.index(person) for person in people],
        "age": list(range(len(photos))),
    }
    written = datasets.Dataset.from_dict(data, features=features).train_test_split(0.4, shuffle=False)
    for split in written:
        rows = written[split].map(lambda row: row)  # the bytes themselves, as the hub stores them
        rows = rows.cast_column("image", datasets.Image(decode=False))
        embedded = [
            {"bytes": Path(row["path"]).read_bytes(), "path": Path(row["path"]).name} for row in rows["image"]
        ]
        rows = rows.remove_columns("image").add_column("image", embedded).cast(features)
        rows.to_parquet(str(tmp_path / "hub" / f"{split}-00000-of-00001.parquet"))
    again = back(tmp_path / "hub", tmp_path / "again", "hf")
    found: dict[str, list[bytes]] = {}
    crops = crops_of(again)
    for row in rows_of(again, "classes"):
        found.setdefault(row["identity"], []).append(crops[row["path"]])
    wanted: dict[str, list[bytes]] = {}
    for photo, person in zip(photos, people, strict=True):
        wanted.setdefault(person, []).append(photo.read_bytes())
    assert {person: sorted(each) for person, each in found.items()} == {
        person: sorted(each) for person, each in wanted.items()
    }
    assert {row["split"] for row in rows_of(again, "classes")} == {"train", "test"}
    ages = {row["meta_age"] for row in rows_of(again, "photos")}
    assert ages == set(range(len(photos)))


@pytest.mark.parametrize("how", ["cls", "json", "folder", "txt"])
def test_what_webdataset_writes_is_a_source(how: str, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    photos, people = portraits(tmp_path / "photos")
    (tmp_path / "tars").mkdir()
    for split, odd in (("train", 0), ("val", 1)):
        with webdataset.TarWriter(str(tmp_path / "tars" / f"faces-{split}-{0:05d}.tar")) as tar:
            for number, (photo, person) in enumerate(zip(photos, people, strict=True)):
                if number % 2 != odd:
                    continue
                key = f"{person}/{number:04d}" if how == "folder" else f"{number:04d}"
                beside: dict[str, Any] = {
                    "cls": {"cls": NAMES.index(person)},
                    "json": {"json": {"label": person, "n": 1}},
                }
                facts = {**beside, "txt": {"txt": person}, "folder": {}}[how]
                tar.write({"__key__": key, "jpg": photo.read_bytes(), **facts})
    again = back(tmp_path / "tars", tmp_path / "again", "webdataset")
    named = {str(NAMES.index(person)) if how == "cls" else person for person in people}
    assert set(again.table("classes").column("identity").to_pylist()) == named
    assert sorted(crops_of(again).values()) == sorted(photo.read_bytes() for photo in photos)
    assert {row["split"] for row in rows_of(again, "classes")} == {"train", "val"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves the tars open
@pytest.mark.parametrize(("heading", "package"), [("The hub", "datasets"), ("WebDataset", "webdataset")])
def test_the_docs_python_runs(
    heading: str, package: str, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = pytest.importorskip(package)
    if package == "datasets":  # which has read its environment when it was imported
        monkeypatch.setattr(module.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    export_set(faces, "faces-hub", to="hf")
    export_set(faces, "faces-wds", to="webdataset")
    text = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    if package == "datasets":
        assert names["left"].size == names["right"].size == (64, 64)
    else:
        assert names["picture"].shape == (64, 64, 3)
    names.clear()
    gc.collect()  # while that warning is ignored


def portraits(folder: Path) -> tuple[list[Path], list[str]]:
    """Write a few 64-pixel JPEGs; return them, and who is in each."""
    from PIL import Image

    people = [NAMES[number % 2] for number in range(8)]
    folder.mkdir()
    for number in range(len(people)):
        Image.effect_noise((64, 64), 10 + 9 * number).convert("RGB").save(
            folder / f"{number}.jpg", quality=95
        )
    return sorted(folder.iterdir()), people


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("kind", ["tar", "version 1", "url", "no pairs"])
def test_sets_of_every_kind_go_there(to: str, kind: str, tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    options: dict[str, Any] = {"store": "tar"} if kind == "tar" else {}
    made = prepare_marked(
        tmp_path / "photos", tmp_path / "faces", size=64, splits="train=0.5,test=0.5", report=False, **options
    )
    wanted, crops = rows_of(made, "classes", "file", "offset"), crops_of(made)
    place: Any = tmp_path / "faces"
    if kind == "version 1":
        make_version_1(tmp_path / "faces")
    elif kind == "url":
        place = f"memory://{tmp_path.name}-{to}/faces"
        fsspec.filesystem("memory").put(str(tmp_path / "faces"), place, recursive=True)
        shutil.rmtree(tmp_path / "faces")
    elif kind == "no pairs":
        made.update({"pairs": PAIRS.empty_table(), "triplets": TRIPLETS.empty_table()}, {})
    export_set(place, tmp_path / to, to=to)
    again = back(tmp_path / to, tmp_path / "again", to)
    assert rows_of(again, "classes", "file", "offset") == wanted
    assert crops_of(again) == crops


@pytest.mark.parametrize("to", FORMATS)
def test_a_full_disk_leaves_nothing(to: str, faces: Path, small_disk: Disk) -> None:
    small_disk.remount("size=40k")
    full = run("export", faces, "--out", small_disk.folder / "out", "--to", to)
    assert full.status == 1
    assert "No space left on device" in full.error
    assert not list(small_disk.folder.iterdir())


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_that_is_killed_leaves_nothing_under_its_name(to: str, faces: Path, tmp_path: Path) -> None:
    """By `kill -9`, when the second split's first file is complete."""
    module, name = {"hf": ("hub_parquet", "HubShards"), "webdataset": ("tar_shards", "TarShards")}[to]
    program = f"""
import os, signal
from facedata import export_set
from facedata.interchange.{module} import {name} as Shards
close, closed = Shards.close, []
def close_or_die(self):
    files = close(self)
    closed.append(files)
    if len(closed) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return files
Shards.close = close_or_die
export_set({str(faces)!r}, {str(tmp_path / "out")!r}, to={to!r})
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.iterdir()) != []
    export_set(faces, tmp_path / "out", to=to)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    assert rows_of(back(tmp_path / "out", tmp_path / "again", to), "classes") == rows_of(
        open_set(faces), "classes"
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_photos_in_shards_are_detected_like_any_and_cut_again(kind: str, tmp_path: Path) -> None:
    """Not as crops: PNGs with marked faces, in two files that are named one by one."""
    marked_folder(tmp_path / "photos", people=4, photos=3)
    photos = sorted((tmp_path / "photos").rglob("*.png"))
    (tmp_path / "in").mkdir()
    files = []
    for number in range(2):
        mine = photos[number::2]
        files.append(tmp_path / "in" / f"{number}.{'parquet' if kind == 'hf' else 'tar'}")
        if kind == "hf":
            images = [{"bytes": each.read_bytes(), "path": each.name} for each in mine]
            who = [each.parent.name for each in mine]
            pq.write_table(pa.table({"image": images, "person": who}), files[-1], row_group_size=2)
            continue
        with tarfile.open(files[-1], "w") as tar:
            for each in mine:
                tar.add(each, f"{each.parent.name}/{each.name}")
    options: dict[str, Any] = {"size": 64, "splits": "train=0.5,test=0.5"}
    wanted = prepare_marked(tmp_path / "photos", tmp_path / "wanted", **options)
    found = prepare_marked(list(map(str, files)), tmp_path / "found", kind=kind, **options)  # type: ignore[arg-type]
    assert crops_of(found) == crops_of(wanted)
    assert [row["split"] for row in sorted(rows_of(found, "classes"), key=lambda row: row["path"])] == [
        row["split"] for row in rows_of(wanted, "classes")
    ]
    with inline():
        again = crop_set(tmp_path / "found", tmp_path / "again", template="arcface112", workers=1)
        assert crops_of(again) == crops_of(
            crop_set(tmp_path / "wanted", tmp_path / "other", template="arcface112", workers=1)
        )
        (tmp_path / "in").rename(tmp_path / "moved")
        moved = crop_set(
            tmp_path / "found", tmp_path / "moved-faces", template="arcface112", workers=1,
            source=tmp_path / "moved",
        )  # fmt: skip
    assert crops_of(moved) == crops_of(again)


def test_the_commands_say_what_they_did(faces: Path, tmp_path: Path) -> None:
    for to in FORMATS:
        finished = done("export", faces, "--to", to, "--out", tmp_path / to)
        assert (
            "split      train: 10 crops of 2 people" in finished.stdout or "train: 9 crops" in finished.stdout
        )
        back_again = ("--as-crops", "--size", 64, "--workers", 1, "--no-report")
        finished = done("prepare", to, tmp_path / to, *back_again, "--out", tmp_path / f"{to}-again")
        assert "39" in finished.stdout
        finished = done("prepare", to, tmp_path / to, *back_again, "--out", tmp_path / f"{to}-again")
        assert "nothing" in finished.stdout + finished.stderr


@needs_shared
@pytest.mark.parametrize("to", FORMATS)
def test_real_photos_there_and_back(to: str, tmp_path: Path) -> None:
    """250-pixel photos of LFW, taken as crops as they are."""
    lfw = SHARED / "data" / "lfw" / "lfw-deepfunneled"
    people = sorted(folder for folder in lfw.iterdir() if len(list(folder.iterdir())) > 1)[:60]
    for person in people:
        shutil.copytree(person, tmp_path / "photos" / person.name)
    before = back(tmp_path / "photos", tmp_path / "faces", "folder", size=250)
    assert len(before.table("classes")) > 150
    export_set(tmp_path / "faces", tmp_path / to, to=to)
    after = back(tmp_path / to, tmp_path / "again", to, size=250)
    assert rows_of(after, "classes") == rows_of(before, "classes")
    assert crops_of(after) == crops_of(before)
    photos = {photo.relative_to(tmp_path / "photos"): photo for photo in (tmp_path / "photos").rglob("*.jpg")}
    assert {photo: data.read_bytes() for photo, data in photos.items()} == {
        Path(path): data for path, data in crops_of(after).items()
    }
    if to == "hf":
        assert rows_of(after, "pairs") == rows_of(before, "pairs")


def test_a_reader_is_light_however_many_photos_there_are(hub: Path, export: Path) -> None:
    """It goes to the workers with each 64 photos."""
    from facedata.config import SOURCES, PrepareConfig
    from facedata.options import look_up

    source = look_up(SOURCES, export.name).open({"#0": export}, PrepareConfig(kind=export.name))
    reader = source.scan().reader
    files = len(list(export.rglob("*-*.tar")) or list((export / "data").iterdir()))
    assert len(pickle.dumps(reader)) < 400 + 300 * files


def test_an_export_of_another_template_or_size_is_refused(export: Path, tmp_path: Path) -> None:
    from facedata.errors import UsageError

    with pytest.raises(UsageError, match="--template square --size 64"):
        back(export, tmp_path / "again", export.name, size=112)


def test_a_picture_that_is_damaged_is_a_row_of_the_ledger(hub: Path, tmp_path: Path) -> None:
    table = pq.read_table(hub / "data" / "test-00000-of-00001.parquet")
    images = table.column("image").to_pylist()
    images[0]["bytes"], images[1]["bytes"] = images[0]["bytes"][:300], None
    (tmp_path / "hub").mkdir()
    at = table.schema.get_field_index("image")
    pq.write_table(
        table.set_column(at, table.schema.field(at), pa.array(images, table.schema.field(at).type)),
        tmp_path / "hub" / "test-00000-of-00001.parquet",
    )
    again = back(tmp_path / "hub", tmp_path / "again", "hf")
    reasons = {row["status"]: row["reason"] for row in rows_of(again, "photos")}
    assert set(reasons) == {"kept", "unreadable"}
    assert len(again.table("classes")) == len(images) - 2


def test_nothing_is_kept_where_all_are_of_another_size(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    shutil.copy(hub / "data" / "test-00000-of-00001.parquet", tmp_path / "hub")
    with pytest.raises(NothingKeptError, match="--size 64"):
        back(tmp_path / "hub", tmp_path / "again", "hf", size=112)
