"""Attacks on `facedata export`: outputs that must not be touched, kills, damage, hostile names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import export_set, prepare
from facedata.errors import FacedataError, LockedError, StoreError, UsageError
from facedata.files.locks import locked
from facedata.sets.prepared import PreparedSet
from facedata.testing import marked_folder
from tests.support.facedata_command import here, start
from tests.support.inline_engine import inline
from tests.support.marked_photos import prepare_marked, write_marked
from tests.support.processes import finish, wait_for
from tests.support.set_bytes import events, snapshot

FORMATS = ("imagefolder", "csv", "pairs-txt", "coco")

NAMES = [
    *("..", ".", "...", ".hidden", "-rf", "--help", "~root", "con", "NUL.txt", "aux ", "a/b", "/etc/passwd"),
    *("a\\b", "C:\\x", "a:b", "a*?", 'a"b', "a'b", "<script>alert(1)</script>", "a|b", "a%2Fb", "%", "%00"),
    *(
        "a\tb",
        "a\nb",
        "a\rb",
        "a\u2028b",
        "\u202eanna",
        "e\u0301",
        "\u00e9",
        "ANNA",
        "anna",
        "Anna ",
        " anna",
    ),
    *(
        "ﬁne",
        "ßtrasse",
        "😀" * 40,
        "x" * 300,
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "train",
        "unassigned",
        "crops",
    ),
    *("README.md", "facedata-export.json", "NA", "007", "1e5"),
]
"""Names of people that some file system, spreadsheet, reader or shell takes for something else."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("made")
    marked_folder(folder / "photos", people=4, photos=3)
    return prepare_marked(
        folder / "photos", folder / "faces", size=64, splits="train=0.5,test=0.5", report=False
    )


@pytest.fixture
def own(faces: PreparedSet, tmp_path: Path) -> Path:
    """A copy of the set that may be damaged."""
    return Path(shutil.copytree(faces.path, tmp_path / "faces"))  # type: ignore[arg-type]


def _unchanged(folder: Path) -> dict[str, bytes | None]:
    return {name: data for name, data in snapshot(folder).items() if name != "log.jsonl"}


