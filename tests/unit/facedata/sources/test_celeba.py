"""CelebA: what is there, what the lists say of it, and every way in which a list can be wrong."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata.errors import SourceError, UnsafeArchiveError
from facedata.sources.base import PLAN, Source
from facedata.sources.celeba import CelebaSource

SHARED = (
    Path(os.environ.get("FACEDATA_SHARED", Path(__file__).parents[4] / ".." / "shared")) / "data" / "celeba"
)
IDENTITY = "1.jpg 2880\n2.jpg 7\n3.jpg 2880\n"


def make(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return folder.with_suffix(".zip")


def small(root: Path, images: str = "img_celeba", **texts: str) -> Path:
    """Make photos 1 to 3, their identities, and other lists by their names without the ending."""
    lists = {f"{name}.txt": text for name, text in ({"identity_CelebA": IDENTITY} | texts).items()}
    return make(root, {f"{images}/{n}.jpg": f"photo {n}" for n in (1, 2, 3)} | lists)


def rows(root: Path) -> dict[str, dict[str, Any]]:
    table = CelebaSource(root).scan().photos
    assert table.schema.names[: len(PLAN)] == PLAN.names
    return {row["photo"].rpartition("/")[2]: row for row in table.to_pylist()}


def refusal(root: Path) -> str:
    with pytest.raises(SourceError) as raised:
        CelebaSource(root).scan()
    return str(raised.value)


def test_a_photo_gets_its_identity_size_and_time(tmp_path: Path) -> None:
    stat = (small(tmp_path) / "img_celeba" / "1.jpg").stat()
    scan = CelebaSource(tmp_path).scan()
    assert scan.photos.to_pylist()[0] == {
        "record": "img_celeba/1.jpg",
        "photo": "img_celeba/1.jpg",
        "identity": "2880",
        "role": None,
        "official_split": None,
        "status": None,
        "reason": None,
        "given_box": None,
        "size": 7,
        "mtime_ns": stat.st_mtime_ns,
    }
    assert pickle.loads(pickle.dumps(scan.reader))("img_celeba/2.jpg") == b"photo 2"
    assert (scan.photos.num_rows, scan.other_files, scan.missing, scan.notes) == (3, 0, [], [])


LISTS = {
    "list_eval_partition": "1.jpg 0\n2.jpg 1\n3.jpg 2\n9.jpg 0\n",
    "list_bbox_celeba": "2\nimage_id x_1 y_1 width height\n1.jpg    95  71 226 313\n2.jpg 0 0 0 0\n",
    "list_attr_celeba": "2\nBald Young\n1.jpg -1  1\n3.jpg  1 -1\n",
}


@pytest.mark.parametrize("is_zip", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_other_lists_become_columns(tmp_path: Path, is_zip: bool, end: str) -> None:
    root = small(tmp_path / "set", **{name: text.replace("\n", end) for name, text in LISTS.items()})
    found = rows(zipped(root) if is_zip else root)
    assert [found[f"{n}.jpg"]["official_split"] for n in (1, 2, 3)] == ["train", "val", "test"]
    assert [found[f"{n}.jpg"]["given_box"] for n in (1, 2, 3)] == [[95, 71, 321, 384], None, None]
    assert [found[f"{n}.jpg"]["meta_Bald"] for n in (1, 2, 3)] == [-1, None, 1]
    assert [found[f"{n}.jpg"]["meta_Young"] for n in (1, 2, 3)] == [1, None, -1]


def test_attributes_are_int8(tmp_path: Path) -> None:
    table = CelebaSource(small(tmp_path, **LISTS)).scan().photos
    assert table.schema.field("meta_Bald").type == pa.int8()


def test_aligned_photos_have_no_boxes_and_look_at_the_centre(tmp_path: Path) -> None:
    root = small(tmp_path, "img_align_celeba", **LISTS)
    assert CelebaSource(root).face == "center"
    assert {row["given_box"] for row in rows(root).values()} == {None}


@pytest.mark.parametrize("is_zip", [False, True])
@pytest.mark.parametrize(
    ("images", "face"),
    [
        ("img_celeba", "largest"),
        ("CelebA/Img/img_celeba", "largest"),
        ("img_align_celeba", "center"),
        ("x/img_align_celeba/img_align_celeba", "center"),
    ],
)
def test_the_image_folder_is_found_at_any_depth(tmp_path: Path, images: str, face: str, is_zip: bool) -> None:
    root = small(tmp_path / "set", images)
    source: Source = CelebaSource(zipped(root) if is_zip else root)
    assert (source.kind, source.search, source.face) == ("celeba", "photo", face)
    scan = source.scan()
    assert scan.photos.column("record").to_pylist() == [f"{images}/{n}.jpg" for n in (1, 2, 3)]
    assert scan.reader(f"{images}/3.jpg") == b"photo 3"


def test_photographed_photos_are_preferred_and_the_others_said(tmp_path: Path) -> None:
    small(tmp_path, "img_align_celeba")
    scan = CelebaSource(small(tmp_path, "img_celeba")).scan()
    assert scan.photos.column("photo").to_pylist() == [f"img_celeba/{n}.jpg" for n in (1, 2, 3)]
    assert scan.notes == ["3 photos outside img_celeba/ were left aside"]


@pytest.mark.parametrize("folder", ["Anno", "anno", "Eval", "a/b/Anno"])
def test_lists_may_lie_in_a_folder_of_their_own(tmp_path: Path, folder: str) -> None:
    small(tmp_path)
    (tmp_path / folder).mkdir(parents=True)
    shutil.move(tmp_path / "identity_CelebA.txt", tmp_path / folder)
    assert rows(tmp_path)["2.jpg"]["identity"] == "7"


def test_a_zip_of_photos_takes_the_lists_beside_it(tmp_path: Path) -> None:
    archive = zipped(make(tmp_path / "img_align_celeba", {"img_align_celeba/1.jpg": b""}))
    make(tmp_path, {"Anno/identity_CelebA.txt": IDENTITY})
    scan = CelebaSource(archive).scan()
    assert scan.photos.column("identity").to_pylist() == ["2880"]
    assert len(scan.missing) == 2


@pytest.mark.parametrize("is_zip", [False, True])
def test_what_else_lies_among_the_photos_is_accounted_for(tmp_path: Path, is_zip: bool) -> None:
    root = small(tmp_path / "set")
    more: dict[str, str | bytes] = {
        "4.jpg": "",
        "film.mp4": "",
        "._1.jpg": "",
        "notes.txt": "",
        "blob": "",
        "jpeg": b"\xff\xd8\xff\xe0",
    }
    make(root / "img_celeba", more)
    source = zipped(root) if is_zip else root
    found = rows(source)
    status = {name: row["status"] for name, row in found.items() if row["status"]}
    assert status == {"4.jpg": "no_identity", "jpeg": "no_identity", "film.mp4": "unsupported"}
    assert found["4.jpg"]["reason"] == "is not in identity_CelebA.txt"
    assert len(found) == 6
    assert CelebaSource(source).scan().other_files == 3


def test_listed_photos_that_are_absent_are_missing(tmp_path: Path) -> None:
    small(tmp_path, identity_CelebA="9.jpg 1\n10.jpg 1\n" + IDENTITY)
    scan = CelebaSource(tmp_path).scan()
    assert scan.missing == ["img_celeba/10.jpg", "img_celeba/9.jpg"]
    assert scan.photos.num_rows == 3


@pytest.mark.parametrize(
    "text",
    [
        IDENTITY.replace("\n", "\r\n"),
        IDENTITY + "\n \r\n\n",
        IDENTITY.rstrip(),
        "image_id identity\n" + IDENTITY,
        "3\nimage_id identity\n" + IDENTITY,
        "\ufeff" + IDENTITY,
        IDENTITY.replace(" ", "\t  "),
        IDENTITY + "1.jpg 2880\n",
    ],
    ids=["crlf", "blank-end", "no-end", "header", "count", "bom", "tabs", "twice-the-same"],
)
def test_harmless_oddities_of_the_identity_list_are_read(tmp_path: Path, text: str) -> None:
    found = rows(small(tmp_path, identity_CelebA=text))
    assert {name: row["identity"] for name, row in found.items()} == {
        "1.jpg": "2880",
        "2.jpg": "7",
        "3.jpg": "2880",
    }


@pytest.mark.parametrize(
    ("name", "text", "line", "shown"),
    [
        ("identity_CelebA", IDENTITY + "4.jpg\n", 4, "'4.jpg'"),
        ("identity_CelebA", "1.jpg 2880\r\n2.jpg 7 8\r\n", 2, "'2.jpg 7 8'"),
        ("identity_CelebA", "1.jpg 2880\n\n2.jpg 7\n", 2, "''"),
        ("identity_CelebA", "1 2880\n", 1, "'1 2880'"),
        ("identity_CelebA", "2880 1.jpg\n", 1, "'2880 1.jpg'"),
        ("identity_CelebA", IDENTITY + "1.jpg 2881\n", 4, "line 1"),
        ("identity_CelebA", "1.jpg 5\n" + "x" * 500, 2, "x…'"),
        ("list_eval_partition", "1.jpg 0\n2.jpg 3\n", 2, "'2.jpg 3'"),
        ("list_eval_partition", "1.jpg 0\n1.jpg 1\n", 2, "line 1"),
        ("list_bbox_celeba", "1.jpg 1 2 3\n", 1, "'1.jpg 1 2 3'"),
        ("list_bbox_celeba", "1\nimage_id x y w h\n1.jpg 1 2 3 four\n", 3, "four"),
        ("list_bbox_celeba", "1.jpg 1 2 3 nan\n", 1, "finite"),
        ("list_attr_celeba", "1\nBald Young\n1.jpg 1\n", 3, "2 times"),
        ("list_attr_celeba", "1\nBald Young\n1.jpg 1 0\n", 3, "'1.jpg 1 0'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, name: str, text: str, line: int, shown: str) -> None:
    message = refusal(small(tmp_path, **{name: text}))
    assert f"{tmp_path}/{name}.txt, line {line}: " in message
    assert shown in message
    assert len(message) < len(str(tmp_path)) + 250


def test_bytes_that_are_not_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    make(small(tmp_path), {"identity_CelebA.txt": b"1.jpg 1\n2.jpg caf\xe9\n"})
    assert "line 2: '2.jpg caf\\\\xe9' is not UTF-8" in refusal(tmp_path)


def test_attributes_without_names_are_refused(tmp_path: Path) -> None:
    assert "attributes' names" in refusal(small(tmp_path, list_attr_celeba="1.jpg 1 -1\n"))


def test_a_source_that_is_not_celeba_is_refused(tmp_path: Path) -> None:
    assert "cannot open" in refusal(tmp_path / "none")
    assert "No such file" in refusal(tmp_path / "none.zip")
    assert "too long" in refusal(tmp_path / f"{'x' * 300}.zip")
    assert "neither img_celeba/ nor img_align_celeba/" in refusal(tmp_path)
    make(tmp_path, {"img_celeba/1.jpg": ""})
    assert "identity_CelebA.txt" in refusal(tmp_path)
    make(tmp_path, {"identity_CelebA.txt": "\n"})
    assert "lists no photo" in refusal(tmp_path)
    with pytest.raises(SourceError, match="cannot open"):
        _ = CelebaSource(tmp_path / "none").face


def test_an_unsafe_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped(small(tmp_path / "set"))
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("../evil.jpg", b"")
    with pytest.raises(UnsafeArchiveError, match=r"evil\.jpg"):
        CelebaSource(archive).scan()


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    small(tmp_path / "real")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "identity_CelebA.txt").write_text(IDENTITY)
    (tmp_path / "set" / "img_celeba").symlink_to(tmp_path / "real" / "img_celeba")
    (tmp_path / "real" / "img_celeba" / "loop").symlink_to(tmp_path / "set")
    assert sorted(rows(tmp_path / "set")) == ["1.jpg", "2.jpg", "3.jpg"]


def test_names_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    small(tmp_path)
    (tmp_path / "img_celeba" / os.fsdecode(b"\xff.jpg")).write_bytes(b"odd")
    scan = CelebaSource(tmp_path).scan()
    assert scan.photos.column("photo").to_pylist()[-1] == "img_celeba/\\xff.jpg"
    assert scan.reader("img_celeba/\\xff.jpg") == b"odd"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real CelebA is not here: set FACEDATA_SHARED")
def test_the_real_celeba() -> None:
    scan = CelebaSource(SHARED).scan()
    assert (scan.photos.num_rows, len(scan.missing), scan.other_files) == (389, 202_210, 0)
    listed = dict(line.split() for line in (SHARED / "identity_CelebA.txt").read_text().splitlines())
    for row in scan.photos.to_pylist():
        name = row["photo"].removeprefix("img_celeba/")
        assert row["identity"] == listed[name]
        assert row["size"] == (SHARED / row["photo"]).stat().st_size
    people = {split: set[str]() for split in ("train", "test")}
    for row in scan.photos.to_pylist():
        people[row["official_split"]].add(row["identity"])
    assert {split: len(found) for split, found in people.items()} == {"train": 26, "test": 10}


KAGGLE = {
    "list_eval_partition.csv": "image_id,partition\n1.jpg,0\n2.jpg,1\n3.jpg,2\n",
    "list_attr_celeba.csv": "image_id,Bald,Young\n1.jpg,-1,1\n3.jpg,1,-1\n",
    "list_bbox_celeba.csv": "image_id,x_1,y_1,width,height\n1.jpg,95,71,226,313\n2.jpg,0,0,0,0\n",
    "list_landmarks_align_celeba.csv": "image_id,lefteye_x\n1.jpg,69\n",
}


@pytest.mark.parametrize("images", ["img_align_celeba/img_align_celeba", "img_celeba"])
@pytest.mark.parametrize(
    "identities", ["identity_CelebA.txt", "identity_CelebA.csv", "list_identity_celeba.txt"]
)
def test_kaggle_s_lists_are_read(tmp_path: Path, images: str, identities: str) -> None:
    text = IDENTITY.replace(" ", ",") if identities.endswith(".csv") else IDENTITY
    make(tmp_path, {f"{images}/{n}.jpg": f"photo {n}" for n in (1, 2, 3)} | KAGGLE | {identities: text})
    found = rows(tmp_path)
    assert [found[f"{n}.jpg"]["identity"] for n in (1, 2, 3)] == ["2880", "7", "2880"]
    assert [found[f"{n}.jpg"]["official_split"] for n in (1, 2, 3)] == ["train", "val", "test"]
    assert [found[f"{n}.jpg"]["meta_Young"] for n in (1, 2, 3)] == [1, None, -1]
    boxes = [found[f"{n}.jpg"]["given_box"] for n in (1, 2, 3)]
    assert boxes == ([[95, 71, 321, 384], None, None] if images == "img_celeba" else [None] * 3)


def test_kaggle_s_copy_lacks_the_identities_and_that_is_said(tmp_path: Path) -> None:
    make(tmp_path, {"img_align_celeba/1.jpg": "photo"} | KAGGLE)
    text = refusal(tmp_path)
    assert "there is no identity_CelebA.txt" in text
    assert "Kaggle's copy leaves it out" in text


@pytest.mark.parametrize("images", ["img_align_celeba_png", "img_align_celeba"])
def test_pngs_are_found_in_a_list_of_jpegs(tmp_path: Path, images: str) -> None:
    root = small(tmp_path, images, **LISTS)
    for number in (1, 2, 3):
        (root / images / f"{number}.jpg").rename(root / images / f"{number}.png")
    scan = CelebaSource(root).scan()
    assert scan.photos.column("identity").to_pylist() == ["2880", "7", "2880"]
    assert scan.photos.column("official_split").to_pylist() == ["train", "val", "test"]
    assert scan.photos.column("meta_Bald").to_pylist() == [-1, None, 1]
    assert (scan.missing, CelebaSource(root).face) == ([], "center")
    assert scan.notes == ["3 photos are listed with another ending, and were found without it"]


@pytest.mark.parametrize("layout", ["celeba", "Img"])
def test_a_zip_that_was_not_unpacked_is_read_with_the_lists_around_it(tmp_path: Path, layout: str) -> None:
    archive = zipped(make(tmp_path / "build", {f"img_align_celeba/{n}.jpg": f"photo {n}" for n in (1, 2, 3)}))
    root = tmp_path / "set"
    lists = {f"{name}.txt": text for name, text in ({"identity_CelebA": IDENTITY} | LISTS).items()}
    if layout == "celeba":  # torchvision's
        make(root / "celeba", lists)
        shutil.move(archive, root / "celeba" / "img_align_celeba.zip")
    else:  # the authors'
        make(root / "Anno", lists)
        (root / "Img").mkdir()
        shutil.move(archive, root / "Img" / "img_align_celeba.zip")
    source = CelebaSource(root)
    scan = source.scan()
    assert (source.root, source.face) == (str(root), "center")
    assert scan.photos.column("identity").to_pylist() == ["2880", "7", "2880"]
    assert scan.photos.column("official_split").to_pylist() == ["train", "val", "test"]
    assert pickle.loads(pickle.dumps(scan.reader))("img_align_celeba/2.jpg") == b"photo 2"
