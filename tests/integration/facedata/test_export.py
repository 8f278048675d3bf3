"""Sets exported as plain files: read by the programs that they are for, and taken back."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pycocotools.coco import COCO
from torchvision.datasets import ImageFolder

from facedata import export_set, open_set, pairs_set, prepare, split_set
from facedata.config import SplitConfig
from facedata.errors import SourceError, UsageError
from facedata.exports.lines import export_lines
from facedata.exports.plain import csv_tables
from facedata.sets.prepared import PreparedSet
from facedata.tables import schema
from facedata.tables.schema import PROTOCOL
from facedata.testing import marked_folder
from tests.support.facedata_command import done, here, run
from tests.support.inline_engine import inline
from tests.support.marked_photos import FACE, prepare_marked, write_marked
from tests.support.processes import ROOT
from tests.support.set_bytes import events, snapshot
from tests.support.shared_data import SHARED, needs_shared
from tests.support.small_disk import Disk
from tests.support.small_set import SIZE_PX, make_set
from tests.support.version_1 import make_version_1

PLAIN = ("imagefolder", "csv", "pairs-txt", "coco")
PEOPLE = {"Anna Ä": 4, "=1+1": 3, "007": 3, "NA": 3, 'zoë, "z"': 4, "Ben": 4}
"""People whose names spreadsheets, pandas or LFW's lists would take for something else."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """A set from real files, with such names, a rejected photo, reference photos and meta columns."""
    folder = tmp_path_factory.mktemp("photos")
    rows, seed = ["path,identity,box,role,age,note"], 0
    for person, count in PEOPLE.items():
        for photo in range(count):
            seed += 1
            file = f"p{list(PEOPLE).index(person)}/{photo}.png"
            write_marked(folder / file, seed=seed)
            name = person.replace('"', '""')
            rows.append(f'{file},"{name}",28 18 92 102,{"reference" if not photo else ""},{seed},"a; ""b"""')
    (folder / "nobody.jpg").write_bytes(b"\xff\xd8\xff")
    rows.append("nobody.jpg,Ben,,,99,")
    (folder / "people.csv").write_text("\n".join(rows), encoding="utf-8")
    out = tmp_path_factory.mktemp("set") / "faces"
    return prepare_marked(
        folder / "people.csv",
        out,
        kind="table",
        size=64,
        splits="train=0.5,test=0.5",
        report=False,
        box_format="xyxy",
    )


