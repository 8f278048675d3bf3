"""The command line: help, options, JSON, exit statuses, Ctrl-C."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import struct
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from facedata import CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig, open_set, prepare
from facedata.cli import main
from facedata.options import Options
from facedata.testing import FakeDetector, marked_folder
from tests.support.command_line import Finished
from tests.support.facedata_command import SMALL, done, here, run, start
from tests.support.gates import Gate
from tests.support.processes import finish, wait_for
from tests.support.set_bytes import set_bytes

_CONFIGS: dict[str, type[Options]] = {
    "prepare": PrepareConfig,
    "split": SplitConfig,
    "pairs": PairsConfig,
    "triplets": TripletsConfig,
    "crop": CropConfig,
}
_OPTIONS: dict[str, Any] = {
    "size": 48, "min_score": 0.5, "min_face": 30.0, "margin": 0.25, "face": "center", "seed": 7,
    "splits": "train=0.5,val=0.25,test=0.25", "pairs": "12", "triplets_per_photo": 3, "max_per_person": 5,
    "stable": True, "licence": "ours", "workers": 1, "min_photos": 2, "reference": "*0.png",
}  # fmt: skip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    return tmp_path / "photos"


def _flags(options: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        words += [flag] if value is True else [flag, str(value)]
    return words


@pytest.mark.parametrize("command", [None, "prepare", "split", "pairs", "triplets", "crop", "info"])
def test_help_succeeds_on_stdout(command: str | None) -> None:
    finished = here(*([command] if command else []), "--help")
    assert (finished.status, finished.stderr) == (0, "")
    assert finished.stdout.startswith("usage: facedata")
    assert command is not None or all(name in finished.stdout for name in [*_CONFIGS, "info"])


@pytest.mark.parametrize("command", _CONFIGS)
def test_help_names_every_option_with_its_meaning(command: str) -> None:
    text = here(command, "--help").stdout
    flat = " ".join(text.split()).replace("- ", "-")  # argparse breaks lines, also at hyphens
    for field in dataclasses.fields(_CONFIGS[command]):  # type: ignore[arg-type]  # every Options is one
        if field.name != "kind":
            assert f"--{field.name.replace('_', '-')}" in text
        assert field.metadata["text"].replace("- ", "-") in flat
    assert "--json" in text
    assert "--config" in text


def test_flags_a_file_and_a_call_say_the_same_things(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text(PrepareConfig(**_OPTIONS).to_toml())
    common = ("prepare", "folder", photos, "--out")
    done(*common, tmp_path / "flags", *_flags(_OPTIONS))
    done(*common, tmp_path / "file", "--config", tmp_path / "options.toml")
    prepare(photos, tmp_path / "call", detector=FakeDetector, **_OPTIONS)
    info = open_set(tmp_path / "flags").info
    assert {name: info["settings"][name] for name in _OPTIONS if name in info["settings"]} == {
        name: value for name, value in _OPTIONS.items() if name not in ("licence", "workers")
    }
    assert info["licence"] == "ours"
    assert set_bytes(tmp_path / "flags") == set_bytes(tmp_path / "file") == set_bytes(tmp_path / "call")


def test_flags_win_over_the_file(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "options.toml").write_text("size = 32\nseed = 3\n")
    out = tmp_path / "faces"
    done("prepare", "folder", photos, "--out", out, "--config", tmp_path / "options.toml", "--size", "48")
    assert {name: open_set(out).info["settings"][name] for name in ("size", "seed")} == {
        "size": 48,
        "seed": 3,
    }


def test_a_source_may_be_named_by_an_option(photos: Path, tmp_path: Path) -> None:
    done("prepare", "folder", "--source", f"mine={photos}", "--out", tmp_path / "faces", *SMALL)
    records = open_set(tmp_path / "faces").table("photos").column("record").to_pylist()
    assert len(records) == 12
    assert all(record.startswith("mine/person-") for record in records)


def test_json_is_all_there_is_on_stdout(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    prepared = json.loads(done("prepare", "folder", photos, "--out", out, *SMALL, "--json").stdout)
    assert prepared == json.loads((out / "dataset.json").read_text())
    assert json.loads(done("info", out, "--json").stdout) == prepared
    for command, option in (("pairs", "--seed=1"), ("triplets", "--per-photo=2"), ("split", "--seed=2")):
        counts = json.loads(done(command, out, option, "--json").stdout)
        assert counts == open_set(out).info["counts"]


def test_the_summary_names_what_was_found_kept_and_made(photos: Path, tmp_path: Path) -> None:
    (photos / "person-00" / "00.png").write_bytes(b"no photo")
    lines = done("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL).stdout.splitlines()
    words = [line.split() for line in lines]
    assert words[0][:2] == ["found", "12"]
    assert words[1][:3] == ["kept", "11", "91.7%"]  # rounded
    assert words[2] == ["rejected", "1", "unreadable"]
    assert {line[0] for line in words} >= {"people", "train", "test", "set"}
    (people,) = (line for line in words if line[0] == "people")
    assert " ".join(people[1:]) == "4 with 2 to 3 photos, median 3"
    assert str(tmp_path / "faces") in lines[-1]


def test_a_pipe_gets_no_progress_bar(photos: Path, tmp_path: Path) -> None:
    finished = run("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    assert (finished.status, finished.stderr) == (0, "")
    assert "\r" not in finished.stdout


def _all_of(terminal: int) -> str:
    """Read a terminal until nobody holds its other end."""
    with os.fdopen(terminal, "rb", buffering=0) as file:
        shown = b""
        with contextlib.suppress(OSError):  # so Linux says that it is closed
            while block := file.read(4096):
                shown += block
    return shown.decode()


def test_a_terminal_gets_a_progress_bar(photos: Path, tmp_path: Path) -> None:
    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))  # 24 lines of 120
    process = start("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL, stderr=inner)
    os.close(inner)
    shown = _all_of(outer)
    assert finish(process).status == 0
    assert "12/12" in shown
    assert "kept=12, rejected=0" in shown


def test_a_reader_that_goes_away_is_no_traceback(photos: Path, tmp_path: Path) -> None:
    process = start("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert process.wait() in (0, 1)
    assert open_set(tmp_path / "faces").table("photos").num_rows == 12
    process.stderr.close()


def test_no_command_is_wrong_use() -> None:
    assert here().status == 2
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2


def _many_photos(folder: Path) -> None:
    marked_folder(folder, people=4, photos=18)  # 72: two shards, and the second one short


def test_ctrl_c_ends_soon_without_a_traceback_and_a_rerun_finishes(tmp_path: Path) -> None:
    _many_photos(tmp_path / "photos")
    (tmp_path / "gate").mkdir()
    gate = Gate(tmp_path / "gate", passes=1)  # the first shard is one batch
    command = ("prepare", "folder", tmp_path / "photos", *SMALL, "--out")
    process = start(*command, tmp_path / "faces", detector=gate.statement)
    gate.wait_until_reached(process)
    before = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    stopped = finish(process)
    assert time.monotonic() - before < 10
    assert stopped.status == 130
    assert _stopped_lines(stopped) == ["facedata: stopped; run the same command again to continue"]
    assert len(list((tmp_path / "faces" / ".work" / "parts").iterdir())) == 1
    done(*command, tmp_path / "faces")
    done(*command, tmp_path / "fresh")
    assert set_bytes(tmp_path / "faces") == set_bytes(tmp_path / "fresh")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a process's signals are read in /proc")
def test_workers_are_deaf_to_ctrl_c_from_their_first_moment(photos: Path, tmp_path: Path) -> None:
    """A worker interrupted while it is still importing would show the user a traceback."""
    process = start("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    wait_for(lambda: bool(_workers(process.pid)) or process.poll() is not None)
    status = dict(line.split(":\t", 1) for line in _status_of(_workers(process.pid)[0]).splitlines())
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process).status == 130
    deaf_to = int(status["SigBlk"], 16) | int(status["SigIgn"], 16)
    assert deaf_to >> (signal.SIGINT - 1) & 1


def _workers(pid: int) -> list[int]:
    """Return the children that run a worker's program by now."""
    children = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for found in children for child in found if "import serve" in _command(child)]


def _command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def _stopped_lines(stopped: Finished) -> list[str]:
    """Return what was said to the user."""
    assert stopped.stdout == ""
    assert "Traceback" not in stopped.stderr, stopped.stderr
    return [line for line in stopped.stderr.splitlines() if line.startswith("facedata")]
