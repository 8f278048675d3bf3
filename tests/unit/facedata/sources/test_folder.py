from __future__ import annotations

import os
import pickle
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facedata.errors import SourceError, UsageError
from facedata.files.remote import Location, Remote
from facedata.photos.paths import photo_text
from facedata.sources.base import PLAN, Scan
from facedata.sources.folder import FolderReader, FolderSource

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


def put(root: Path, *names: str | bytes, content: bytes = JPEG) -> None:
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def scan(root: Path, identity_from: str = "parent") -> Scan:
    return FolderSource({"": root}, identity_from).scan()


def rows(found: Scan) -> dict[str, dict[str, Any]]:
    assert found.photos.schema.equals(PLAN)
    return {row["record"]: row for row in found.photos.to_pylist()}


def identities(found: Scan) -> dict[str, str | None]:
    return {record: row["identity"] for record, row in rows(found).items()}


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may read everything, so that for the length of a test it is somebody else."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_photos_at_any_depth_with_their_size_and_time(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg", "x/y/z/bert/2.PNG")
    put(tmp_path, "anna/big.jpg", content=bytes(1234))
    os.utime(tmp_path / "anna/big.jpg", ns=(5, 1_700_000_000_123_456_789))
    found = rows(scan(tmp_path))
    assert found.keys() == {"anna/1.jpg", "anna/big.jpg", "x/y/z/bert/2.PNG"}
    assert found["anna/big.jpg"]["size"] == 1234
    assert found["anna/big.jpg"]["mtime_ns"] == 1_700_000_000_123_456_789
    assert found["x/y/z/bert/2.PNG"]["identity"] == "bert"
    assert all(row["photo"] == record and row["status"] is None for record, row in found.items())


def test_other_files_are_counted_and_hidden_folders_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg", "anna/._1.jpg", "anna/.DS_Store", ".git/x/2.jpg", "anna/.thumbs/3.jpg")
    put(tmp_path, "notes.txt", "anna/noending", "anna/short", "empty", content=b"hi")
    put(tmp_path, "anna/empty", content=b"")
    found = scan(tmp_path)
    assert rows(found).keys() == {"anna/1.jpg"}
    assert found.other_files == 7


def test_first_bytes_decide_where_the_ending_does_not(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "anna" / "noending", "PNG")
    put(tmp_path, "anna/photo.txt")
    put(tmp_path, "anna/broken.jpg", content=b"no image at all")
    assert rows(scan(tmp_path)).keys() == {"anna/noending", "anna/photo.txt", "anna/broken.jpg"}


