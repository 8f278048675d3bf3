"""Where the photos shall come from: missing, empty, without faces, malformed lists, hostile archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from facedata import open_set
from facedata.testing import MarkedFace, marked_image
from tests.support.command_line import Finished
from tests.support.facedata_command import SMALL, done, here, run
from tests.support.set_bytes import snapshot


def _photo(file: Path, seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(marked_image(120, 110, [MarkedFace((20, 20, 70, 80))], seed))
    image.save(file, format="PNG")


def _celeba(root: Path, identities: bytes) -> Path:
    for number in range(1, 5):
        _photo(root / "img_celeba" / f"{number:06d}.jpg", number)
    (root / "identity_CelebA.txt").write_bytes(identities)
    return root


def _refused(kind: str, source: Path | str, out: Path, *more: object) -> str:
    """Prepare from what must be refused; return the error, having seen that no trace of a set is left."""
    finished = here("prepare", kind, source, "--out", out, *more)
    assert finished.status == 1
    assert not out.exists()
    return finished.error


@pytest.mark.parametrize("kind", ["folder", "table", "celeba", "lfw"])
def test_a_missing_source_is_named(kind: str, tmp_path: Path) -> None:
    assert str(tmp_path / "none") in _refused(kind, tmp_path / "none", tmp_path / "faces")


@pytest.mark.parametrize("kind", ["folder", "celeba", "lfw"])
def test_an_empty_source_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "empty" / "anna").mkdir(parents=True)
    assert str(tmp_path / "empty") in _refused(kind, tmp_path / "empty", tmp_path / "faces")


def test_a_source_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "photos.txt").write_text("anna")
    assert "photos.txt is a file" in _refused("folder", tmp_path / "photos.txt", tmp_path / "faces")


def test_a_missing_source_in_a_process_of_its_own(tmp_path: Path) -> None:
    refused = run("prepare", "folder", tmp_path / "none", "--out", tmp_path / "faces", detector=None)
    assert (refused.status, refused.stdout) == (1, "")
    assert (
        refused.stderr
        == f"facedata: error: cannot open the folder {tmp_path}/none: No such file or directory\n"
    )


def test_no_source_and_too_many_are_wrong_use(tmp_path: Path) -> None:
    for sources in ((), (tmp_path, tmp_path)):
        for kind in ("folder", "celeba"):
            finished = here("prepare", kind, *sources, "--out", tmp_path / "faces")
            assert finished.status == 2
            assert "source" in finished.error or "folder" in finished.error
    assert not (tmp_path / "faces").exists()


def test_photos_without_faces_fail_with_a_ledger_that_says_why(tmp_path: Path) -> None:
    for number in range(2):
        file = tmp_path / "photos" / "anna" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90, 70), (40 * number, 90, 90)).save(file)
    out = tmp_path / "faces"
    command = ("prepare", "folder", tmp_path / "photos", "--out", out, "--workers", "1")
    finished = run(*command, detector=None)  # with the real networks
    assert finished.status == 1
    assert "no photo was kept (no_face 2)" in finished.error
    assert str(out / "photos.parquet") in finished.error
    assert here(*command).status == 1  # there is nothing to do, but still nothing kept
    assert pq.read_table(out / "photos.parquet").column("status").to_pylist() == ["no_face", "no_face"]
    assert open_set(out).info["counts"]["status"] == {"no_face": 2}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (b"000001.jpg 7\n000002.jpg\n000003.jpg 8\n", 2, "000002.jpg"),
        (b"000001.jpg 7\n000002.jpg 7 8\n", 2, "000002.jpg 7 8"),
        (b"000001.jpg 7\n\n000002.jpg 7\n", 2, "photo's name"),
        (b"000001.jpg 7\n000002.jpg 7\nhello\n", 3, "hello"),
        (b"4\nimage_id identity\n000001.jpg 7\n000001.jpg 8\n", 4, "contradicts line 3"),
        (b"000001.jpg 7\n000002.jpg \xff\n", 2, "UTF-8"),
        (b"000001.jpg 7\r\n000002.jpg\r\n", 2, "000002.jpg"),
    ],
)
def test_a_bad_line_of_the_identity_file_is_named(text: bytes, line: int, what: str, tmp_path: Path) -> None:
    error = _refused("celeba", _celeba(tmp_path / "celeba", text), tmp_path / "faces")
    assert f"identity_CelebA.txt, line {line}: " in error
    assert what in error


@pytest.mark.parametrize("text", [b"", b"\n\n", b"4\nimage_id identity\n"])
def test_an_identity_file_without_photos_is_refused(text: bytes, tmp_path: Path) -> None:
    error = _refused("celeba", _celeba(tmp_path / "celeba", text), tmp_path / "faces")
    assert "identity_CelebA.txt lists no photo" in error


@pytest.mark.parametrize(
    ("form", "end"), [("{0}", "\r\n"), ("4\nimage_id identity\n{0}\n", "\n"), ("\ufeff4\n{0}\n\n", "\r\n")]
)
def test_line_ends_and_headers_of_the_identity_file_make_no_difference(
    form: str, end: str, tmp_path: Path
) -> None:
    listed = "\n".join(f"{number:06d}.jpg {number % 2}" for number in range(1, 5))
    text = form.format(listed).replace("\n", end).encode()
    source = _celeba(tmp_path / "celeba", text)
    done("prepare", "celeba", source, "--out", tmp_path / "faces", *SMALL)
    ledger = open_set(tmp_path / "faces").table("photos")
    assert ledger.column("identity").to_pylist() == ["1", "0", "1", "0"]
    assert ledger.column("status").to_pylist() == ["kept"] * 4


def test_listed_photos_that_are_not_there_are_counted_or_with_strict_an_error(tmp_path: Path) -> None:
    listed = b"".join(b"%06d.jpg %d\n" % (number, number % 2) for number in range(1, 8))
    source = _celeba(tmp_path / "celeba", listed)
    error = _refused("celeba", source, tmp_path / "faces", "--strict")
    assert "3 listed photos are not on disk" in error
    assert "000005.jpg" in error
    finished = done("prepare", "celeba", source, "--out", tmp_path / "faces", *SMALL)
    assert "3 listed but not on disk" in finished.stdout
    assert open_set(tmp_path / "faces").table("photos").num_rows == 4


def _png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "png")
    return data.getvalue()


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "img_celeba/../../evil.jpg", "/tmp/evil.jpg", "C:\\evil.jpg"]
)
def test_a_zip_that_points_outside_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "celeba.zip", "w") as archive:
        archive.writestr("img_celeba/000001.jpg", _png())
        archive.writestr("identity_CelebA.txt", "000001.jpg 1\n")
        archive.writestr(name, _png())
    before = snapshot(tmp_path)
    error = _refused("celeba", tmp_path / "celeba.zip", tmp_path / "faces", "--cache", tmp_path / "cache")
    assert repr(name) in error
    assert "outside" in error
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "link"), [("../evil.jpg", ""), ("/evil.jpg", ""), ("lfw/a/b.jpg", "/etc"), ("lfw/x", "..")]
)
def test_a_tgz_that_points_outside_is_refused(name: str, link: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "lfw.tgz", "w:gz") as archive:
        good = tarfile.TarInfo("lfw/Anna/Anna_0001.jpg")
        good.size = len(_png())
        archive.addfile(good, io.BytesIO(_png()))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
        archive.addfile(bad)
    error = _refused("lfw", tmp_path / "lfw.tgz", tmp_path / "faces", "--cache", tmp_path / "cache")
    assert repr(name) in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "lfw.tgz"]
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".jpg"]


@pytest.mark.parametrize("name", ["celeba.zip", "lfw.tgz"])
def test_a_damaged_archive_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 or not")
    kind = name.partition(".")[0]
    error = _refused(kind, tmp_path / name, tmp_path / "faces", "--cache", tmp_path / "cache")
    assert str(tmp_path / name) in error
    assert "damaged" in error


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("f,who\n1.jpg,anna\n", "no column path (or image_path); it has f, who"),
        ("path,who\n1.jpg,anna\n", "no column identity (or person_name); it has path, who"),
        ("path,identity\n", "lists no photos"),
        ("", "no column path"),
        ("path,identity\n1.jpg,anna,3\n", "line 2: 3 fields where the header has 2"),
        ("path,identity\n1.jpg,anna\n,anna\n", "line 3: the path is empty"),
        ("path,identity,box\n1.jpg,anna,1 2 3\n", "line 2: the box '1 2 3' is not four numbers"),
        ("path,identity\n../1.jpg,anna\n", "line 2: the path '../1.jpg' leaves the root"),
        ("path,identity\nnone.jpg,anna\n", "none of the 1 photos"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(text: str, what: str, tmp_path: Path) -> None:
    _photo(tmp_path / "1.jpg")
    (tmp_path / "list.csv").write_text(text)
    error = _refused("table", tmp_path / "list.csv", tmp_path / "faces")
    assert "list.csv" in error
    assert what in error


def _people(root: Path, photos_of: dict[str, int]) -> None:
    for person, count in photos_of.items():
        for number in range(count):
            _photo(root / person / f"{number}.png", seed=_seed_of(person) + number)


def _seed_of(person: str) -> int:
    """Return a number that differs from person to person, and not from run to run."""
    return int.from_bytes(person.encode(), "big") % 10_000 * 10


@pytest.mark.parametrize(
    ("photos_of", "why"),
    [({"anna": 3}, "only one person"), ({"anna": 1, "bert": 1, "carl": 1}, "two photos")],
)
def test_pairs_that_cannot_be_drawn_are_a_note_of_prepare_and_an_error_of_pairs(
    photos_of: dict[str, int], why: str, tmp_path: Path
) -> None:
    _people(tmp_path / "photos", photos_of)
    out = tmp_path / "faces"
    finished = done("prepare", "folder", tmp_path / "photos", "--out", out, *SMALL, "--splits", "train=1")
    assert [line for line in finished.stdout.splitlines() if line.startswith("note") and why in line]
    before = snapshot(out)
    for command in ("pairs", "triplets"):
        refused = here(command, out)
        assert refused.status == 1
        assert f"no {command} can be drawn" in refused.error
        assert why in refused.error
    assert snapshot(out) == before


def _statuses(finished: Finished, out: Path) -> Counter[str]:
    assert finished.status == 0
    return Counter(open_set(out).table("photos").column("status").to_pylist())


def test_photos_that_people_did_not_sort_get_their_rows(photos: Path, tmp_path: Path) -> None:
    _photo(photos / "alone.png")
    (photos / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (photos / "notes.txt").write_text("hello")
    out = tmp_path / "faces"
    found = _statuses(done("prepare", "folder", photos, "--out", out, *SMALL), out)
    assert found == {"kept": 16, "no_identity": 1, "unsupported": 1}
    assert open_set(out).info["counts"]["other_files"] == 1
