"""Digests of everything that a few fixed commands write: sets, crops, tars, a run, scores, a gallery.

    python -m tests.golden.record            write digests.json beside this file
    python -m tests.golden.record CASE …     run some cases (demo, lfw, celeba), print the files that differ

The commands are typed as a user types them, so the digests outlive any change of the inside. What holds
times or the machine's paths is left out, or taken without them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

SHARED = Path(os.environ.get("FACEDATA_SHARED", Path(__file__).parents[3] / "shared"))
DIGESTS = Path(__file__).parent / "digests.json"
PHOTOS = 300

_LIBRARIES = (
    "numpy", "opencv-python", "pillow", "pyarrow", "torch", "torchvision", "facenet-pytorch", "timm",
    "pytorch-metric-learning", "safetensors",
)  # fmt: skip
_FIT = (
    "--config", str(Path(__file__).parents[2] / "docs" / "demo.toml"), "--epochs", "3",
    "--rows-per-epoch", "96", "--device", "cpu", "--workers", "1",
)  # fmt: skip
_UNTIMED = {"log.jsonl", ".seen.arrow", "history.xlsx"}
_PICTURES = {".png"}
_TIMED_COLUMNS = {"seconds", "images_per_s"}


def made_with() -> dict[str, str]:
    """Return what bytes may depend on besides the code: library versions, and the kind of processor."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    widest = next((name for name in ("avx512f", "avx2") if f" {name} " in flags.replace("\n", " ")), "none")
    # libraries choose kernels by the maker and the generation, too
    fields = [re.search(rf"^{name}\s*: (.*)$", flags, re.M) for name in ("vendor_id", "cpu family", "model")]
    processor = " ".join(field[1] for field in fields if field)
    versions = {name: version(name) for name in _LIBRARIES}
    return {**versions, "machine": platform.machine(), "vectors": widest, "processor": processor}


def record(folder: Path, name: str) -> dict[str, str]:
    """Run one case in an empty folder; return the digest of each file."""
    CASES[name](folder)
    return digests(folder)


def recorded() -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return what the digests were made with, and the digests by case and file."""
    found = json.loads(DIGESTS.read_text(encoding="utf-8"))
    return found["made_with"], found["digests"]


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the files that are not the same, are gone or are new."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that is to stay the same; crops of one folder stand for one line."""
    found: dict[str, str] = {}
    crops: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or file.name in _UNTIMED or file.suffix in _PICTURES:
            continue
        untimed = ("/events/", "/state/", "/report/")
        if name.startswith(("photos/", "source/")) or any(part in name for part in untimed):
            continue
        digest = hashlib.sha256(_content(file, folder)).hexdigest()
        if file.suffix == ".jpg":
            crops.setdefault(name.split("/crops/")[0] + "/crops", []).append(f"{name} {digest}")
        else:
            found[name] = digest
    joined = {name: hashlib.sha256("\n".join(lines).encode()).hexdigest() for name, lines in crops.items()}
    return {**found, **joined}


def _content(file: Path, folder: Path) -> bytes:
    """Return a file's bytes without the machine's paths, times left out."""
    data = file.read_bytes()
    if file.name == "history.csv":
        rows = list(csv.DictReader(data.decode().splitlines()))
        kept = [{k: v for k, v in row.items() if k not in _TIMED_COLUMNS} for row in rows]
        return json.dumps(kept).encode()
    if file.suffix in {".json", ".toml", ".csv", ".txt"}:
        for path in (str(folder.resolve()), str(SHARED.resolve()), str(SHARED)):
            data = data.replace(path.encode(), b"<here>")
        data = re.sub(rb'"(seconds|facedata)": "?[0-9.]+"?', b"", data)
    return data


def _command(folder: Path, package: str, *arguments: object) -> None:
    program = f"from {package}.cli import main; raise SystemExit(main())"
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("GOLDEN_LOUD") else subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.environ.get("GOLDEN_CODE", str(root)), "OMP_NUM_THREADS": "1"},
    )


def _demo(folder: Path) -> None:
    """The demo as `make demo` has it, shorter, and what else is made of a set and a run."""
    facedata, facemodel = partial(_command, folder, "facedata"), partial(_command, folder, "facemodel")
    facedata("prepare", "demo", "--out", "set", "--workers", "2")
    facedata("crop", "set", "--template", "arcface112", "--out", "set112", "--workers", "2")
    shutil.copytree(folder / "set", folder / "divided")
    facedata("split", "divided", "--split-by", "photo")
    facedata("pairs", "divided", "--count", "500", "--seed", "3")
    facedata("triplets", "divided", "--count", "900", "--seed", "4", "--uniform", "photos")
    facemodel("fit", "divided", *_FIT, "--out", "run")
    facemodel("evaluate", "run", "divided", "--out", "scores")
    facemodel("embed", "run", "divided", "--out", "embeddings.parquet")
    facemodel("mine", "run", "divided", "--out", "hard.parquet")
    subprocess.run(
        [sys.executable, "-m", "facedata.painted", str(folder / "photos")],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.environ.get("GOLDEN_CODE", str(Path(__file__).parents[2]))},
    )
    facemodel("enroll", "run", "photos/people", "--out", "gallery.parquet")
    facemodel("identify", "run", "gallery.parquet", "photos/group.jpg", "--out", "named")


def _lfw(folder: Path) -> None:
    """The first 300 photos of LFW, as files."""
    data, source = SHARED / "data" / "lfw", folder / "source"
    photos = sorted((data / "lfw-deepfunneled").rglob("*.jpg"))[:PHOTOS]
    for photo in photos:
        copy = source / photo.relative_to(data)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, copy)
    shutil.copytree(data / "protocol", source / "protocol")
    _command(folder, "facedata", "prepare", "lfw", "source", "--out", "set", "--workers", "2")


def _celeba(folder: Path) -> None:
    """The first 300 photos of CelebA as photographed, in tars with MTCNN, and as files with YuNet."""
    data, source = SHARED / "data" / "celeba", folder / "source"
    (source / "img_celeba").mkdir(parents=True)
    for photo in sorted((data / "img_celeba").iterdir())[:PHOTOS]:
        shutil.copy(photo, source / "img_celeba")
    for name in ("identity_CelebA.txt", "list_eval_partition.txt"):
        shutil.copy(data / name, source)
    _command(
        folder, "facedata", "prepare", "celeba", "source", "--out", "set", "--workers", "2", "--store", "tar",
        "--template", "arcface112", "--split-by", "official",
    )  # fmt: skip
    weights = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
    _command(
        folder, "facedata", "prepare", "celeba", "source", "--out", "yunet", "--workers", "2", "--detector",
        "yunet", "--weights", weights, "--margin", "0.2", "--size", "160", "--min-photos", "5", "--stable",
    )  # fmt: skip


CASES: dict[str, Callable[[Path], None]] = {"demo": _demo, "lfw": _lfw, "celeba": _celeba}


def main() -> int:
    """Record the digests of this machine, or compare."""
    found = {}
    for name in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = record(Path(folder), name)
    if sys.argv[1:]:
        changed = [
            f"{name}: {file}" for name in found for file in differences(recorded()[1][name], found[name])
        ]
        print("\n".join(changed) or "the same")
        return bool(changed)
    text = json.dumps({"made_with": made_with(), "digests": found}, indent=1, sort_keys=True)
    DIGESTS.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