def test_videos_are_rows_that_are_unsupported(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg", "anna/clip.MP4", "loose.avi")
    found = rows(scan(tmp_path))
    assert [(found[v]["status"], found[v]["reason"]) for v in ("anna/clip.MP4", "loose.avi")] == [
        ("unsupported", "a video")
    ] * 2


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg")
    os.mkfifo(tmp_path / "anna" / "pipe.jpg")
    os.mkfifo(tmp_path / "anna" / "pipe")
    with socket.socket(socket.AF_UNIX) as server, tempfile.TemporaryDirectory() as short:
        server.bind(f"{short}/s")  # bound to a short path: a socket's has at most 107 bytes
        (Path(short) / "s").rename(tmp_path / "anna" / "socket.png")
        found = scan(tmp_path)
    assert rows(found).keys() == {"anna/1.jpg"}
    assert found.other_files == 3


def test_the_parent_folder_is_the_person(tmp_path: Path) -> None:
    put(tmp_path, "loose.jpg", "a/john/1.jpg", "b/john/1.jpg")
    found = rows(scan(tmp_path))
    assert {record: row["identity"] for record, row in found.items()} == {
        "loose.jpg": None,
        "a/john/1.jpg": "john",
        "b/john/1.jpg": "john",
    }
    assert found["loose.jpg"]["status"] == "no_identity"
    assert found["loose.jpg"]["reason"] == "it lies in no person's folder"


def test_the_whole_folder_path_can_be_the_person(tmp_path: Path) -> None:
    put(tmp_path, "loose.jpg", "a/john/1.jpg", "b/john/1.jpg")
    assert identities(scan(tmp_path, "path")) == {
        "loose.jpg": None,
        "a/john/1.jpg": "a/john",
        "b/john/1.jpg": "b/john",
    }


@pytest.mark.parametrize(
    ("regex", "person"),
    [
        (r"[^/]+(?=_\d+\.jpg$)", "anna"),  # no group: the whole match
        (r"([^/]+)_(\d+)\.jpg$", "anna"),  # the first group
        (r"(x)?/(?P<identity>[^/]+)_", "anna"),  # the named group wins over the first
        (r"^(\w+)/", "set"),
        (r"(nobody)", None),
        (r"(nobody)?anna", None),  # matches, but its group took no part
        (r"(q*)anna", None),  # an empty person is nobody
    ],
)
def test_a_regular_expression_finds_the_person(tmp_path: Path, regex: str, person: str | None) -> None:
    put(tmp_path, "set/anna_1.jpg")
    row = rows(scan(tmp_path, regex))["set/anna_1.jpg"]
    assert row["identity"] == person
    assert row["status"] == (None if person else "no_identity")
    assert row["reason"] == (None if person else f"its path does not match --identity-from {regex!r}")


def test_a_bad_regular_expression_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--identity-from '\(a'.*regular expression"):
        FolderSource({"": tmp_path}, "(a")


@pytest.mark.parametrize("identity_from", ["parent", "path", r"^([^/]+)/"])
def test_several_roots_start_the_paths_but_never_name_the_person(tmp_path: Path, identity_from: str) -> None:
    put(tmp_path / "one", "anna/1.jpg", "loose.jpg")
    put(tmp_path / "two", "anna/1.jpg", "bert/2.jpg", content=JPEG + b"2")
    put(tmp_path, "one/a.txt", "two/b.txt", content=b"text")
    source = FolderSource({"lfw": tmp_path / "one", "mine": tmp_path / "two"}, identity_from)
    found = source.scan()
    assert identities(found) == {
        "lfw/anna/1.jpg": "anna",
        "lfw/loose.jpg": None,
        "mine/anna/1.jpg": "anna",
        "mine/bert/2.jpg": "bert",
    }
    assert found.notes == ["in more than one root, and taken as the same person: anna"]
    assert found.other_files == 2
    assert found.reader("mine/anna/1.jpg") == JPEG + b"2"
    assert source.root == f"lfw={tmp_path}/one,mine={tmp_path}/two"


def test_many_shared_people_are_named_up_to_five(tmp_path: Path) -> None:
    for person in "gfedcba":
        put(tmp_path, f"one/{person}/1.jpg", f"two/{person}/1.jpg")
    put(tmp_path, "three/z/1.jpg")
    found = FolderSource({name: tmp_path / name for name in ("one", "two", "three")}).scan()
    assert found.notes == ["in more than one root, and taken as the same person: a, b, c, d, e and 2 more"]


def test_an_empty_root_among_several_is_said(tmp_path: Path) -> None:
    put(tmp_path, "one/anna/1.jpg")
    (tmp_path / "two").mkdir()
    found = FolderSource({"one": tmp_path / "one", "two": tmp_path / "two"}).scan()
    assert found.notes == ["the root two holds no photos"]


@pytest.mark.parametrize("names", [[], ["", "b"], ["a/b", "c"], ["..", "c"]])
def test_roots_need_names_that_make_a_path(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UsageError):
        FolderSource(dict.fromkeys(names, tmp_path))


def test_links_are_followed_but_never_round_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, "root/anna/1.jpg", "elsewhere/deep/2.jpg")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/anna/up").symlink_to("..")
    (tmp_path / "root/anna/self").symlink_to(".")
    (tmp_path / "elsewhere/deep/back").symlink_to(tmp_path / "root")
    (tmp_path / "root/circle").symlink_to("circle")
    (tmp_path / "root/anna/other.jpg").symlink_to("1.jpg")
    found = scan(tmp_path / "root")
    assert rows(found).keys() == {"anna/1.jpg", "anna/other.jpg", "linked/deep/2.jpg"}
    assert found.other_files == 1  # the link that leads to itself


