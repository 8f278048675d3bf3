"""`forget` in a process of its own that is killed at one of its steps, and what it must leave alone."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from facedata import ClassManifest, open_set
from facedata.tables.names import clean_name
from tests.support.forget_traces import Sought
from tests.support.processes import ROOT

_PROGRAM = """
import os, shutil, signal, sys
import facedata.commands.forget as page
share, folder, names = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
counted, steps, last = "", 0, -1
def count(event, values):
    global steps
    is_own = event == "open" and str(values[0]).startswith(counted)
    if counted and (is_own or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
photos = [name[1:] for name in names if name.startswith("@")]
def forget(place):
    global counted
    counted = place
    page.forget_set(place, [name for name in names if not name.startswith("@")], photos=(photos or [None])[0])
    counted = ""
rehearsed = f"{folder}-rehearsed"
shutil.copytree(folder, rehearsed)
forget(rehearsed)
shutil.rmtree(rehearsed)
last, steps = 1 + int(share * (steps - 1)), 0
forget(folder)
"""


def run_killed(folder: Path, names: Iterable[str], share: float, photos: Path | None = None) -> None:
    """Run `forget` and kill it before one of its steps on files: after such a share of them, 0 to 1."""
    listed = [] if photos is None else [f"@{photos}"]
    command = [sys.executable, "-c", _PROGRAM, str(share), str(folder), *listed, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@dataclass(frozen=True)
class Expected:
    """What forgetting somebody must remove from a set, and what it must keep.

    Attributes:
        sought: what must not be found.
        kept: the crops of the others: their id, split and bytes by path.
    """

    sought: Sought
    kept: dict[str, tuple[int, str | None, bytes]]


def expect(folder: Path, people: Collection[str], photos: Collection[str] = ()) -> Expected:
    """Work out, row by row, what goes and what stays."""
    prepared = open_set(folder)
    merge = prepared.info["settings"].get("names", "merge") == "merge"
    names = set(people)
    columns = ["record", "photo", "identity", "source_identity", "sha256", "path", "box"]
    rows = prepared.table("photos", columns).to_pylist()
    if prepared.has("corrections"):
        for row in prepared.table("corrections").to_pylist()[::-1]:
            if row["action"] == "merge" and row["to_identity"] in names:
                names.add(row["identity"])
    if merge:
        known = {row[name] for row in rows for name in ("identity", "source_identity")} - {None}
        looks = {clean_name(name) for name in names}
        names |= looks | {name for name in known if clean_name(name) in looks}
    gone = [
        row
        for row in rows
        if {row["identity"], row["source_identity"]} & names or {row["record"], row["photo"]} & {*photos}
    ]
    digests = {row["sha256"] for row in gone} - {None}
    gone += [
        row for row in rows if row not in gone and row["sha256"] in digests and row["record"] == row["photo"]
    ]
    gone += [  # they show a face that goes, and would get its crop
        row
        for row in rows
        if row not in gone and row["path"] is None and row["box"] is not None
        if any(row["photo"] == one["photo"] and _is_one_face(row["box"], one["box"]) for one in gone)
    ]
    staying = [row for row in rows if row not in gone]
    sought = Sought(set(names))
    sought.paths = {row["record"] for row in gone} | {row["path"] for row in gone if row["path"]}
    sought.digests = digests - {row["sha256"] for row in staying}
    kept = {}
    gone_paths = {row["path"] for row in gone}
    for crop in ClassManifest.open(folder):
        if crop.path in gone_paths:
            sought.digests.add(crop.crop_sha256)
            sought.crops.add(crop.bytes())
        else:
            kept[crop.path] = (crop.id, crop.split, crop.bytes())
    for _, _, data in kept.values():  # a crop of somebody else with the same bytes is theirs
        sought.crops.discard(data)
        sought.digests.discard(hashlib.sha256(data).hexdigest())
    return Expected(sought, kept)


def _is_one_face(box: list[float], other: list[float] | None) -> bool:
    if other is None:
        return False
    sides = [min(box[at + 2], other[at + 2]) - max(box[at], other[at]) for at in (0, 1)]
    common = max(sides[0], 0) * max(sides[1], 0)
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (box, other)]
    return common / (sum(areas) - common) > 0.5
