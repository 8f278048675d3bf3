"""Whoever is forgotten, however often it is killed: nothing of them is left, and nothing else changes."""

from __future__ import annotations

import logging
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata import ClassManifest, check, forget_set, open_set, prepare, report_set, review_set
from facedata.checks.integrity.find_damage import find_damage
from facedata.errors import NothingKeptError, UnfinishedSetError
from facedata.tables.parquet import write_table
from tests.support.fix_sources import SOURCES, Prepared
from tests.support.forget_traces import find_traces
from tests.support.forgetting import Expected, expect, run_killed
from tests.support.inline_engine import inline
from tests.support.patch_faces import PatchDetector
from tests.support.set_bytes import set_bytes
from tests.support.synthetic_people import directions

_QUICK, _ALL = 8, 100

_CORRECTIONS = {
    "folder": "merge,,ben,finn,two of one\nmove,anna/3.png,anna,emil,it is emil\ndistinct,,anna,emil,\n",
    "lfw": "merge,,Eve,Bob,\nmove,lfw/Flo/Flo_0002.jpg,,Ann,\n",
    "table": "move,3.png#1,,a,\n",
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "folder": ("folder", {}),
    "tar": ("folder", {"store": "tar"}),
    "by photo": ("folder", {"split_by": "photo", "names": "exact"}),
    "corrected": ("folder", {"corrections": True}),
    "lfw": ("lfw", {"store": "tar"}),
    "corrected lfw": ("lfw", {"corrections": True}),
    "table": ("table", {}),
    "corrected table": ("table", {"store": "tar", "corrections": True}),
}


@dataclass(frozen=True)
class Case:
    """A set with all that may lie in its folder."""

    home: Path
    prepared: Prepared
    people: list[str]
    records: list[str]

    def prepare(self, out: Path) -> None:
        with suppress(NothingKeptError):
            prepare(self.prepared.source, out, report=False, **self.prepared.options)


@pytest.fixture(autouse=True, scope="module")
def _in_this_process() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Return a variant's set, made once."""

    @lru_cache
    def of(name: str) -> Case:
        home = tmp_path_factory.mktemp("made")
        source, options = VARIANTS[name]
        made = SOURCES[source](home / "photos")
        options = {**made.options, **options}
        if options.pop("corrections", False):
            (home / "c.csv").write_text("action,photo,identity,to_identity,note\n" + _CORRECTIONS[source])
            options["corrections"] = (str(home / "c.csv"),)
        prepare(made.source, home / "set", report=False, **options)
        photos = open_set(home / "set").table("photos", ["record", "identity"]).to_pydict()
        people = sorted({name for name in photos["identity"] if name is not None})
        _fill(home / "set", people, photos["record"])
        return Case(home, Prepared(made.source, options), people, photos["record"])

    return of


def _fill(folder: Path, people: list[str], records: list[str]) -> None:
    """Give a set a check with lines of the user's, embeddings, a report and a page to review it."""
    check(folder, workers=1)
    line = [f"keep,{records[1]},,,so it is", f"distinct,,{people[0]},{people[1]},not one"]
    with (folder / "check" / "corrections.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(line) + "\n")
    crops = open_set(folder).table("classes", ["id", "path", "crop_sha256"])
    vectors = directions(len(crops), 32).tolist()
    crops = crops.append_column("embedding", pa.array(vectors, pa.list_(pa.float32())))
    write_table(
        folder / "check" / "embeddings-0123.parquet", crops, kind="embeddings", schema=crops.schema,
        fingerprint="",
    )  # fmt: skip
    report_set(folder, workers=1)
    review_set(folder)


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.slow] if seed >= _QUICK else []) for seed in range(_ALL)],
)
def test_nothing_is_left_and_nothing_else_changes(
    seed: int, cases: Callable[[str], Case], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    case = cases(list(VARIANTS)[seed % len(VARIANTS)])
    folder = tmp_path / "set"
    shutil.copytree(case.home / "set", folder)
    people = chance.sample(case.people, chance.choice((1, 1, 2)))
    photos = chance.sample(case.records, 2) if chance.random() < 0.3 else []
    listed = tmp_path / "photos.txt"
    listed.write_text("\n".join(photos) + "\n")
    expected, before = expect(folder, people, photos), set_bytes(folder)
    if seed % 2:
        run_killed(folder, people, chance.random(), listed if photos else None)
        _is_whole_or_unreadable(folder, before)
    outcome = forget_set(folder, people, photos=str(listed) if photos else None, prove=(str(folder),))
    assert outcome.searched
    for result in outcome.searched:
        assert not result.not_searched
        # faces of one grey have the same bytes in them, whoever they are
        told = [
            one
            for one in result.traces
            if one.what != "crop" or case.prepared.options["detector"] is not PatchDetector
        ]
        assert told == []
    _nothing_is_left(folder, expected)
    with caplog.at_level(logging.INFO):
        case.prepare(folder)
    _nothing_is_left(folder, expected)
    assert "nothing to do" in caplog.text


def _is_whole_or_unreadable(folder: Path, before: dict[str, str]) -> None:
    """A set that was killed half way is what it was, or no set at all; or it was done."""
    if not (folder / "dataset.json").is_file():
        with pytest.raises(UnfinishedSetError, match="facedata forget"):
            open_set(folder)
        return
    open_set(folder)
    now = set_bytes(folder)
    if now["dataset.json"] == before["dataset.json"]:
        assert {name: now.get(name) for name in before} == before


def _nothing_is_left(folder: Path, expected: Expected) -> None:
    assert find_traces(folder, expected.sought) == []
    prepared = open_set(folder)
    crops = {crop.path: crop for crop in ClassManifest.open(folder)}
    assert {path: (one.id, one.split, one.bytes()) for path, one in crops.items()} == expected.kept
    assert prepared.is_intact()
    assert not (folder / ".work").exists()
    assert find_damage(folder).findings == []
