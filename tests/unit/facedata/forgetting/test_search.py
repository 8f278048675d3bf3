"""Whatever a program may keep of a person is found wherever it keeps it; what is another's is not."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest

from facedata.crops.codec import encode_crop
from facedata.forgetting.search import SearchResult, place_lines, search_folders, summary_line
from facedata.forgetting.traces import blob as blob_module
from facedata.forgetting.traces import parts
from facedata.forgetting.traces.finds import Finds, Trace
from facedata.forgetting.traces.patterns import CROP, EMBEDDING, NAME, PATH, PHOTO, Needles, crop_slice
from facedata.tables.tombstones import Tombstones
from tests.support.hiding_places import CROPS, EMBEDDINGS, LONG_NAMES, NAMES
from tests.support.people_set import face

PEOPLE = ("Zoë O'Hara & <Co>", "Ann", "王菲", "Al", "12")
ROW = np.random.default_rng(0).normal(size=96).astype(np.float32)


def kinds(result: SearchResult) -> set[str]:
    assert not result.not_searched, result.not_searched
    return {trace.what for trace in result.traces}


def jpeg(number: int) -> bytes:
    return encode_crop(np.asarray(cv2.resize(face(f"{number}/1.jpg", number), (96, 96)), np.uint8))


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("place", NAMES)
def test_a_name_is_found_and_only_that_person_s(tmp_path: Path, place: str, name: str) -> None:
    NAMES[place](tmp_path / place, name)
    assert NAME in kinds(search_folders(Needles((name,)), [tmp_path]))
    others = {"Ann": "Anna", "Al": "Ala", "12": "120", "王菲": "王飞"}
    (tmp_path / place).unlink()
    NAMES[place](tmp_path / place, others.get(name, name + " Junior"))
    longer = Needles((name,), others=(name + " Junior",))
    assert not search_folders(longer, [tmp_path]).traces


@pytest.mark.parametrize("place", LONG_NAMES)
def test_a_longer_name_is_found_among_any_bytes(tmp_path: Path, place: str) -> None:
    LONG_NAMES[place](tmp_path / place, "Annika")
    assert kinds(search_folders(Needles(("Annika",)), [tmp_path])) == {NAME}
    assert not search_folders(Needles(("Annikb",)), [tmp_path]).traces
    assert not search_folders(Needles(("Ann",), others=("Annika",)), [tmp_path]).traces


@pytest.mark.parametrize("place", CROPS)
def test_a_crop_is_found_by_its_bytes(tmp_path: Path, place: str) -> None:
    mine, other = jpeg(1), jpeg(2)
    some = crop_slice(mine)
    assert some is not None
    needles = Needles(digests={hashlib.sha256(mine).hexdigest(): CROP}, slices=(some,))
    CROPS[place](tmp_path / place, mine)
    assert kinds(search_folders(needles, [tmp_path])) == {CROP}
    (tmp_path / place).unlink()
    CROPS[place](tmp_path / place, other)
    assert search_folders(needles, [tmp_path]).is_clean


@pytest.mark.parametrize("place", EMBEDDINGS)
def test_an_embedding_is_found_in_any_numbers(tmp_path: Path, place: str) -> None:
    needles = Needles(embeddings=(np.stack([ROW[::-1], ROW]),))
    EMBEDDINGS[place](tmp_path / place, ROW)
    assert kinds(search_folders(needles, [tmp_path])) == {EMBEDDING}
    (tmp_path / place).unlink()
    EMBEDDINGS[place](tmp_path / place, np.random.default_rng(1).normal(size=96).astype(np.float32))
    assert search_folders(needles, [tmp_path]).is_clean


@pytest.mark.parametrize("spell", [str, str.upper, bytes.fromhex])
def test_a_sha256_is_found_as_digits_and_as_bytes(tmp_path: Path, spell: object) -> None:
    digest = hashlib.sha256(b"photo").hexdigest()
    text = spell(digest)  # type: ignore[operator]
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / "a").write_bytes(b"\xff\xfe\0 facedata photo " + data + b" 90\0")
    assert kinds(search_folders(Needles(digests={digest: PHOTO}), [tmp_path])) == {PHOTO}


def test_the_names_of_files_folders_and_links_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "Zo%C3%AB Ø").mkdir()
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "Ann_0001.jpg").touch()
    (tmp_path / "here").symlink_to("/somewhere/Ben/1.jpg")
    found = search_folders(Needles(("Zoë Ø", "12", "Ann", "Ben"), paths=("12/Ann_0001.jpg",)), [tmp_path])
    places = {(trace.file.removeprefix(f"{tmp_path}/"), trace.what) for trace in found.traces}
    assert places >= {("12", NAME), ("12/Ann_0001.jpg", PATH), ("here", NAME)}
    assert [(one.file, "link" in one.why) for one in found.not_searched] == [(str(tmp_path / "here"), True)]


@pytest.mark.parametrize(
    "text", ["./photos/a b/1.jpg", '"C:\\\\x\\\\a b\\\\1.jpg"', "C:\\x\\a b\\1.jpg", "x/a%20b/1.jpg?"]
)
def test_a_path_is_found_as_others_write_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert kinds(search_folders(Needles(paths=("a b/1.jpg",)), [tmp_path])) == {PATH}
    (tmp_path / "a.txt").write_text(text.replace("a", "xa"))
    assert not search_folders(Needles(paths=("a b/1.jpg",)), [tmp_path]).traces


def test_a_crop_s_folder_whose_name_was_escaped_is_the_person_s(tmp_path: Path) -> None:
    (tmp_path / "AC%2FDC").mkdir()
    (tmp_path / "index.html").write_text('<img src="crops/AC%252FDC/1.jpg">')
    found = search_folders(Needles(("AC/DC",)), [tmp_path])
    assert {Path(trace.file).name for trace in found.traces} == {"AC%2FDC", "index.html"}


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("Ann", True),
        ("(Ann)", True),
        ("Ann_0001.jpg", True),
        ("ANN", False),
        ("Anna", False),
        ("Joann", False),
        ("Ann Lee", False),
        ("Ann Lee, Ann", True),
        ("Ann Lee Smith", False),
        ("Ann%20Lee", False),
        ("Mary Ann", False),
        ("Ann\u0301", False),
    ],
)
def test_a_name_within_another_s_is_no_trace(tmp_path: Path, text: str, is_there: bool) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = search_folders(Needles(("Ann",), others=("Ann Lee", "Mary Ann", "Ann Lee Smith")), [tmp_path])
    assert bool(found.traces) == is_there


def test_numbers_and_letters_of_a_file_are_no_names(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"width": 12, "box": [12, 12.5], "e": [1e12]}')
    (tmp_path / "a.csv").write_text("id,identity,width\n12,Berta,12\n")
    (tmp_path / "a.html").write_text(
        '<svg width="12"><text x="12">12</text></svg><script>f("12","al")</script>'
    )
    (tmp_path / "random").write_bytes(np.random.default_rng(0).bytes(1 << 20))
    assert search_folders(Needles(("12", "f", "al", "Al")), [tmp_path]).is_clean
    (tmp_path / "a.csv").write_text("id,identity,width\n3,12,4\n")
    assert kinds(search_folders(Needles(("12",)), [tmp_path])) == {NAME}


@pytest.mark.parametrize("name", ["Ann", "Al", "12"])
def test_a_text_with_a_hole_is_still_read(tmp_path: Path, name: str) -> None:
    line = f'{{"event": "start", "who": "{name}"}}\n'.encode()
    (tmp_path / "log.jsonl").write_bytes(line.replace(name.encode(), b"Zoe") + bytes(4096) + line)
    assert kinds(search_folders(Needles((name,)), [tmp_path])) == {NAME}
    (tmp_path / "log.jsonl").write_bytes(bytes(50) + np.random.default_rng(0).bytes(4 << 20))
    assert search_folders(Needles((name, "Bo", "34")), [tmp_path]).is_clean


def test_a_needle_at_the_border_of_two_pieces_is_found_once(tmp_path: Path) -> None:
    name = "Annabella Borderline"
    for start in (0, 995, 1000, 4090, 5000, 5100, 9000):
        for fill in (b"x \n", b"\0\xff\1"):
            data = (fill * 4000)[: start - start % 3] + b"'" + name.encode() + b"'" + fill * 2000
            (tmp_path / "a").write_bytes(data)
            with patch.object(blob_module, "_CHUNK_BYTES", 5000):
                found = search_folders(Needles((name,)), [tmp_path])
            assert [trace.count for trace in found.traces] == [1], start


def test_what_follows_a_tar_s_end_and_lies_between_its_members_is_searched(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("0.jpg")
        info.size = 700
        archive.addfile(info, io.BytesIO(bytes(700)))
    data = bytearray((tmp_path / "a.tar").read_bytes())
    for at in (512 + 750, len(data) - 30):
        changed = data.copy()
        changed[at : at + 9] = b"Annabella"
        (tmp_path / "a.tar").write_bytes(changed)
        assert kinds(search_folders(Needles(("Annabella",)), [tmp_path])) == {NAME}


def test_pieces_of_a_tar_are_told_by_member(tmp_path: Path) -> None:
    NAMES["nested.tar.gz"](tmp_path / "a.tar.gz", "Annabella")
    found = search_folders(Needles(("Annabella",)), [tmp_path]).traces
    assert "unpacked › member in.zip › member table.parquet, column who, row 0" in {
        one.inside for one in found
    }


def test_what_was_forgotten_earlier_is_found_by_its_salted_hashes(tmp_path: Path) -> None:
    crop, photo = jpeg(1), b"the photo's bytes"
    told = Tombstones().bury(
        people=["Ann Lee"], records=["Ann Lee/1.jpg"], photos=[hashlib.sha256(photo).hexdigest()],
        crops=[hashlib.sha256(crop).hexdigest()],
    )  # fmt: skip
    needles = Needles(tombstones=told)
    for number, (name, data) in enumerate(
        {
            "copy.jpg": photo, "x.jpg": crop, "a.csv": f"x,{hashlib.sha256(crop).hexdigest()}\n".encode(),
            "b.json": b'{"who": "Ann Lee"}', "c.txt": b"photos/Ann Lee/1.jpg\n",
        }.items()
    ):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(data)
        assert search_folders(needles, [folder]).traces, name
    (tmp_path / "table").mkdir()
    NAMES["text.parquet"](tmp_path / "table" / "t.parquet", "Ann Lee")
    assert search_folders(needles, [tmp_path / "table"]).traces
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "a.csv").write_text("Ann,Lee,Ann Leeds,Ann Lee/2\n".replace("Ann Lee/2", "Ann/2"))
    assert search_folders(needles, [tmp_path / "clean"]).is_clean


# what cannot be searched is never taken for empty


def _damaged() -> Iterator[tuple[str, bytes]]:
    import gzip

    tar, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("big.jpg")
        info.size = 50_000
        archive.addfile(info, io.BytesIO(bytes(50_000)))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive_:
        archive_.writestr("a.txt", "x" * 1000)
    broken = bytearray(zipped.getvalue())
    broken[40:44] = b"\xff\xff\xff\xff"
    yield "cut.tar", tar.getvalue()[:20_000]
    yield "cut.zip", zipped.getvalue()[:-30]
    yield "broken.zip", bytes(broken)
    yield "cut.gz", gzip.compress(os.urandom(5000))[:-900]
    yield "cut.parquet", b"PAR1" + bytes(500) + b"PAR1"
    yield "cut.arrow", b"ARROW1\0\0" + bytes(500)
    yield "lies.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 50
    yield "lies.safetensors", (90 << 20).to_bytes(8, "little") + b'{"x": 1}'
    yield "a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(50)
    yield "a.pdf", b"%PDF-1.7 \0" + bytes(50)


@pytest.mark.parametrize(
    ("name", "data"), list(_damaged()), ids=lambda one: one if isinstance(one, str) else ""
)
def test_damaged_and_closed_files_are_told_and_it_is_never_zero(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    found = search_folders(Needles(("Annabella",)), [tmp_path])
    assert not found.traces
    assert [one.file for one in found.not_searched] == [str(tmp_path / name)]
    assert not found.is_clean
    assert summary_line(found, ["Annabella"]).startswith("nothing of 'Annabella' was found in 1 file (")
    assert len(place_lines(found)) == 1


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    import gzip

    bomb = gzip.compress(bytes(8 << 20))
    (tmp_path / "a.gz").write_bytes(gzip.compress(bomb))
    (tmp_path / "b.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(9):
            archive.writestr(f"{number}", bytes(1 << 20))
    with patch.object(parts, "_FREE_BYTES", 4 << 20), patch.object(parts, "_MOST_TIMES", 1):
        found = search_folders(Needles(("Annabella",)), [tmp_path])
    assert {Path(one.file).name for one in found.not_searched} == {"a.gz", "b.zip"}
    assert all("far more than its own size" in one.why for one in found.not_searched)


def test_archives_within_archives_end_somewhere(tmp_path: Path) -> None:
    import gzip

    data = b"'Annabella'"
    for _ in range(12):
        data = gzip.compress(data)
    (tmp_path / "a.gz").write_bytes(data)
    found = search_folders(Needles(("Annabella",)), [tmp_path])
    assert not found.traces
    assert "archives within each other" in found.not_searched[0].why


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "Annabella")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    found = search_folders(Needles(("Zoë Ø",)), [tmp_path])
    assert "encrypted" in found.not_searched[0].why


def test_pipes_sockets_and_missing_folders_are_told_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        found = search_folders(Needles(("Annabella",)), [tmp_path, tmp_path / "none"])
    assert [Path(one.file).name for one in found.not_searched] == ["pipe", "socket", "none"]


def test_a_file_that_vanishes_or_shrinks_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(9000))
    real = Path.open

    def shrink(path: Path, *given: object, **more: object) -> object:
        os.truncate(path, 10)
        return real(path, *given, **more)  # type: ignore[call-overload]

    with patch.object(Path, "open", shrink):
        found = search_folders(Needles(("Annabella",)), [tmp_path])
    assert "ends at byte 10 of 9,000" in found.not_searched[0].why


def test_one_file_may_be_named_and_many_traces_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Annabella\n" * 30)
    found = search_folders(Needles(("Annabella",)), [file])
    assert (found.files, found.bytes, found.found) == (1, 300, 30)
    assert (
        summary_line(found, ["Annabella"]) == f"30 traces of 'Annabella' in 1 file (300 bytes) below {file}"
    )
    assert place_lines(found) == [f"name in {file} (byte 0), 30 times"]
    assert found.to_json()["traces"][0]["what"] == "name"


def test_what_the_hashes_know_too_is_told_once() -> None:
    finds = Finds()
    finds.add("a.csv", "line 3", "name", 2)
    finds.add("a.csv", "line 3", "a forgotten name", 3)
    finds.add("b.csv", "line 1", "path", 1)
    finds.add("b.csv", "line 1", "a forgotten path", 1)
    assert finds.traces == (
        Trace("a.csv", "line 3", "name", 2),
        Trace("a.csv", "line 3", "a forgotten name", 1),
        Trace("b.csv", "line 1", "path", 1),
    )


def test_many_places_are_told_by_file() -> None:
    traces = [Trace(f"{number % 3}.csv", f"line {number}", "name", 1 + number % 2) for number in range(30)]
    result = SearchResult((".",), 3, 10, tuple(traces), 0, ())
    assert place_lines(result) == [
        "15 in 0.csv", "15 in 1.csv", "15 in 2.csv", "--json lists every place"
    ]  # fmt: skip
    traces = [Trace(f"{number}.csv", "", "name") for number in range(30)]
    lines = place_lines(SearchResult((".",), 30, 10, tuple(traces), 0, ()))
    assert lines[-1] == "in 10 more files; --json lists every place"
    assert len(lines) == 21
