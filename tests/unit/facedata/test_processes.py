"""A pool of real processes: what goes to them and comes back, and what happens when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from facedata.processes import ONE_THREAD, ProcessPool, WorkerDiedError, start_ahead
from facedata.types import UInt8Image
from tests.support.processes import wait_for


def _environment(name: str) -> str | None:
    return os.environ.get(name)


def _die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_have_one_thread_each() -> None:
    with ProcessPool(1) as pool:
        assert list(pool.map(_environment, ONE_THREAD)) == list(ONE_THREAD.values())


def test_a_process_that_dies_is_noticed() -> None:
    with pytest.raises(WorkerDiedError), ProcessPool(1) as pool:
        list(pool.map(_die, [None]))


def _pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _workers() -> set[int]:
    """The workers of this process."""
    children = psutil.Process().children()
    return {child.pid for child in children if "resource_tracker" not in "".join(child.cmdline())}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_pool_takes_the_worker_that_was_started_ahead(workers: int) -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        (early,) = _workers() - before
        with ProcessPool(workers) as pool:
            pids = list(pool.map(_pid_after, [0.2] * 4 * workers))
        with ProcessPool(1) as pool:
            later = set(pool.map(_pid_after, [0]))
    assert len(pids) == 4 * workers
    assert early in pids
    assert len({*pids}) <= workers
    assert early not in later, "it served the first pool"
    assert _workers() == before


def test_a_worker_that_was_started_in_vain_ends() -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        assert len(_workers() - before) == 1
    assert _workers() == before


def test_a_worker_that_died_before_it_was_needed_is_noticed() -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        (early,) = _workers() - before
        os.kill(early, signal.SIGKILL)
        with pytest.raises(WorkerDiedError), ProcessPool(2) as pool:
            list(pool.map(_pid_after, [0.1] * 8))
    assert _workers() == before


def _reverse(array: UInt8Image) -> UInt8Image:
    return array[::-1]


def test_jobs_and_results_may_be_larger_than_a_socket_holds() -> None:
    """Each end would wait for the other to read."""
    arrays = [np.full(5_000_000, value, np.uint8) for value in range(6)]
    with ProcessPool(2) as pool:
        found = sorted(int(array[0]) for array in pool.map(_reverse, arrays))
    assert found == [0, 1, 2, 3, 4, 5]


def test_a_map_that_was_left_early_gives_no_result_to_the_next() -> None:
    with ProcessPool(1) as pool:
        next(pool.map(abs, [-1, -2, -3]))
        with pytest.raises(RuntimeError, match="open another pool"):
            next(pool.map(abs, [-4]))


def _close_stdout(value: int) -> int:
    sys.stdout.close()
    return value


def test_a_job_may_close_stdout() -> None:
    with ProcessPool(1) as pool:
        assert list(pool.map(_close_stdout, [1, 2])) == [1, 2]


def _leave(_: object) -> None:
    sys.exit(0)


def test_sys_exit_in_a_job_ends_no_program() -> None:
    with pytest.raises(RuntimeError, match="SystemExit: 0"), ProcessPool(1) as pool:
        list(pool.map(_leave, [None]))


def _leave_a_child(how: str) -> None:
    if how == "program":
        subprocess.Popen(["sleep", "60"])
    elif os.fork() == 0:
        time.sleep(60)
    os._exit(3)


@pytest.mark.parametrize("how", ["program", "fork"])
def test_a_dead_worker_is_noticed_though_its_child_lives(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEDATA_LEFT", str(os.getpid()))
    started = time.perf_counter()
    try:
        with pytest.raises(WorkerDiedError, match="ended with exit status 3"), ProcessPool(1) as pool:
            list(pool.map(_leave_a_child, [how]))
        assert time.perf_counter() - started < 30
    finally:
        for process in psutil.process_iter(["environ"]):
            marked = (process.info["environ"] or {}).get("FACEDATA_LEFT") == str(os.getpid())
            if marked and process.pid != os.getpid():
                process.kill()


class _OwnError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def _fail(what: str) -> None:
    if what == "own":
        raise _OwnError("this", "that")
    raise FileNotFoundError(2, "there is nothing", what)


def test_what_a_job_raises_is_raised_here_with_its_place_in_the_worker() -> None:
    with pytest.raises(FileNotFoundError, match="there is nothing") as raised, ProcessPool(1) as pool:
        list(pool.map(_fail, ["photo.jpg"]))
    assert raised.value.filename == "photo.jpg"
    assert "in _fail" in str(raised.value.__cause__)


def test_an_error_that_cannot_be_sent_is_described() -> None:
    with pytest.raises(RuntimeError, match="_OwnError: this and that"), ProcessPool(1) as pool:
        list(pool.map(_fail, ["own"]))


def test_a_pool_goes_on_after_a_job_that_failed() -> None:
    with ProcessPool(1) as pool:
        with pytest.raises(FileNotFoundError):
            next(pool.map(_fail, ["photo.jpg"]))
        assert list(pool.map(abs, [-3])) == [3]


def test_a_pool_that_is_left_early_ends_its_workers_at_once() -> None:
    before, started = _workers(), time.perf_counter()
    with ProcessPool(1) as pool:
        next(pool.map(time.sleep, [0, 60]))
    assert _workers() == before
    assert time.perf_counter() - started < 30


_SCRIPT = """
import sys, time
from pathlib import Path
from facedata.processes import ProcessPool
Path("seen").open("a").write("x")
factor = 3
class Scale:
    def __call__(self, value):
        print("in the worker", value)
        return factor * value