def test_two_ways_to_one_folder_are_both_listed(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg")
    (tmp_path / "annie").symlink_to("anna")
    assert identities(scan(tmp_path)) == {"anna/1.jpg": "anna", "annie/1.jpg": "annie"}


def test_a_broken_link_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg")
    (tmp_path / "anna/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "anna/gone").symlink_to("nowhere")
    found = scan(tmp_path)
    row = rows(found)["anna/gone.jpg"]
    assert (row["size"], row["mtime_ns"], row["status"]) == (0, 0, None)
    assert found.other_files == 1
    with pytest.raises(FileNotFoundError):
        found.reader("anna/gone.jpg")


@pytest.mark.parametrize(
    "name",
    [
        b"caf\xe9/\xff\xfe.jpg",
        b"new\nline/a\tb\n.jpg",
        b"quo\"te/it's `$HOME`.jpg",
        b"back\\slash/a\\x41.jpg",
        b"  spaces . /x .jpg ",
        "Zoë Müller 王/é.jpg".encode(),
        b"n" * 255 + b"/" + b"n" * 251 + b".jpg",
        b"-rf/--.jpg",
    ],
)
def test_any_name_is_listed_in_utf8_and_read_back(tmp_path: Path, name: bytes) -> None:
    put(tmp_path, name)
    found = scan(tmp_path)
    (row,) = found.photos.to_pylist()
    assert row["photo"] == photo_text(os.fsdecode(name))
    assert row["identity"] == row["photo"].split("/")[0]
    row["photo"].encode("utf-8")
    assert found.reader(row["photo"]) == JPEG


def test_a_root_may_itself_have_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    put(tmp_path, b"caf\xe9/anna/1.jpg")
    source = FolderSource({os.fsdecode(b"\xe9"): tmp_path / os.fsdecode(b"caf\xe9")})
    found = source.scan()
    (photo,) = rows(found)
    assert photo == "\\xe9/anna/1.jpg"
    assert found.reader(photo) == JPEG
    source.root.encode("utf-8")


def test_the_reader_travels_to_workers(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg")
    reader = pickle.loads(pickle.dumps(scan(tmp_path).reader))
    assert reader == FolderReader({"": tmp_path})
    assert reader("anna/1.jpg") == JPEG


@pytest.mark.parametrize("photo", ["../secret.jpg", "anna/../../secret.jpg", "/etc/hostname", "anna/.."])
def test_the_reader_never_leaves_its_root(tmp_path: Path, photo: str) -> None:
    put(tmp_path, "root/anna/1.jpg", "secret.jpg")
    with pytest.raises(OSError, match="could leave"):
        FolderReader({"": tmp_path / "root"})(photo)
    with pytest.raises(OSError, match="could leave"):
        FolderReader({"mine": tmp_path / "root"})(f"mine/{photo}")


@pytest.mark.parametrize("photo", ["other/1.jpg", "1.jpg", ""])
def test_the_reader_knows_only_its_own_roots(tmp_path: Path, photo: str) -> None:
    with pytest.raises(FileNotFoundError, match="no root"):
        FolderReader({"mine": tmp_path})(photo)


def test_a_source_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "photo.jpg")
    with pytest.raises(SourceError, match=r"missing: No such file"):
        scan(tmp_path / "missing")
    with pytest.raises(SourceError, match=r"photo\.jpg is a file"):
        scan(tmp_path / "photo.jpg")


def test_a_source_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no photos \(0 other files\)"):
        scan(tmp_path)
    put(tmp_path, "a.txt", "b.txt", content=b"text")
    put(tmp_path, "clip.mp4")
    with pytest.raises(SourceError, match=r"holds no photos \(1 videos, 2 other files\)"):
        scan(tmp_path)


def test_a_folder_that_cannot_be_listed_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to other users
        root = Path(name)
        root.chmod(0o755)
        put(root, "anna/1.jpg", "bert/2.jpg")
        (root / "bert").chmod(0)
        try:
            with unprivileged(), pytest.raises(SourceError, match="bert: Permission denied"):
                scan(root)
        finally:
            (root / "bert").chmod(0o755)


def test_a_file_that_cannot_be_read_is_listed_by_its_ending_only() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        put(root, "anna/1.jpg", "anna/noending")
        for path in (root / "anna").iterdir():
            path.chmod(0)
        with unprivileged():
            found = scan(root)
        assert rows(found).keys() == {"anna/1.jpg"}
        assert found.other_files == 1


def test_every_file_of_a_real_set_is_listed(shared_lfw: Path) -> None:
    expected = {f"{path.parent.name}/{path.name}": path for path in shared_lfw.glob("*/*.jpg")}
    found = scan(shared_lfw)
    assert identities(found) == {photo: path.parent.name for photo, path in expected.items()}
    photo, path = min(expected.items())
    assert found.reader(photo) == path.read_bytes()


@pytest.fixture
def shared_lfw() -> Path:
    repository = Path(__file__).parents[4]
    shared = Path(os.environ.get("FACEDATA_SHARED", repository.parent / "shared"))
    folder = shared / "data" / "lfw" / "lfw-deepfunneled"
    if not folder.is_dir():
        pytest.skip(f"needs the LFW photos in {folder}; set FACEDATA_SHARED to the folder that holds data/")
    return folder


SYSTEM_FOLDERS = [
    *("@eaDir", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "lost+found", "System Volume Information"),
    *(
        ".thumbnails",
        "__MACOSX",
        "@Recycle",
        ".AppleDouble",
        ".Trashes",
        ".Trash-1000",
        "_vti_cnf",
        "FOUND.000",
    ),
]


@pytest.mark.parametrize("name", SYSTEM_FOLDERS)
@pytest.mark.parametrize("form", ["folder", "zip", "url"])
def test_system_folders_are_passed_over_at_any_depth_and_said(tmp_path: Path, name: str, form: str) -> None:
    root = tmp_path / "photos"
    put(
        root,
        "anna/1.jpg",
        f"{name}/1.jpg",
        f"anna/{name}/2.jpg",
        f"anna/{name}/deep/3.jpg",
        f"anna/{name}/a.txt",
    )
    source: Location = root
    if form == "zip":
        source = Path(shutil.make_archive(str(tmp_path / "a"), "zip", root))
    if form == "url":
        source = Remote(f"file://{root}")
    found = FolderSource({"": source}).scan()
    assert rows(found).keys() == {"anna/1.jpg"}
    assert found.notes == [f"2 system folders were passed over ({name}), with 3 photos"]
    assert found.reader("anna/1.jpg") == JPEG
    assert found.other_files == 0


def test_names_that_only_look_like_a_system_s_are_people(tmp_path: Path) -> None:
    people = ["eaDir", "recycle", "Macosx", "lost", "Thumbs", "Original"]
    put(tmp_path, *(f"{person}/1.jpg" for person in people))
    found = scan(tmp_path)
    assert sorted(identities(found).values(), key=str) == sorted(people)
    assert found.notes == []


def test_a_system_folder_that_is_named_as_the_root_is_read(tmp_path: Path) -> None:
    put(tmp_path, "#recycle/anna/1.jpg")
    assert identities(scan(tmp_path / "#recycle")) == {"anna/1.jpg": "anna"}


@pytest.mark.parametrize("ending", ["zip", "tar", "gztar", "bztar", "xztar"])
@pytest.mark.parametrize("identity_from", ["parent", "path", r"^(\w+)/"])
def test_an_archive_has_the_people_of_its_folder(tmp_path: Path, ending: str, identity_from: str) -> None:
    root = tmp_path / "in"
    put(
        root,
        "photos/anna/1.jpg",
        "photos/Ünal/2.jpg",
        "photos/x/Jose\u0301/3.jpg",
        "photos/loose.jpg",
        content=JPEG,
    )
    put(root, "photos/anna/.DS_Store", "photos/.git/4.jpg", "photos/notes.txt", content=b"text")
    (root / "photos/anna/noending").write_bytes(JPEG)
    archive = Path(shutil.make_archive(str(tmp_path / "a"), ending, root))
    of_folder = scan(root, identity_from)
    found = FolderSource({"": archive}, identity_from, cache=tmp_path / "cache").scan()
    assert identities(found) == identities(of_folder)
    assert found.other_files == of_folder.other_files == 2
    reader = pickle.loads(pickle.dumps(found.reader))
    assert {reader(photo) for photo in identities(found)} == {JPEG}


def test_an_archive_can_be_one_of_several_roots(tmp_path: Path) -> None:
    put(tmp_path / "one", "anna/1.jpg")
    put(tmp_path / "two", "anna/2.jpg", content=JPEG + b"2")
    archive = Path(shutil.make_archive(str(tmp_path / "two"), "zip", tmp_path / "two"))
    found = FolderSource({"mine": tmp_path / "one", "zipped": archive}).scan()
    assert identities(found) == {"mine/anna/1.jpg": "anna", "zipped/anna/2.jpg": "anna"}
    assert found.reader("zipped/anna/2.jpg") == JPEG + b"2"
    assert found.notes == ["in more than one root, and taken as the same person: anna"]


def test_a_prepared_set_in_a_zip_gives_no_photos(tmp_path: Path) -> None:
    put(tmp_path / "in", "anna/1.jpg", "faces/crops/anna/1.jpg")
    (tmp_path / "in/faces/dataset.json").write_text('{"kind": "facedata set"}')
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "in"))
    assert identities(scan(archive)) == {"anna/1.jpg": "anna"}


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"7z\xbc\xaf\x27\x1c", "7-Zip"), (b"Rar!\x1a\x07\x01\0", "RAR"), (b"PK\x03\x04", "damaged")],
)
def test_an_archive_that_cannot_be_read_is_named(tmp_path: Path, head: bytes, what: str) -> None:
    (tmp_path / "a.bin").write_bytes(head + bytes(50))
    with pytest.raises(SourceError, match=rf"a\.bin is .*{what}"):
        scan(tmp_path / "a.bin")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    with pytest.raises(
        SourceError, match=r"1\.jpg is a file; name the folder, zip or tar that holds the photos"
    ):
        scan(tmp_path / "1.jpg")


def test_a_root_without_any_person_among_several_is_said(tmp_path: Path) -> None:
    put(tmp_path, "one/anna/1.jpg", "two/1.jpg", "two/2.jpg")
    found = FolderSource({"one": tmp_path / "one", "two": tmp_path / "two"}).scan()
    assert found.notes == ["none of the 2 photos of two has a person: it lies in no person's folder"]
