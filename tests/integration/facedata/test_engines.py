"""Real Dask and Ray clusters of two workers on loopback make the bytes that this machine makes alone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facedata import prepare
from facedata.testing import CrashingDetector, MarkedFace, marked_folder, marked_image
from tests.support.command_line import Finished
from tests.support.facedata_command import done, run, start
from tests.support.footprints import Footprints
from tests.support.marked_photos import prepare_marked
from tests.support.processes import ROOT, finish, wait_for
from tests.support.set_bytes import events, set_bytes

pytest.importorskip("distributed", reason="the extra facedata[dask] is not installed")

SIZE = ("--size", "64")
CRASHING = "from facedata.testing import CrashingDetector as factory"
IMPATIENT = {
    name: f"from facedata.work.cluster import on_{name} as engine; engine._CONNECT_S = 0.5"
    for name in ("dask", "ray")
}
"""Statements that shorten how long an address is tried."""
ADDRESS = re.compile(r"Scheduler at: +(tcp://[\d.:]+)")
RAY_ENVIRONMENT = {
    # a secret that its processes share: Ray wants one, and would else leave it in the home folder
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "5eed" * 16,
    "RAY_USAGE_STATS_ENABLED": "0",
}


@pytest.fixture
def footprints(tmp_path: Path) -> Footprints:
    folder = tmp_path / "footprints"
    folder.mkdir()
    return Footprints(folder, 0.005)


@contextmanager
def background(
    command: Sequence[object], log: Path, python: object = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m`` something in a group of its own until the block ends."""
    environment = {
        **os.environ,
        **RAY_ENVIRONMENT,
        "PYTHONPATH": "" if python != sys.executable else str(ROOT),
    }
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(word) for word in [python, "-m", *command]],
            stdout=stream, stderr=stream, env=environment, cwd=log.parent, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_text(log: Path, pattern: str | re.Pattern[str]) -> re.Match[str]:
    """Return what a log says, once it does."""
    wait_for(lambda: re.search(pattern, log.read_text()) is not None)
    found = re.search(pattern, log.read_text())
    assert found
    return found


@contextmanager
def dask_scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a scheduler; yield its address and process."""
    log = folder / "scheduler.log"
    command = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard"]
    with background(command, log) as process:
        yield wait_for_text(log, ADDRESS)[1], process


@contextmanager
def dask_cluster(folder: Path, python: object = sys.executable, workers: int = 2) -> Iterator[str]:
    """Run a scheduler and workers; yield its address."""
    with ExitStack() as stack:
        address, _ = stack.enter_context(dask_scheduler(folder))
        logs = [folder / f"worker-{number}.log" for number in range(workers)]
        worker = ["distributed.cli.dask_worker", address, "--nthreads", 1, "--no-dashboard"]
        for log in logs:
            stack.enter_context(background(worker, log, python))
        for log in logs:
            wait_for_text(log, "Registered to")
        yield address


@contextmanager
def ray_cluster(folder: Path, python: object = sys.executable, nodes: int = 2) -> Iterator[str]:
    """Run nodes of one CPU each; yield the head's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = ["ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--include-dashboard=false"]
    with ExitStack() as stack:
        home = tempfile.mkdtemp(prefix="ray-")  # sockets lie in it, whose paths must be short
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        head = [*common, "--head", f"--port={port}", f"--temp-dir={home}"]
        heads = [head, *[[*common[:4], f"--address=127.0.0.1:{port}"]] * (nodes - 1)]
        logs = [folder / f"node-{number}.log" for number in range(nodes)]
        for command, log in zip(heads, logs, strict=True):
            stack.enter_context(background(command, log, python))
        for log in logs:
            wait_for_text(log, "Ray runtime started")
        yield f"127.0.0.1:{port}"


CLUSTERS: dict[str, Callable[..., Any]] = {"dask": dask_cluster, "ray": ray_cluster}


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[object]]:
    """Options that name a running cluster of two workers; the tests of this module share it."""
    name = str(request.param)
    pytest.importorskip(name, reason=f"the extra facedata[{name}] is not installed")
    with CLUSTERS[name](tmp_path_factory.mktemp(name)) as address:
        yield ["--engine", name, "--address", address]


