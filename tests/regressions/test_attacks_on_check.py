"""What somebody found who set out to break ``check`` and ``fix``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import facedata
import facemodel
from facedata.errors import LockedError, UsageError
from facedata.files.locks import locked
from facedata.sets.prepared import PreparedSet
from tests.support.colour_people import people
from tests.support.facedata_command import done, here


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("faces")
    photos = people(folder / "photos")
    done("prepare", "folder", photos, "--out", folder / "set", "--size", "64", "--splits", "train=1")
    return PreparedSet(folder / "set")


HEADER = "action,photo,identity,to_identity,note\n"

READ_A_TABLE = """
import os, sys
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from facedata.tables.parquet import read_blocks, read_table

pa.set_io_thread_count(1)
pq.ParquetFile(Path(sys.argv[1])).read(use_threads=False)  # starts the one that reads ahead
before = len(os.listdir("/proc/self/task"))
read_table(Path(sys.argv[1]), "classes")
list(read_blocks(Path(sys.argv[1])))
print(len(os.listdir("/proc/self/task")) - before)
"""

INTERRUPTED_IMPORT = """
import sys
from facedata import flags

def run(parsed):
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as stop:
        raise ImportError("initialization failed") from stop

parser = flags.argparse.ArgumentParser(prog="facedata")
parser.set_defaults(run=run, verbose=False)
sys.exit(flags.run_command(parser, []))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_small_table_is_read_without_threads(faces: PreparedSet) -> None:
    """Arrow's threads gave the file's bytes back while Python exited: one `fix` in six ended with 134."""
    command = [sys.executable, "-c", READ_A_TABLE, str(faces.path / "classes.parquet")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "0\n"


def test_ctrl_c_while_a_compiled_module_starts_is_a_stop() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, check=False
    )
    assert finished.stderr == "facedata: stopped; run the same command again to continue\n"
    assert finished.returncode == 130


@pytest.mark.parametrize("text", [b'{"kind": "my own"}', b"[]", b"not JSON"])
def test_the_users_own_summary_is_not_overwritten(faces: PreparedSet, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "summary.json"
    file.write_bytes(text)
    finished = here("check", faces.path, "--out", tmp_path)
    assert finished.status == 2
    assert "would be overwritten: choose another --out" in finished.error
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"summary.json": text}


def test_a_folder_of_an_earlier_check_is_used_again(faces: PreparedSet, tmp_path: Path) -> None:
    for _ in range(2):
        facedata.check(faces, out=tmp_path, workers=1)
    assert json.loads((tmp_path / "summary.json").read_bytes())["kind"] == "facedata check"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('Smith, "Bob"/1.jpg', 'a field goes on after its closing quote: in a field in quotes, write ""'),
        ('"Smith/1.jpg', "a quote opens a field here, and none closes it"),
    ],
)
def test_wrong_quotes_are_said_in_words(faces: PreparedSet, tmp_path: Path, cell: str, said: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"{HEADER}drop,{cell},,,\n", encoding="utf-8")
    error = here("fix", faces.path, file, "--out", tmp_path / "out").error
    assert f"mine.csv, line 2: {said}" in error
    assert "--corrections" not in error  # `fix` has no such option


def test_names_with_line_ends_do_not_break_what_fix_prints(tmp_path: Path) -> None:
    photos = people(tmp_path / "photos", {"an\n\x1b[2Jna": (200, 40, 40), "bea": (40, 200, 40)})
    done("prepare", "folder", photos, "--out", tmp_path / "set", "--size", "64", "--splits", "train=1")
    record = PreparedSet(tmp_path / "set").table("classes").column("photo")[0].as_py()
    assert "\n" in record
    file = tmp_path / "mine.csv"
    file.write_text(f'{HEADER}drop,"{record}",,,\n', encoding="utf-8", newline="")
    printed = done("fix", tmp_path / "set", file, "--out", tmp_path / "fixed").stdout
    assert "\x1b" not in printed
    assert printed.splitlines()[1].strip().startswith(r"an\n\x1b[2Jna/")


def test_a_reader_of_a_set_that_is_made_is_not_told_to_choose_out(faces: PreparedSet, tmp_path: Path) -> None:
    with locked(Path(str(faces.path))), pytest.raises(LockedError) as caught:
        facedata.check(faces, out=tmp_path)
    assert str(caught.value) == f"another run is working on {faces.path}: wait for it"


def test_in_python_the_set_comes_first(faces: PreparedSet, tmp_path: Path) -> None:
    (net := tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="the set comes first"):
        facemodel.check(net, str(faces.path))


def test_decisions_about_nothing_in_the_set_are_said(
    faces: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt ``keep`` settled nothing, silently."""
    photo = str(faces.table("classes").column("photo")[0])
    (tmp_path / "corrections.csv").write_text(f"{HEADER}keep,{photo},,,\nkeep,amy/typo.jpg,,,\n", "utf-8")
    facedata.check(faces, out=tmp_path)
    (line,) = [one for one in caplog.messages if "settle nothing" in one]
    assert line.startswith(
        "1 of your lines in corrections.csv have a photo or person that the set does not have"
    )
    assert "amy/typo.jpg" in line
