"""People taken out of a gallery: all of them is gone, nobody else is touched, and a kill changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import StoreError, UsageError
from facemodel import forget_person
from facemodel.errors import GalleryError
from facemodel.recognition.gallery import Gallery, LeftOut, read_gallery
from tests.support.facemodel_command import done, here

NAMES = ("Ann", "Ann Lee", "Zoë", "al", "王菲")


def write_gallery(file: Path, names: tuple[str, ...] = NAMES) -> Gallery:
    rng = np.random.default_rng(5)
    left_out = (
        LeftOut("Ann/blurred.jpg", "Ann", "no_face", "no face"),
        LeftOut("Ann Lee/x.jpg", "Ann Lee", "no_face", "no face"),
        LeftOut("Nobody/1.jpg", "Nobody", "unreadable", "cut off"),
        LeftOut("loose.jpg", None, "no_identity", "it has no name"),
    )
    gallery = Gallery(
        names, rng.normal(size=(len(names), 16)).astype(np.float32),
        tuple((f"{name}/1.jpg", f"{name}/2.jpg") for name in names),
        "ab" * 32, "cosine", 0.4, "mean", left_out, "1% of strangers get a name among 5 people",
    )  # fmt: skip
    gallery.write(file)
    return gallery


def test_one_goes_and_the_others_stay_bit_for_bit(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    before = write_gallery(file)
    told = forget_person(file, "Ann")
    after = read_gallery(file)
    assert told.people == ("Ann",)
    assert (told.photos, told.stay) == (3, 4)
    assert after.names == NAMES[1:]
    assert after.embeddings.tobytes() == before.embeddings[1:].tobytes()
    assert after.photos == before.photos[1:]
    assert [one.photo for one in after.left_out] == ["Ann Lee/x.jpg", "Nobody/1.jpg", "loose.jpg"]
    for field in ("model", "metric", "threshold", "anchor", "basis", "doubt"):
        assert getattr(after, field) == getattr(before, field), field
    assert before.embeddings[0].tobytes() not in file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_what_other_programs_wrote_into_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    table = pq.read_table(file)
    table = table.append_column("badge", pa.array(range(len(NAMES)), pa.int64()))
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"other": b"kept"}), file)
    forget_person(file, ["Zoë", "al"])
    after = pq.read_table(file)
    assert after.column("badge").to_pylist() == [0, 1, 4]
    assert after.schema.metadata[b"other"] == b"kept"
    assert read_gallery(file).names == ("Ann", "Ann Lee", "王菲")


def test_a_name_in_another_unicode_form_or_one_that_was_only_left_out(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    assert forget_person(file, "Zoe\u0308 ").people == ("Zoë",)
    told = forget_person(file, "Nobody")
    assert (told.people, told.photos, told.stay) == (("Nobody",), 1, 4)
    assert b"Nobody" not in file.read_bytes()


@pytest.mark.parametrize("people", ["Anne", ["Ann", "ghost"], []])
def test_who_is_not_there_changes_nothing(tmp_path: Path, people: str | list[str]) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    before = file.read_bytes()
    with pytest.raises(UsageError, match=r"nobody was taken out of .*gallery\.parquet") as error:
        forget_person(file, people)
    assert ("did you mean Ann?" in str(error.value)) == (people == "Anne")
    assert file.read_bytes() == before


def test_the_last_people_are_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    before = file.read_bytes()
    with pytest.raises(UsageError, match="delete the file instead"):
        forget_person(file, NAMES)
    assert file.read_bytes() == before


def test_a_dry_run_and_a_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    before = file.read_bytes()
    assert forget_person(file, "al", dry_run=True).dry_run
    assert file.read_bytes() == before
    with pytest.raises(GalleryError, match="there is no gallery"):
        forget_person(tmp_path / "none.parquet", "al")


def test_a_link_is_followed_and_other_names_of_the_file_are_told(tmp_path: Path) -> None:
    file, link, other = (tmp_path / name for name in ("gallery.parquet", "link.parquet", "other.parquet"))
    write_gallery(file)
    link.symlink_to(file)
    os.link(file, other)
    told = forget_person(link, "al")
    assert link.is_symlink()
    assert "al" not in read_gallery(file).names
    assert any("hard links" in note for note in told.notes)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    before = file.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot write"):
            forget_person(file, "al")
    finally:
        tmp_path.chmod(0o700)
    assert file.read_bytes() == before


_KILLED_IN = """
import os, signal, sys
from pathlib import Path
from facedata.files import staged
real = getattr(staged.os if sys.argv[2] == "fsync" else Path, sys.argv[2])
def kill(*given):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(staged.os if sys.argv[2] == "fsync" else Path, sys.argv[2], kill)
from facemodel import forget_person
forget_person(sys.argv[1], "Ann")
"""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_killed_before_the_rename_the_gallery_is_whole_and_a_rerun_leaves_nothing(
    tmp_path: Path, step: str
) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    before = file.read_bytes()
    killed = subprocess.run([sys.executable, "-c", _KILLED_IN, str(file), step], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.read_bytes() == before
    forget_person(file, "Ann")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert "Ann" not in read_gallery(file).names


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "gallery.parquet"
    write_gallery(file)
    lines = done("forget", file, "Ann", "王菲", "--dry-run").stdout.splitlines()
    assert lines[:2] == ["to forget  Ann, 王菲 (5 photos)", "stay       3 people, as they were"]
    told = json.loads(done("forget", file, "Ann", "--json").stdout)
    assert (told["people"], told["stay"], told["dry_run"]) == (["Ann"], 4, False)
    refused = here("forget", file, "Ann Leigh")
    assert refused.status == 2
    assert "did you mean Ann Lee?" in refused.stderr