class TestOutputs:
    def test_what_is_no_export_is_never_replaced(self, own: Path, tmp_path: Path) -> None:
        (mine := tmp_path / "mine").mkdir()
        (mine / "thesis.txt").write_text("x")
        (note := tmp_path / "note").mkdir()
        (note / "facedata-export.json").write_text('{"kind": "something else"}')
        (tmp_path / "file").write_text("x")
        before = snapshot(tmp_path)
        for out, said in (
            (mine, "is not empty, and is no export"),
            (note, "is no export that can be replaced"),
            (tmp_path / "file", "is a file"),
            (tmp_path / "file" / "below", "cannot write"),
            (own, "lies in the set"),
            (own / "crops", "lies in the set"),
            (own / "new", "lies in the set"),
            (tmp_path, "or holds it"),
            ("s3://bucket/x", "is a URL: export to a folder"),
            (tmp_path / ("x" * 300), "File name too long"),
            ("a\0b", "is no name that a folder can have"),
        ):
            for more in ((), ("--overwrite",)):
                refused = here("export", own, "--out", out, "--to", "csv", *more)
                assert refused.status in (1, 2)
                assert said in refused.error
        assert {name: data for name, data in snapshot(tmp_path).items() if "log.jsonl" not in name} == {
            name: data for name, data in before.items() if "log.jsonl" not in name
        }

    def test_an_export_is_replaced_only_when_asked(self, own: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        export_set(own, out, to="csv")
        with pytest.raises(UsageError, match="holds an export already: add --overwrite"):
            export_set(own, out, to="imagefolder")
        export_set(own, out, to="imagefolder", overwrite=True)
        assert (out / "train").is_dir()
        assert not (out / "crops.csv").exists()
        assert sorted(file.name for file in tmp_path.iterdir()) == ["faces", "out"]

    def test_the_working_folder_and_what_holds_it_are_refused(
        self, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        export_set(own, tmp_path / "out", to="imagefolder")
        for folder in ("out", "out/train"):
            monkeypatch.chdir(tmp_path / folder)
            with pytest.raises(UsageError, match="would be replaced: run this elsewhere"):
                export_set(own, tmp_path / "out", overwrite=True)
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")
        with pytest.raises(UsageError, match="would be replaced"):
            export_set(own, ".")

    def test_a_link_stays_and_its_target_is_written(self, own: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "link").symlink_to("disk")
        (tmp_path / "new").symlink_to("not-yet")
        for name in ("link", "new"):
            export_set(own, tmp_path / name, to="coco")
            assert (tmp_path / name).is_symlink()
            assert (tmp_path / name / "annotations" / "train.json").is_file()
        (tmp_path / "into").symlink_to("faces")
        with pytest.raises(UsageError, match="lies in the set"):
            export_set(own, tmp_path / "into", overwrite=True)

    def test_two_runs_on_one_output(self, own: Path, tmp_path: Path) -> None:
        (made := tmp_path / ".out.new").mkdir()
        with locked(made), pytest.raises(LockedError, match="another run"):
            export_set(own, tmp_path / "out")
        export_set(own, tmp_path / "out")
        with locked(own, shared=True):  # somebody else reads it
            export_set(own, tmp_path / "other")
        with locked(own), pytest.raises(LockedError, match="another run"):
            export_set(own, tmp_path / "third")
        assert not (tmp_path / "third").exists()

    def test_modes_are_those_of_new_files(self, own: Path, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            export_set(own, tmp_path / "out", to="csv")
        finally:
            os.umask(before)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "out").glob("*.csv")}
        assert modes == {0o640}
        assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o750


class TestInterrupted:
    @pytest.mark.parametrize("to", ["imagefolder", "csv"])
    def test_a_kill_leaves_nothing_under_the_name_and_the_next_run_clears_the_rest(
        self, to: str, own: Path, tmp_path: Path
    ) -> None:
        out, whole = tmp_path / "out", tmp_path / "whole"
        stop = (
            "from facedata.exports.plain import crop_files\n"
            "import time, pathlib\n"
            "old = crop_files.CropFiles.put\n"
            "def put(self, read, names):\n"
            "    old(self, read, names)\n"
            f"    pathlib.Path({str(tmp_path / 'reached')!r}).touch()\n"
            "    time.sleep(600)\n"
            "crop_files.CropFiles.put = put\n"
        )
        process = start("export", own, "--out", out, "--to", to, before=stop)
        wait_for(lambda: (tmp_path / "reached").exists() or process.poll() is not None)
        os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        assert not out.exists()
        assert list((tmp_path / ".out.new").rglob("*.jpg"))
        assert [event["path"] for event in events(own) if event["event"] == "export_start"] == [str(out)]
        assert not [event for event in events(own) if event["event"] == "export"]
        export_set(own, out, to=to)
        export_set(own, whole, to=to)
        assert not (tmp_path / ".out.new").exists()
        ours, fresh = snapshot(out), snapshot(whole)
        assert {name for name in ours if ours[name] != fresh[name]} <= {"README.md"}

    @pytest.mark.parametrize("to", ["imagefolder", "csv", "pairs-txt"])
    @pytest.mark.parametrize("damage", ["changed", "gone"])
    def test_a_damaged_crop_is_named_and_nothing_is_left(
        self, damage: str, to: str, own: Path, tmp_path: Path
    ) -> None:
        file = own / "crops" / "person-02" / "01.jpg"
        data = file.read_bytes()
        file.unlink()
        if damage == "changed":
            file.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        with pytest.raises(
            StoreError, match=r"the crop person-02/01\.jpg of .*faces is (gone|not what it was)"
        ):
            export_set(own, tmp_path / "out", to=to)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["faces"]

    def test_a_failed_replacement_keeps_the_export_that_was_there(self, own: Path, tmp_path: Path) -> None:
        export_set(own, tmp_path / "out", to="csv")
        before = snapshot(tmp_path / "out")
        (own / "crops" / "person-02" / "01.jpg").unlink()
        with pytest.raises(StoreError, match="is gone"):
            export_set(own, tmp_path / "out", to="imagefolder", overwrite=True)
        assert snapshot(tmp_path / "out") == before

    def test_tables_of_another_state_are_refused(self, own: Path, tmp_path: Path, faces: PreparedSet) -> None:
        info = json.loads((own / "dataset.json").read_text())
        info["fingerprint"] = "0" * 64
        (own / "dataset.json").write_text(json.dumps(info))
        for to in FORMATS:
            with pytest.raises(FacedataError, match="belongs to the set"):
                export_set(own, tmp_path / "out", to=to)
        assert not (tmp_path / "out").exists()


class TestLinks:
    def test_the_set_keeps_its_bytes_when_it_is_prepared_again(self, tmp_path: Path) -> None:
        marked_folder(tmp_path / "photos", people=4, photos=3)
        prepare_marked(tmp_path / "photos", tmp_path / "faces", size=64, report=False)
        export_set(tmp_path / "faces", tmp_path / "out")
        before = snapshot(tmp_path / "out")
        write_marked(tmp_path / "photos" / "person-00" / "00.png", seed=99)
        prepare_marked(tmp_path / "photos", tmp_path / "faces", size=64, report=False)
        assert snapshot(tmp_path / "out") == before

    def test_a_crop_that_is_a_link_is_copied(self, own: Path, tmp_path: Path) -> None:
        crop = own / "crops" / "person-00" / "00.jpg"
        crop.rename(tmp_path / "elsewhere.jpg")
        crop.symlink_to(tmp_path / "elsewhere.jpg")
        export_set(own, tmp_path / "out")
        [file] = (tmp_path / "out").rglob("person-00/00.jpg")
        assert not file.is_symlink()
        assert not file.samefile(tmp_path / "elsewhere.jpg")

    def test_without_links_crops_are_copied(
        self, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        exported = export_set(own, tmp_path / "out")
        assert "the crops are copies" in exported.lines
        assert all(file.stat().st_nlink == 1 for file in (tmp_path / "out").rglob("*.jpg"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """A set of these people, from a table; three finished crops of each."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = {"path": [], "identity": []}  # type: dict[str, list[str]]
    for at, name in enumerate(NAMES):
        for photo in range(3):
            file = folder / f"{at}" / f"{photo}.png"
            write_marked(file, seed=10 * at + photo)
            rows["path"].append(f"{at}/{photo}.png")
            rows["identity"].append(name)
    pq.write_table(pa.table(rows), folder / "people.parquet")
    return prepare(
        folder / "people.parquet", folder / "faces", kind="table", as_crops=True, size=120, workers=1,
        report=False, names="exact",
    )  # fmt: skip


class TestNames:
    @pytest.mark.parametrize(
        ("to", "source", "kind", "more"),
        [
            ("imagefolder", "", "imagefolder", {}),
            ("pairs-txt", "", "lfw", {"view": 1}),
            ("csv", "crops.csv", "table", {"split_by": "official"}),
        ],
    )
    def test_people_with_hostile_names_come_back(
        self, to: str, source: str, kind: str, more: dict[str, Any], hostile: PreparedSet, tmp_path: Path
    ) -> None:
        export_set(hostile, tmp_path / "deep" / "out", to=to)
        assert sorted(file.name for file in (tmp_path / "deep").iterdir()) == ["out"]
        again = prepare(
            tmp_path / "deep" / "out" / source, tmp_path / "again", kind=kind, as_crops=True, size=120,
            workers=1, report=False, names="exact", **more,
        )  # fmt: skip
        ours, theirs = (
            {row["crop_sha256"]: (row["identity"], row["split"]) for row in made.table("classes").to_pylist()}
            for made in (hostile, again)
        )
        assert {who for who, _ in ours.values()} == set(NAMES)
        assert theirs == ours

    def test_coco_holds_every_name(self, hostile: PreparedSet, faces: PreparedSet, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="has no boxes"):
            export_set(hostile, tmp_path / "out", to="coco")
        rows = ["path,identity"]
        for at, name in enumerate(NAMES):
            write_marked(tmp_path / "photos" / f"{at}.png", seed=at)
            rows.append(f'{at}.png,"{name}"'.replace('a"b', 'a""b'))
        (tmp_path / "photos" / "t.csv").write_text("\n".join(rows), encoding="utf-8", newline="\n")
        with inline():
            made = prepare_marked(
                tmp_path / "photos" / "t.csv", tmp_path / "faces", kind="table", size=64, report=False,
                names="exact",
            )  # fmt: skip
        export_set(made, tmp_path / "out", to="coco")
        found = {
            face["attributes"]["identity"]
            for file in (tmp_path / "out").rglob("t*.json")
            for face in json.loads(file.read_text(encoding="utf-8"))["annotations"]
        }
        assert found == set(NAMES)


def test_no_export_of_plain_files_needs_torch(faces: PreparedSet, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from facedata.cli import main\n"
        f"for to in {FORMATS}:\n"
        f"    assert main(['export', {str(faces)!r}, '--to', to, '--out', sys.argv[1] + to]) == 0\n"
        "heavy = {'torch', 'datasets', 'facenet_pytorch', 'torchvision'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "to-")], check=True, capture_output=True)
