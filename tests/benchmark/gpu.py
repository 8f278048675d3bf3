"""Print what a GPU does with all of this, as Markdown, in under eight minutes.

    make bench-gpu
    python -m tests.benchmark.gpu --parts fit head     some rows only: fit, embed, mining, head, prepare …
    python -m tests.benchmark.gpu --device cpu --small that it runs at all, where there is no GPU

It needs no data and no network: the crops are painted. docs/gpu.md says how to carry it to a machine that can
fetch nothing. Files are in the page cache, since they have just been written. A row that fails says why, and
the others are measured all the same; the exit status is then 1, as where a row is missed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from facedata import ClassManifest, prepare
from facedata.painted import paint
from facemodel.batches.reader import CropReader, read_batches
from facemodel.errors import DeviceError
from facemodel.machine.cores import own_cores
from facemodel.machine.devices import choose_device
from facemodel.mining.whole_set import Comparison, nearest_others
from facemodel.models.embed_crops import embed_rows, split_batches
from facemodel.models.embedder import TorchEmbedder
from tests.benchmark.gpu_rows.painted_set import encode_crops, write_crops
from tests.benchmark.gpu_rows.prepare_rate import measure_rate, read_photos
from tests.benchmark.gpu_rows.steps import Sizes, make_trainer, time_steps, wait_for


class Row(NamedTuple):
    """A figure; ``good`` is None where nothing is wanted of it, or it was not taken at its full size."""

    what: str
    found: str
    wanted: str = ""
    good: bool | None = None


class Bench:
    """The parts, and what they share.

    Args:
        asked: the options.
        folder: for the crops.
    """

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.device, self.folder, self.small = choose_device(asked.device), folder, bool(asked.small)
        if self.small:
            self.sizes = Sizes("resnet18", 32, 40, 16, 4, asked.precision or "fp32", asked.compile)
        else:
            precision = asked.precision or "bf16"
            self.sizes = Sizes("resnet50", 112, 10_000, 512, asked.steps, precision, asked.compile)
        self.counts = self.device.type == "cuda" and not self.small
        self._classes: ClassManifest | None = None

    @property
    def classes(self) -> ClassManifest:
        """The crops: two or more of each person."""
        if self._classes is None:
            started = time.perf_counter()
            self._classes = write_crops(self.folder / "faces", self.sizes.people, 2, self.sizes.size_px)
            size = float(np.mean(self._classes.table.column("length").to_numpy())) / 1000
            spent = time.perf_counter() - started
            print(f"{len(self._classes):,} crops of {size:.1f} KB in the mean, painted in {spent:.0f} s\n")
        return self._classes

    def row(self, what: str, found: float, unit: str, least: float | None = None) -> Row:
        """Return a row of which at least so much is wanted; on a GPU and at full size only."""
        text = f"{found:.3f}" if not unit else f"{found:,.0f}{unit}" if found >= 20 else f"{found:.2f}{unit}"
        if least is None or not self.counts:
            return Row(what, text)
        return Row(what, text, f"≥ {least:g}{unit}", found >= least)

    def fit(self) -> Iterator[Row]:
        """Training with the loader, and with a batch that is on the card."""
        sizes, rows = self.sizes, np.random.default_rng(0).permutation(len(self.classes))
        trainer = make_trainer(self.classes, sizes, self.device)
        with CropReader(self.classes) as reader:
            pairs = [
                (time_steps(trainer, rows, sizes, reader), time_steps(trainer, rows, sizes, None))
                for _ in range(1 if self.small else 3)
            ]
            yield from self._reading(reader, rows)
        loader, tensors = (
            statistics.median(one.photos_s for one in some) for some in zip(*pairs, strict=True)
        )
        ratio = statistics.median(one.photos_s / other.photos_s for one, other in pairs)
        name = f"{sizes.backbone}, {sizes.size_px} px, {sizes.precision}, {sizes.people:,} people"
        yield self.row(f"fit, end to end ({name}, batch {sizes.batch})", loader, " photos/s", 4000)
        yield self.row("fit, the same batch on the device over and over", tensors, " photos/s")
        yield self.row("with the loader ÷ on the device, median of the rounds", ratio, "", 0.9)
        spent = [1e6 * statistics.median(one.cpu_s for one in some) for some in zip(*pairs, strict=True)]
        yield Row(
            "processor time a photo, with the loader and without", "{:,.0f} and {:,.0f} µs".format(*spent)
        )
        yield self.row("the same as a ratio: without ÷ with the loader", spent[1] / spent[0], "")
        if self.device.type == "cuda":
            yield Row("memory, most", f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB")

    def _reading(
        self, reader: CropReader, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    ) -> Iterator[Row]:
        started = time.perf_counter()
        for _ in read_batches(reader, split_batches(rows, self.sizes.batch)):
            pass
        rate = len(rows) / (time.perf_counter() - started)
        yield self.row(f"the loader alone, {reader.workers} threads", rate, " crops/s")

    def embed(self) -> Iterator[Row]:
        """Embedding, from files to arrays."""
        trainer = make_trainer(self.classes, self.sizes, self.device)
        embedder, rows = TorchEmbedder(trainer.objective), np.arange(len(self.classes))
        with CropReader(self.classes) as reader:
            embed_rows(embedder, reader, rows[: 4 * self.sizes.batch], self.sizes.batch)
            started = time.perf_counter()
            embed_rows(embedder, reader, rows, self.sizes.batch)
            rate = len(rows) / (time.perf_counter() - started)
        yield self.row(
            f"embed, from files to arrays ({self.sizes.backbone}, float32)", rate, " photos/s", 10_000
        )

    def mining(self) -> Iterator[Row]:
        """The ten nearest of all other people, exactly."""
        people, each, dim = (60, 5, 32) if self.small else (100_000, 10, 128)
        rng = np.random.default_rng(0)
        person = np.repeat(np.arange(people), each)
        vectors = rng.standard_normal((people, dim), np.float32)[person]
        vectors += rng.standard_normal((len(person), dim), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        nearest_others(vectors[: 50 * each], person[: 50 * each], 10, Comparison(device=str(self.device)))
        started = time.perf_counter()
        nearest_others(vectors, person, 10, Comparison(device=str(self.device)))
        spent = time.perf_counter() - started
        yield Row(
            f"mining, {len(person):,} × {dim}, top 10", f"{spent:.1f} s", "seconds" if self.counts else "",
            spent < 60 if self.counts else None,
        )  # fmt: skip

    def head(self) -> Iterator[Row]:
        """Sampled centres of very many people against all centres of some."""
        many = 2000 if self.small else 1_000_000
        rates: dict[tuple[int, float], float] = {}
        cases = [(self.sizes.people, 1.0), (many, 0.1), (self.sizes.people, 1.0)]
        for people, share in cases:
            trainer = make_trainer(self.classes, self.sizes, self.device, people, share)
            rows = np.random.default_rng(0).integers(2 * people, size=8 * self.sizes.batch)
            rate = time_steps(trainer, rows, self.sizes, None).photos_s
            rates[people, share] = max(rate, rates.get((people, share), 0.0))
            del trainer
        few = rates[self.sizes.people, 1.0]
        yield self.row(f"{self.sizes.people:,} people, all centres, on the device", few, " photos/s")
        yield self.row(f"{many:,} people, --sample-classes 0.1", rates[many, 0.1], " photos/s")
        yield self.row(f"{many:,} people ÷ {self.sizes.people:,}", rates[many, 0.1] / few, "", 0.9)

    def prepare(self) -> Iterator[Row]:
        """A set from photos, on the processor and with the networks on the GPU; the start is in it."""
        from PIL import Image

        count, source = 4 if self.small else 384, self.folder / "photos"
        for number in range(count):
            home = source / f"p{number // 4:03d}"
            home.mkdir(parents=True, exist_ok=True)
            photo = paint(number // 4, number % 4).image
            Image.fromarray(photo).save(home / f"{number % 4}.jpg", quality=92)
        workers = min(8, own_cores())
        for kind in dict.fromkeys(["cpu", self.device.type]):
            started = time.perf_counter()
            prepare(source, self.folder / f"prepared-{kind}", size=112, device=kind, workers=workers)
            rate = count / (time.perf_counter() - started)
            name = f"prepare --device {kind}, {count} painted photos, {workers} workers, start included"
            yield self.row(name, rate, " photos/s")

    def photos(self) -> Iterator[Row]:
        """`prepare` alone, its start and end aside: the processor's way, and the GPU's with as many cores."""
        what, photos = read_photos()
        counts = (4, 68) if self.small else (2048, 16_384)
        workers = 1 if self.small else own_cores()
        found: dict[str, int] = {}
        for kind in dict.fromkeys(["cpu", self.device.type]):
            # the processor is to show the difference, not to take all the time
            some = counts if kind == "cuda" or self.small else (1024, 4096)
            rate, faces = measure_rate(photos, self.folder, kind, workers, some)
            found[kind] = round(1000 * faces / some[1])
            name = f"prepare: CelebA photos/s, --device {kind}, {workers} workers ({what})"
            yield self.row(name, rate, " photos/s", 1000 if kind == "cuda" else None)
        told = ", ".join(f"{kind} {count / 10:.1f}%" for kind, count in found.items())
        yield Row("prepare: photos in which a face is found", told)

    def decoding(self) -> Iterator[Row]:
        """The GPU's own decoder, for comparison: it is not used."""
        from torchvision.io import decode_jpeg

        if self.device.type != "cuda":
            return
        crops = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in encode_crops(2048, 112)]
        decode_jpeg(crops[:256], device=self.device)
        wait_for(self.device)
        started = time.perf_counter()
        for start in range(0, len(crops), 512):
            decode_jpeg(crops[start : start + 512], device=self.device)
        wait_for(self.device)
        rate = len(crops) / (time.perf_counter() - started)
        yield self.row("torchvision's decoder on the GPU (nvJPEG), from memory", rate, " crops/s")


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "fit": Bench.fit, "embed": Bench.embed, "head": Bench.head, "mining": Bench.mining,
    "prepare": Bench.prepare, "photos": Bench.photos, "decoding": Bench.decoding,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 where a row fails or is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="(default: all)")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", help="of training (default: bf16)")
    parser.add_argument("--compile", action="store_true", help="train with torch.compile")
    parser.add_argument("--steps", type=int, default=40, help="timed, of each training (default: 40)")
    parser.add_argument("--small", action="store_true", help="sizes that take seconds and mean nothing")
    asked = parser.parse_args(arguments)
    began, good = time.perf_counter(), True
    with tempfile.TemporaryDirectory(prefix="facedata-gpu-") as folder:
        try:
            bench = Bench(asked, Path(folder))
        except DeviceError as error:
            print(error)
            return 1
        print(f"{time.strftime('%Y-%m-%d')}, {describe(bench.device)}\n", flush=True)
        rows = []
        for name in asked.parts:
            started = time.perf_counter()
            try:
                rows += list(PARTS[name](bench))
            except Exception as error:  # noqa: BLE001  a machine with a GPU is lent for minutes: go on
                traceback.print_exc()
                rows.append(Row(name, f"failed: {type(error).__name__}: {str(error)[:200]}", "", False))
            print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        print("| | what | found | wanted |\n|---|---|---|---|")
        for row in rows:
            good = good and row.good is not False
            mark = {None: "", True: "ok", False: "!!"}[row.good]
            print(f"| {mark} | {row.what} | {row.found} | {row.wanted} |")
        print(f"\nin {(time.perf_counter() - began) / 60:.1f} minutes")
    return 0 if good else 1


def describe(device: torch.device) -> str:
    """Return what the figures were taken on."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    return (
        f"{card}, {own_cores()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )


if __name__ == "__main__":
    sys.exit(main())