@pytest.fixture(autouse=True)
def _ray_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RAY_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten people with thirty photos each, which are five shards; and their set, made by this process."""
    folder = tmp_path_factory.mktemp("many")
    marked_folder(folder / "photos", people=10, photos=30)
    prepare_marked(folder / "photos", folder / "set", size=64)
    return folder / "photos", folder / "set"


def prepared(photos: Path, out: Path, *options: object, **how: Any) -> Finished:
    """Run prepare, which must succeed."""
    finished = run("prepare", "folder", photos, "--out", out, *SIZE, *map(str, options), **how)
    assert finished.status == 0, finished.stderr
    return finished


def test_a_cluster_makes_the_same_bytes(
    cluster: list[object], many: tuple[Path, Path], tmp_path: Path, footprints: Footprints
) -> None:
    photos, alone = many
    finished = prepared(photos, tmp_path / "set", *cluster, detector=footprints.statement)
    assert set_bytes(tmp_path / "set") == set_bytes(alone)
    assert finished.stderr == ""
    assert len(footprints.pids()) == 2
    log = {event["event"]: event for event in events(tmp_path / "set")}
    assert log["start"]["engine"] == cluster[1]
    assert (log["cluster"]["address"], log["cluster"]["workers"]) == (cluster[3], 2)
    assert log["start"]["pid"] not in footprints.pids()


@pytest.mark.parametrize("cluster", ["dask"], indirect=True, scope="module")
def test_workers_need_not_see_the_output_nor_share_a_working_folder(
    cluster: list[object], many: tuple[Path, Path], tmp_path: Path
) -> None:
    """The source and the output are named below this process's folder, where no worker stands."""
    photos, alone = many
    go = f"import os; os.chdir({str(photos.parent)!r})"
    out = tmp_path / "set"
    prepared(Path(photos.name), Path(os.path.relpath(out, photos.parent)), *cluster, before=go)
    named, there = set_bytes(out), set_bytes(alone)
    # what was typed as the source stands in it
    assert named.pop("dataset.json") != there.pop("dataset.json")
    assert named == there