@pytest.fixture(scope="module")
def three_splits(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """Official splits, one of them named so that no folder can be; some crops are in none."""
    people = {"anna": 4, "ben": 4, "cleo": 2, "dora": 2, "emil": 3}
    splits = {"anna": "train", "ben": "train", "cleo": "a/b", "dora": "a/b"}
    official = {f"{person}/{at}.jpg": splits[person] for person in splits for at in range(people[person])}
    return make_set(
        tmp_path_factory.mktemp("splits") / "faces", people, official=official, skip_ids=2,
        split=SplitConfig(split_by="official"),
    )  # fmt: skip


def _crops(prepared: PreparedSet, *columns: str) -> dict[str, tuple[Any, ...]]:
    """Each crop's values by the SHA-256 of its bytes."""
    rows = prepared.table("classes").to_pylist()
    found = {row["crop_sha256"]: tuple(row[column] for column in columns) for row in rows}
    assert len(found) == len(rows)
    return found


def _again(source: Path, out: Path, kind: str, **options: Any) -> PreparedSet:
    """Take an export back as finished crops."""
    taken = {"as_crops": True, "workers": 1, "report": False, "size": 64, **options}
    with inline():
        return prepare(source, out, kind=kind, **taken)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("to", PLAIN)
def test_every_export_says_what_it_is(to: str, faces: PreparedSet, tmp_path: Path) -> None:
    exported = export_set(faces, tmp_path / "out", to=to)
    note = json.loads((tmp_path / "out" / "facedata-export.json").read_text(encoding="utf-8"))
    assert (note["kind"], note["version"], note["format"]) == ("facedata export", 1, to)
    assert (note["fingerprint"], note["template"], note["size_px"]) == (faces.fingerprint, "square", 64)
    crops = faces.table("classes").to_pandas()
    assert note["splits"] == {
        split: {"crops": len(rows), "people": rows.identity.nunique()}
        for split, rows in crops.groupby("split")
    }
    said = "\n".join(export_lines(exported))
    assert all(sentence in said for sentence in note["left_out"])
    assert str(tmp_path / "out") in said
    assert not list(tmp_path.glob(".*"))
    assert isinstance(faces.path, Path)
    logged = [event for event in events(faces.path) if event["event"] == "export"][-1]
    assert (logged["format"], logged["path"]) == (to, str(tmp_path / "out"))


@pytest.mark.parametrize("to", PLAIN)
def test_the_same_set_gives_the_same_bytes(to: str, faces: PreparedSet, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_set(faces, tmp_path / name, to=to)
    one, two = (snapshot(tmp_path / name) for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert one.pop("README.md") != b""  # in which the folder is named
    assert all(two[name] == data for name, data in one.items())


class TestImageFolder:
    def test_torchvision_reads_people_splits_and_bytes(self, faces: PreparedSet, tmp_path: Path) -> None:
        note = export_set(faces, tmp_path / "out", to="imagefolder").note
        read = {}
        for split in ("train", "test"):
            folder = ImageFolder(str(tmp_path / "out" / split))
            people = [note.people.get(name, name) for name in folder.classes]
            for file, label in folder.samples:
                read[_digest(Path(file))] = (people[label], split)
            if split == "train":
                labels = {person: at for at, person in enumerate(people)}
        assert read == _crops(faces, "identity", "split")
        theirs = {
            who: label for who, label in _crops(faces, "identity", "label").values() if label is not None
        }
        numbered_alike = theirs == {who: labels[who] for who in theirs}
        assert numbered_alike != any("labels" in sentence for sentence in note.left_out)

    def test_crops_of_a_folder_store_are_links(self, faces: PreparedSet, tmp_path: Path) -> None:
        exported = export_set(faces, tmp_path / "out", to="imagefolder")
        assert isinstance(faces.path, Path)
        assert list(exported.note.left_out)[2:5] == [
            "which 6 photos are reference photos",
            "the columns meta_age, meta_note",
            "the ledger: boxes, landmarks, and what became of the photos that were not kept",
        ]
        for row in faces.table("classes").to_pylist():
            file = tmp_path / "out" / row["split"] / row["path"]
            if file.stat().st_dev == faces.path.stat().st_dev:
                assert file.samefile(faces.path / row["file"])
        assert "hard links" in exported.lines[1]

    def test_back_as_finished_crops(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "out", to="imagefolder")
        again = _again(tmp_path / "out", tmp_path / "again", "imagefolder")
        columns = ("path", "identity", "label", "split")
        assert _crops(again, *columns) == _crops(faces, *columns)

    def test_splits_of_any_name_and_none(self, three_splits: PreparedSet, tmp_path: Path) -> None:
        exported = export_set(three_splits, tmp_path / "out", to="imagefolder")
        assert sorted(file.name for file in (tmp_path / "out").iterdir() if file.is_dir()) == [
            "a%2Fb", "train", "unassigned",
        ]  # fmt: skip
        assert exported.note.split_names == {"a%2Fb": "a/b", "unassigned": ""}
        assert exported.note.splits[""] == {"crops": 3, "people": 1}
        again = _again(tmp_path / "out", tmp_path / "again", "imagefolder", size=SIZE_PX)
        assert _crops(again, "path", "identity", "split") == _crops(three_splits, "path", "identity", "split")

    def test_one_split(self, three_splits: PreparedSet, tmp_path: Path) -> None:
        done("export", three_splits, "--to", "imagefolder", "--out", tmp_path / "out", "--split", "train")
        files = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.jpg")}
        assert files == {f"train/{who}/{at}.jpg" for who in ("anna", "ben") for at in range(4)}
        with pytest.raises(UsageError, match="has no split 'tran'; did you mean train"):
            export_set(three_splits, tmp_path / "other", to="imagefolder", split="tran")
        assert not (tmp_path / "other").exists()


class TestCsv:
    def _read(self, folder: Path, name: str) -> pd.DataFrame:
        texts = ["identity", "split", "source_identity", "meta_note"]
        return pd.read_csv(
            folder / f"{name}.csv", dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""]
        )

    def test_pandas_reads_every_crop_as_the_set_has_it(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "out", to="csv")
        crops = self._read(tmp_path / "out", "crops")
        assert not any(name.startswith("Unnamed") or "\ufeff" in name for name in crops.columns)
        assert {
            _digest(tmp_path / "out" / row["path"]): (row["identity"], row["split"], row["photo"])
            for row in crops.to_dict("records")
        } == _crops(faces, "identity", "split", "photo")
        assert set(crops.identity) == set(PEOPLE)
        assert list(crops.sha256) == [_digest(tmp_path / "out" / path) for path in crops.path]
        ledger = faces.table("photos").to_pandas().set_index("path")
        photos = ledger.loc[[path.removeprefix("crops/") for path in crops.path]]
        corners = crops[["photo_x0", "photo_y0", "photo_x1", "photo_y1"]].to_numpy()
        assert np.array_equal(corners.astype(np.float32), np.stack(photos.box))
        points = crops.loc[:, "left_eye_x":"right_mouth_y"].to_numpy()
        assert points.shape[1] == 10
        assert np.array_equal(points.astype(np.float32), np.stack(photos.landmarks))
        assert list(crops.meta_age) == [int(age) for age in photos.meta_age]
        assert list(crops.meta_note) == list(photos.meta_note)

    def test_the_ledger_keeps_the_rejected_and_every_pair_and_triplet(
        self, faces: PreparedSet, tmp_path: Path
    ) -> None:
        export_set(faces, tmp_path / "out", to="csv")
        photos = self._read(tmp_path / "out", "photos")
        ledger = faces.table("photos").to_pandas()
        assert list(photos.path) == list(ledger.photo)
        assert list(photos.status) == list(ledger.status)
        lost = photos[photos.path == "nobody.jpg"].iloc[0]
        assert (lost.status, lost.crop_file) == ("unreadable", None) or pd.isna(lost.crop_file)
        ids = self._read(tmp_path / "out", "crops").set_index("id").path
        for kind, names in (("pairs", ("left", "right")), ("triplets", ("anchor", "positive", "negative"))):
            rows, ours = self._read(tmp_path / "out", kind), faces.table(kind).to_pandas()
            assert len(rows) == len(ours) > 0
            for name in names:
                assert list(rows[name]) == list(ours[name])
                assert list(rows[f"{name}_path"]) == list(ids.loc[rows[name]])
            assert list(rows.split) == list(ours.split)
            if kind == "pairs":
                assert rows["same"].dtype == bool
                assert list(rows["same"]) == list(ours["same"])

    def test_what_a_spreadsheet_would_run_is_told(self, faces: PreparedSet, tmp_path: Path) -> None:
        lines = export_set(faces, tmp_path / "out", to="csv").lines
        # three photos of =1+1, in two tables, once more as the source's own name
        assert any(line.startswith("9 cells begin with = + - @") for line in lines)
        assert (tmp_path / "out" / "crops.csv").read_bytes().startswith(b"\xef\xbb\xbf")

    def test_more_rows_than_a_sheet_has_are_told(
        self, faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(csv_tables, "_SHEET_ROWS", 23)
        lines = "\n".join(export_set(faces, tmp_path / "out", to="csv").lines)
        assert "photos.csv has 22 rows" not in lines
        assert "triplets.csv has" in lines
        assert "a sheet takes 22" in lines

    def test_back_from_the_crops(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "out", to="csv")
        again = _again(tmp_path / "out" / "crops.csv", tmp_path / "again", "table", split_by="official")
        columns = ("path", "identity", "label", "split", "role")
        assert _crops(again, *columns) == _crops(faces, *columns)
        ages = again.table("photos").column("meta_age").to_pylist()
        assert sorted(map(int, ages)) == list(range(1, 22))

    def test_back_from_the_photos_with_their_boxes(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "out", to="csv")
        source = faces.info["source"]["root"]
        with inline():
            again = prepare_marked(
                [tmp_path / "out" / "photos.csv", Path(source).parent], tmp_path / "again",  # type: ignore[arg-type]
                kind="table", size=64, split_by="official", report=False,
            )  # fmt: skip
        columns = ("path", "identity", "label", "split", "role", "photo")
        assert _crops(again, *columns) == _crops(faces, *columns)
        given, found = (table.column("given_box").to_pylist() for table in (again.table("photos"),) * 2)
        assert given == found
        assert [box is not None for box in given].count(True) == 21


def _lfw_pairs(folder: Path, name: str) -> tuple[list[tuple[Path, Path, bool]], list[list[str]]]:
    """Read a list of LFW's as scikit-learn's fetch_lfw_pairs does, but by the photos' numbers."""
    lines = [line.decode().strip().split("\t") for line in (folder / name).read_bytes().splitlines()]
    pairs = []
    for parts in (line for line in lines if len(line) > 2):
        one, first, *other = parts
        second = other[-1]
        person = other[0] if len(parts) == 4 else one
        files = (
            folder / who / f"{who}_{int(number):04d}.jpg" for who, number in ((one, first), (person, second))
        )
        pairs.append((*files, len(parts) == 3))
    return pairs, lines  # type: ignore[return-value]


def _pairs_by_bytes(prepared: PreparedSet, split: str) -> set[tuple[str, str, bool, int | None]]:
    digests = dict(
        zip(
            *(prepared.table("classes").column(name).to_pylist() for name in ("id", "crop_sha256")),
            strict=True,
        )
    )
    return {
        (digests[row["left"]], digests[row["right"]], row["same"], row["fold"])
        for row in prepared.table("pairs").to_pylist()
        if row["split"] == split
    }


class TestPairsTxt:
    def test_an_independent_reader_finds_every_pair(self, faces: PreparedSet, tmp_path: Path) -> None:
        note = export_set(faces, tmp_path / "out", to="pairs-txt").note
        assert note.people == {"Anna_Ä": "Anna Ä", "zoë,_%22z%22": 'zoë, "z"'}
        for split, name in (("train", "pairsDevTrain.txt"), ("test", "pairsDevTest.txt")):
            pairs, lines = _lfw_pairs(tmp_path / "out", name)
            expected = _pairs_by_bytes(faces, split)
            assert {(_digest(one), _digest(other), same, None) for one, other, same in pairs} == expected
            assert lines[0] == [str(len(expected) // 2)]
            assert [same for *_, same in pairs] == [True] * (len(pairs) // 2) + [False] * (len(pairs) // 2)
            people = [
                line.split("\t")
                for line in (tmp_path / "out" / name.replace("pairs", "people")).read_text().splitlines()
            ]
            crops = faces.table("classes").to_pandas()
            counts = crops[crops.split == split].identity.value_counts().to_dict()
            assert people[0] == [str(len(counts))]
            assert {note.people.get(who, who): int(count) for who, count in people[1:]} == counts

    def test_back_with_the_same_pairs(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "out", to="pairs-txt")
        again = _again(tmp_path / "out", tmp_path / "again", "lfw", pairs=None)
        assert _crops(again, "identity", "label", "split") == _crops(faces, "identity", "label", "split")
        for split in ("train", "test"):
            assert _pairs_by_bytes(again, split) == _pairs_by_bytes(faces, split)

    @pytest.fixture
    def with_folds(self, tmp_path: Path) -> PreparedSet:
        """Two folds, the second with a pair of two people too many."""
        people = {"Al_Gore": 4, "Bo Ek": 3, "Cy": 3}
        rows = [
            ("Al_Gore/0", "Al_Gore/1", 0), ("Bo Ek/0", "Cy/0", 0), ("Al_Gore/2", "Al_Gore/3", 1),
            ("Cy/1", "Al_Gore/0", 1), ("Cy/2", "Al_Gore/1", 1),
        ]  # fmt: skip
        protocol = pa.table(
            {
                "left": [f"photos/{left}.jpg" for left, _, _ in rows],
                "right": [f"photos/{right}.jpg" for _, right, _ in rows],
                "same": [left.split("/")[0] == right.split("/")[0] for left, right, _ in rows],
                "split": ["test"] * len(rows),
                "fold": [fold for *_, fold in rows],
            },
            schema=PROTOCOL,
        )
        official = {f"{who}/{at}.jpg": "test" for who, count in people.items() for at in range(count)}
        made = make_set(
            tmp_path / "faces", people, official=official, protocol=protocol,
            split=SplitConfig(split_by="official"),
        )  # fmt: skip
        pairs_set(str(made.path), strategy="official")
        return open_set(made.path)

    def test_folds_make_view_2(self, with_folds: PreparedSet, tmp_path: Path) -> None:
        note = export_set(with_folds, tmp_path / "out", to="pairs-txt").note
        text = (tmp_path / "out" / "pairs.txt").read_text()
        assert text == ("2\t1\nAl_Gore\t1\t2\nBo_Ek\t1\tCy\t1\nAl_Gore\t3\t4\nCy\t2\tAl_Gore\t1\n")
        assert note.left_out[0].startswith("1 pair of test: pairs.txt needs as many of one person as of two")
        assert not list((tmp_path / "out").glob("*Dev*"))
        again = _again(tmp_path / "out", tmp_path / "again", "lfw", view=2, size=SIZE_PX, pairs=None)
        ours = _pairs_by_bytes(with_folds, "test")
        assert _pairs_by_bytes(again, "test") < ours
        assert len(_pairs_by_bytes(again, "test")) == len(ours) - 1
        assert set(again.table("classes").column("identity").to_pylist()) == {"Al_Gore", "Bo Ek", "Cy"}

    def test_people_in_both_splits_are_refused(self, tmp_path: Path) -> None:
        made = make_set(tmp_path / "faces", {"anna": 8, "ben": 8}, split=SplitConfig(split_by="photo"))
        with pytest.raises(
            UsageError, match=r"2 people are in train and in test \(anna, ben\).*--split-by identity"
        ):
            export_set(made, tmp_path / "out", to="pairs-txt")
        assert not (tmp_path / "out").exists()
        export_set(made, tmp_path / "out", to="pairs-txt", split="test")
        split_set(str(made.path), splits="train=0.5,val=0.5", split_by="photo")
        exported = export_set(made.path, tmp_path / "val", to="pairs-txt", split="val")
        assert (tmp_path / "val" / "pairs.txt").is_file()
        assert "--view 2" in exported.lines[0]

    def test_a_set_without_pairs_is_refused(self, tmp_path: Path) -> None:
        made = make_set(tmp_path / "faces", {"anna": 3})
        with pytest.raises(UsageError, match=r"has no pairs that LFW's lists can hold.*facedata pairs"):
            export_set(made, tmp_path / "out", to="pairs-txt")

    @needs_shared
    def test_the_real_lfw_keeps_its_names_and_its_pairs(self, tmp_path: Path) -> None:
        source = SHARED / "data" / "lfw" / "lfw-deepfunneled"
        few = tmp_path / "lfw-deepfunneled"
        lists = SHARED / "data" / "lfw" / "protocol"
        lines = (lists / "pairs.txt").read_text().splitlines()
        kept = [
            line
            for line in lines[1:301]
            if all((source / part).is_dir() for part in line.split("\t")[::2][:1])
        ]
        people = {line.split("\t")[0] for line in kept}
        for person in sorted(people)[:40]:
            if (source / person).is_dir():
                shutil.copytree(source / person, few / person)
        shutil.copy(lists / "pairs.txt", tmp_path / "pairs.txt")
        made = _again(few, tmp_path / "faces", "lfw", view=2, size=250, pairs=None)
        export_set(made, tmp_path / "out", to="pairs-txt")
        for row in made.table("classes").to_pylist():
            assert _digest(tmp_path / "out" / row["path"]) == row["crop_sha256"]
        again = _again(tmp_path / "out", tmp_path / "again", "lfw", view=2, size=250, pairs=None)
        pairs = _pairs_by_bytes(again, "test")
        assert pairs
        assert pairs <= _pairs_by_bytes(made, "test")


class TestCoco:
    def test_pycocotools_reads_every_face(
        self, faces: PreparedSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        export_set(faces, tmp_path / "out", to="coco")
        ledger = {row["path"]: row for row in faces.table("photos").to_pylist() if row["path"]}
        crops = {row["id"]: row for row in faces.table("classes").to_pylist()}
        seen = set()
        for split in ("train", "test"):
            coco = COCO(str(tmp_path / "out" / "annotations" / f"{split}.json"))
            [category] = coco.loadCats(coco.getCatIds())
            assert category["keypoints"][0] == "right_eye"  # the person's own, at the image's left
            for face in coco.loadAnns(coco.getAnnIds()):
                crop = crops[face["id"] - 1]
                [image] = coco.loadImgs(face["image_id"])
                photo = ledger[crop["path"]]
                assert crop["split"] == split
                assert (image["file_name"], face["attributes"]["identity"]) == (
                    photo["photo"],
                    crop["identity"],
                )
                assert (image["width"], image["height"]) == (photo["width"], photo["height"])
                x, y, width, height = face["bbox"]
                corners = [x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5]
                assert np.allclose(corners, photo["box"], atol=1e-3)
                assert np.allclose(
                    np.reshape(face["keypoints"], (5, 3))[:, :2].ravel(), photo["landmarks"], atol=1e-3
                )
                assert face["area"] == pytest.approx(width * height, rel=1e-4)
                seen.add(face["id"])
        assert seen == {at + 1 for at in crops}
        capsys.readouterr()

    def test_a_photo_of_two_faces_is_one_image(self, tmp_path: Path) -> None:
        other = FACE._replace(box=(2, 2, 25, 30))
        for name in ("a.png", "b.png"):
            write_marked(tmp_path / "photos" / name, seed=ord(name[0]), faces=(FACE, other))
        rows = [
            f"{name},{who},{' '.join(str(edge) for edge in face.box)}"
            for name in ("a.png", "b.png")
            for who, face in (("anna", FACE), ("ben", other))
        ]
        (tmp_path / "photos" / "t.csv").write_text("\n".join(["path,identity,box", *rows]))
        made = prepare_marked(
            tmp_path / "photos" / "t.csv",
            tmp_path / "faces",
            kind="table",
            size=64,
            report=False,
            box_format="xyxy",
        )
        assert made.table("classes").num_rows == 4
        export_set(made, tmp_path / "out", to="coco", split="train")
        split = json.loads((tmp_path / "out" / "annotations" / "train.json").read_text())
        names = {image["id"]: image["file_name"] for image in split["images"]}
        assert sorted(names.values()) == ["a.png", "b.png"]
        assert [face["image_id"] for face in split["annotations"]] == [1, 1, 2, 2]
        assert not list((tmp_path / "out").rglob("*.annotations"))

    def test_a_set_of_finished_crops_has_no_boxes(self, faces: PreparedSet, tmp_path: Path) -> None:
        export_set(faces, tmp_path / "folders", to="imagefolder")
        again = _again(tmp_path / "folders", tmp_path / "again", "imagefolder")
        with pytest.raises(UsageError, match="has no boxes, which is what coco holds"):
            export_set(again, tmp_path / "out", to="coco")
        for to in ("csv", "pairs-txt", "imagefolder"):
            export_set(again, tmp_path / to, to=to)
        crops = pd.read_csv(tmp_path / "csv" / "crops.csv")
        assert crops.photo_x0.isna().all()
        assert crops.nose_x.isna().all()


@pytest.mark.parametrize("to", PLAIN)
@pytest.mark.parametrize("kind", ["tar", "version 1", "url", "no pairs"])
def test_sets_of_every_kind(to: str, kind: str, tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    options: dict[str, Any] = {"store": "tar"} if kind == "tar" else {}
    made: Any = prepare_marked(
        tmp_path / "photos", tmp_path / "faces", size=64, splits="train=0.5,test=0.5", report=False, **options
    )
    expected = _crops(made, "identity", "split")
    if kind == "version 1":
        make_version_1(tmp_path / "faces")
    elif kind == "url":
        import fsspec

        memory = fsspec.filesystem("memory")
        made = f"memory://{tmp_path.name}-{to}/faces"
        memory.put(str(tmp_path / "faces"), made, recursive=True)
        shutil.rmtree(tmp_path / "faces")
    elif kind == "no pairs":
        made.update({"pairs": schema.PAIRS.empty_table(), "triplets": schema.TRIPLETS.empty_table()}, {})
        if to == "pairs-txt":
            return
    exported = export_set(made if kind == "url" else tmp_path / "faces", tmp_path / "out", to=to)
    if to == "coco":
        faces = [
            face
            for split in ("train", "test")
            for face in json.loads((tmp_path / "out" / "annotations" / f"{split}.json").read_text())[
                "annotations"
            ]
        ]
        assert len(faces) == 12
        assert all(face["num_keypoints"] == 5 for face in faces)
        return
    digests = [_digest(file) for file in (tmp_path / "out").rglob("*.jpg")]
    assert sorted(digests) == sorted(expected)
    assert ("copies" in "".join(exported.lines)) == (kind in ("tar", "url"))
    if to == "csv":
        pairs = pd.read_csv(tmp_path / "out" / "pairs.csv")
        assert list(pairs.columns)[:2] == ["left", "right"]
        assert (len(pairs) == 0) == (kind == "no pairs")


def test_the_command_prints_what_it_did(faces: PreparedSet, tmp_path: Path) -> None:
    finished = done("export", faces, "--to", "imagefolder", "--out", tmp_path / "out", "--json")
    values = json.loads(finished.stdout)
    note = json.loads((tmp_path / "out" / "facedata-export.json").read_text(encoding="utf-8"))
    assert values["folder"] == str(tmp_path / "out")
    assert {name: values[name] for name in note if name in values} == {
        name: value for name, value in note.items() if name in values
    }
    text = done("export", faces, "--to", "csv", "--out", tmp_path / "csv").stdout
    assert f"export     {tmp_path / 'csv'}" in text
    assert "split      train: " in text


def test_a_set_that_nobody_may_write_is_exported(
    faces: PreparedSet, tmp_path: Path, small_disk: Disk
) -> None:
    shutil.copytree(str(faces), small_disk.folder / "faces")
    small_disk.remount("ro")
    said = run("export", small_disk.folder / "faces", "--out", tmp_path / "out", "--to", "imagefolder")
    assert said.status == 0, said.stderr
    assert "forget` will not find this export" in said.stderr
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 21  # written, since another disk cannot be linked


@pytest.mark.parametrize("to", PLAIN)
def test_a_full_disk_leaves_nothing(to: str, faces: PreparedSet, small_disk: Disk) -> None:
    small_disk.remount("size=12k")
    full = run("export", str(faces), "--out", small_disk.folder / "out", "--to", to)
    assert full.status == 1
    assert "No space left on device" in full.error
    assert not list(small_disk.folder.iterdir())
    small_disk.remount("size=1m")
    assert here("export", faces, "--out", small_disk.folder / "out", "--to", to).status == 0


@pytest.mark.parametrize(("to", "out"), [("imagefolder", "faces-folders"), ("csv", "faces-csv")])
def test_the_code_of_the_docs_opens_it(
    to: str, out: str, faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export_set(faces, out, to=to)
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    [code] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f'"{out}/' in block]
    values: dict[str, Any] = {}
    exec(code, values)
    read = values["crops"].identity if to == "csv" else values["train"].classes
    assert "007" in {*read}


@pytest.mark.parametrize(
    ("form", "kind"),
    [("rec", "imagefolder"), ("rec", "hf"), ("csv", "webdataset"), ("hf", "rec"), ("webdataset", "rec")],
)
def test_an_export_to_another_format_is_named_with_the_kind_that_reads_it(
    tmp_path: Path, form: str, kind: str
) -> None:
    export_set(make_set(tmp_path / "faces", {"anna": 2, "ben": 2}), tmp_path / "out", to=form)
    right = {"csv": "table"}.get(form, form)
    hint = f"out is an export to {form}, not to {kind}: use `facedata prepare {right}`"
    with pytest.raises(SourceError, match=hint):
        prepare(tmp_path / "out", tmp_path / "again", kind=kind)