class Broken(Exception):
    pass
def fail(value):
    raise Broken(value)
with ProcessPool(1) as pool:
    print(*pool.map(Scale(), [1, 2]), *pool.map(lambda value: value + factor, [4]))
    (scale,) = pool.map(lambda _: Scale(), [0])
    print(isinstance(scale, Scale))
    try:
        next(pool.map(fail, ["no"]))
    except Broken as error:
        print("broken", error)
"""


def test_a_script_gives_what_it_defines_and_runs_once(tmp_path: Path) -> None:
    """It has no `if __name__ == "__main__"`, as scripts and notebooks have none."""
    (tmp_path / "script.py").write_text(_SCRIPT, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    printed = ["in the worker 1", "in the worker 2", "3 6 7", "True", "broken no"]
    assert ended.stdout.splitlines() == printed
    assert (tmp_path / "seen").read_text() == "x"


_PRINTING = """
import sys
from facedata.processes import ProcessPool
def work(value):
    print("said")
    return value
with ProcessPool(2) as pool:
    open(sys.argv[1], "w").write(repr(sorted(pool.map(work, range(5)))))
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_sockets(closed: str, tmp_path: Path) -> None:
    command = f'exec "$0" -c "$1" "$2" {closed}'
    arguments = ["sh", "-c", command, sys.executable, _PRINTING, str(tmp_path / "found")]
    assert subprocess.run(arguments, timeout=60).returncode == 0
    assert (tmp_path / "found").read_text() == "[0, 1, 2, 3, 4]"


_PARENT = """
import os, sys, time
from facedata.processes import ProcessPool
with ProcessPool(2) as pool:
    for _ in pool.map(time.sleep, [0, 60, 60]):
        if sys.argv[1] == "forks" and os.fork() == 0:
            os.close(1)
            time.sleep(60)
            os._exit(0)
        print("at work", flush=True)
"""


@pytest.mark.parametrize("how", ["plain", "forks"])
def test_no_worker_outlives_its_parent(how: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT, how], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "at work\n"
        children = psutil.Process(parent.pid).children()
        workers = [child for child in children if "import serve" in "".join(child.cmdline())]
        assert len(workers) == 2
        parent.kill()
    wait_for(lambda: not any(worker.is_running() for worker in workers))
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