def test_a_run_survives_the_death_of_a_worker(
    cluster: list[object], many: tuple[Path, Path], tmp_path: Path, footprints: Footprints
) -> None:
    photos, alone = many
    out = tmp_path / "set"
    slow = Footprints(footprints.folder, 0.02)  # a worker takes seconds to be replaced
    arguments = ["prepare", "folder", photos, "--out", out, *SIZE, *map(str, cluster)]
    process = start(*arguments, detector=slow.statement)
    parts = out / ".work" / "parts"
    wait_for(lambda: process.poll() is not None or len([*parts.glob("[!.]*")] if parts.is_dir() else []) > 0)
    assert process.poll() is None, finish(process)
    os.kill(footprints.pids()[0], signal.SIGKILL)
    finished = finish(process)
    assert finished.status == 0, finished.stderr
    assert set_bytes(out) == set_bytes(alone)
    assert len(footprints.pids()) > 2  # the one that was killed has been replaced


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three shards of photos, one of which kills its worker; and their set, made by this machine."""
    folder = tmp_path_factory.mktemp("deadly")
    marked_folder(folder / "photos", people=10, photos=14)
    photo = marked_image(120, 110, [MarkedFace((10, 10, 60, 70))], behaviour="crash")
    Image.fromarray(photo).save(folder / "photos" / "person-03" / "deadly.png")
    prepare(folder / "photos", folder / "set", detector=CrashingDetector, workers=1, size=64)
    return folder / "photos", folder / "set"


def test_a_photo_that_kills_its_worker_gets_its_row(
    cluster: list[object], deadly: tuple[Path, Path], tmp_path: Path
) -> None:
    photos, alone = deadly
    prepared(photos, tmp_path / "set", *cluster, detector=CRASHING)
    assert set_bytes(tmp_path / "set") == set_bytes(alone)
    assert events(tmp_path / "set")[-1]["status"] == {"failed": 1, "kept": 140}


# Ray's takes twenty seconds to start and end, and guards no data
@pytest.mark.parametrize("engine", ["dask", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_cluster_is_started_and_ended_when_no_address_is_named(
    engine: str, many: tuple[Path, Path], tmp_path: Path, footprints: Footprints
) -> None:
    pytest.importorskip(engine)
    photos, alone = many
    prepared(photos, tmp_path / "set", "--engine", engine, "--workers", 2, detector=footprints.statement)
    assert set_bytes(tmp_path / "set") == set_bytes(alone)
    assert len(footprints.pids()) == 2
    # Ray asks its workers to end, and does not wait for them
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in footprints.pids()))


@pytest.mark.parametrize(
    ("engine", "listens"), [("dask", False), ("dask", True), ("ray", False), ("ray", True)]
)
def test_an_address_where_no_cluster_answers_is_said_in_one_line(
    engine: str, listens: bool, many: tuple[Path, Path], tmp_path: Path
) -> None:
    pytest.importorskip(engine)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "{}:{}".format(*server.getsockname())
        if not listens:
            server.close()
        before = time.monotonic()
        finished = run(
            "prepare", "folder", many[0], "--out", tmp_path / "set", "--engine", engine, "--address", address,
            before=IMPATIENT[engine],
        )  # fmt: skip
    assert time.monotonic() - before < 40
    assert finished.status == 1
    assert f"answers at {address}" in finished.error


def test_a_scheduler_that_goes_away_is_said_in_one_line(
    many: tuple[Path, Path], tmp_path: Path, footprints: Footprints
) -> None:
    slow = Footprints(footprints.folder, 0.05)
    worker = ["distributed.cli.dask_worker", "--nthreads", 1, "--no-dashboard"]
    with (
        dask_scheduler(tmp_path) as (address, scheduler),
        background([*worker, address, "--death-timeout", 5], tmp_path / "worker.log"),
    ):
        arguments = ["prepare", "folder", many[0], "--out", tmp_path / "set", *SIZE]
        process = start(*arguments, "--engine", "dask", "--address", address, detector=slow.statement)
        wait_for(lambda: process.poll() is not None or bool(slow.pids()))
        scheduler.kill()
        finished = finish(process)
    assert finished.status == 1
    assert f"the Dask cluster at {address} failed" in finished.error
    assert "run the same command again to continue" in finished.error


@pytest.fixture(scope="module")
def python_without_facedata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own that has all this one has, but for this package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for there in {Path(path) for path in sys.path if path.endswith("site-packages")}:
        for entry in there.iterdir():
            if not re.match(r"facedata|__editable__|_virtualenv|.*\.pth$", entry.name):
                (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_a_worker_without_the_package_is_named(
    engine: str, python_without_facedata: Path, many: tuple[Path, Path], tmp_path: Path
) -> None:
    pytest.importorskip(engine)
    # Ray lets its workers import from the folder this process stands in
    away = f"import os; os.chdir({str(tmp_path)!r})"
    with CLUSTERS[engine](tmp_path, python_without_facedata, 1) as address:
        options = ["--engine", engine, "--address", address]
        finished = run("prepare", "folder", many[0], "--out", tmp_path / "set", *options, before=away)
    assert finished.status == 1
    worker = r"tcp://127\.0\.0\.1:\d+" if engine == "dask" else r"[\d.]+:\d+"
    wanted = rf"worker {worker} \(host {re.escape(socket.gethostname())}\) has no module facedata: "
    assert re.search(
        wanted + rf"pip install facedata=={re.escape(version('facedata'))} there", finished.error
    )


@pytest.mark.parametrize(("engine", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_an_engine_that_is_not_installed_is_said_in_one_line(
    engine: str, module: str, many: tuple[Path, Path], tmp_path: Path
) -> None:
    absent = f"import sys; sys.modules[{module!r}] = None"
    finished = run("prepare", "folder", many[0], "--out", tmp_path / "set", "--engine", engine, before=absent)
    assert finished.status == 1
    assert f"--engine {engine} needs the extra facedata[{engine}]" in finished.error


def test_ctrl_c_ends_a_cluster_of_our_own(
    many: tuple[Path, Path], tmp_path: Path, footprints: Footprints
) -> None:
    photos, alone = many
    out = tmp_path / "set"
    slow = Footprints(footprints.folder, 0.02)
    arguments = ["prepare", "folder", photos, "--out", out, *SIZE, "--engine", "dask", "--workers", "2"]
    process = start(*arguments, detector=slow.statement)
    wait_for(lambda: process.poll() is not None or len(slow.pids()) == 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    stopped = finish(process)
    assert stopped.status == 130, stopped.stderr
    assert stopped.stderr == "facedata: stopped; run the same command again to continue\n"
    assert not [pid for pid in slow.pids() if Path(f"/proc/{pid}").exists()]
    # on another engine: it is no part of the settings
    done("prepare", "folder", photos, "--out", out, *SIZE, "--workers", 1)
    assert set_bytes(out) == set_bytes(alone)
