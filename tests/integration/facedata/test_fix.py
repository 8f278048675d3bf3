"""`facedata fix`: a new set and no other changed, photos opened only where needed, safe when killed."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facedata import crop_set, fix_set, open_set, pairs_set, prepare, split_set, triplets_set
from facedata.closing import ledger
from facedata.commands import fix
from facedata.errors import (
    CorrectionsError,
    LockedError,
    NothingKeptError,
    OtherSettingsError,
    PhotosLostError,
    SetError,
    StoreError,
    UsageError,
)
from facedata.plan import crop_names
from facedata.progress import ledger_rows
from facedata.tables import blocks, schema
from facedata.testing import FakeDetector
from facedata.work import shards
from tests.support.facedata_command import here, start
from tests.support.fix_sources import TWO, dirty_folder
from tests.support.inline_engine import inline
from tests.support.marked_photos import write_marked
from tests.support.set_bytes import events, set_bytes, snapshot
from tests.support.small_disk import Disk
from tests.support.version_1 import make_version_1

OPTIONS: dict[str, Any] = {**TWO, "detector": FakeDetector, "min_photos": 2}
LINES = """action,photo,identity,to_identity,note
drop,anna/1.png,,,blurred
move,ben/2.png,,finn,
merge,,dora,anna,
keep,emil/a.png,,,
"""
"""Drops a photo with two copies, moves one, and merges a person whose photos were too few."""


@pytest.fixture(autouse=True)
def _in_this_process() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos and, prepared once, their sets: as they are and corrected, in folders and in tars."""
    home = tmp_path_factory.mktemp("made")
    source = dirty_folder(home / "photos").source
    (home / "lines.csv").write_text(LINES)
    with inline():
        for store in ("folders", "tar"):
            prepare(source, home / store, store=store, **OPTIONS)
            prepare(
                source,
                home / f"{store}-corrected",
                store=store,
                corrections=(str(home / "lines.csv"),),
                **OPTIONS,
            )
    return home


@pytest.fixture
def made(_made: Path, tmp_path: Path) -> Path:
    """The same, to be changed; the sets say where the photos were, which are still there."""
    return Path(shutil.copytree(_made, tmp_path / "made"))


@pytest.fixture
def lines(made: Path) -> Path:
    return made / "lines.csv"


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_it_equals_prepare_and_leaves_its_set_alone(made: Path, lines: Path, store: str) -> None:
    before = snapshot(made / store)
    fixed = fix_set(made / store, lines, made / "out", workers=2)
    assert snapshot(made / store) == before
    assert set_bytes(made / "out") == set_bytes(made / f"{store}-corrected")
    assert fixed.info["counts"]["status"]["excluded"] == 1
    table = fixed.table("corrections").to_pandas()
    assert table[["line", "action", "record"]].values.tolist() == [
        [2, "drop", "anna/1.png"],
        [3, "move", "ben/2.png"],
        [4, "merge", "dora/1-again.png"],
        [4, "merge", "dora/1.png"],
        [5, "keep", "emil/a.png"],
    ]


def test_no_photo_is_opened_where_the_set_has_a_crop_of_its_bytes(made: Path, tmp_path: Path) -> None:
    """Anna's copy of her first photo was its duplicate, and only the first had a crop."""
    (tmp_path / "drop.csv").write_text("action,photo\ndrop,anna/1.png\n")
    opened: list[str] = []
    info = json.loads((made / "folders/dataset.json").read_text())
    info["source"]["root"] = str(tmp_path / "not there")
    (made / "folders/dataset.json").write_text(json.dumps(info))
    fixed = fix_set(made / "folders", tmp_path / "drop.csv", tmp_path / "out", on_step=opened.append)
    rows = {row["record"]: row for row in fixed.table("photos").to_pylist()}
    assert rows["anna/1.png"]["status"] == "excluded"
    assert "line 2" in rows["anna/1.png"]["reason"]
    assert rows["anna/1.png"]["sha256"] is None
    assert (rows["anna/copy.png"]["status"], rows["anna/copy.png"]["path"]) == ("kept", "anna/copy.jpg")
    old = (made / "folders/crops/anna/1.jpg").read_bytes()
    assert (tmp_path / "out/crops/anna/copy.jpg").read_bytes() == old
    assert not [step for step in opened if "photos" in step]


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_photos_that_are_needed_and_gone_are_listed_and_nothing_is_written(
    tmp_path: Path, store: str
) -> None:
    """Dora's one photo was too few, so the set has no crop of it."""
    home = tmp_path / "home"
    write_marked(home / "photos/anna/1.png", seed=1)
    write_marked(home / "photos/anna/2.png", seed=2)
    write_marked(home / "photos/dora/1.png", seed=3)
    prepare(home / "photos", home / "set", store=store, **OPTIONS)
    (home / "merge.csv").write_text("action,identity,to_identity\nmerge,dora,anna\n")
    prepare(home / "photos", home / "wanted", store=store, corrections=(str(home / "merge.csv"),), **OPTIONS)
    (home / "photos").rename(home / "moved")
    shown = here("fix", home / "set", home / "merge.csv", "--out", home / "out", "--workers", "1")
    assert shown.status == 1
    assert "name the folder" in shown.stderr or "--source" in shown.stderr
    (home / "moved/dora/1.png").rename(home / "dora.png")
    shown = here(
        "fix", home / "set", home / "merge.csv", "--out", home / "out", "--source", home / "moved", "--json"
    )
    assert shown.status == 1
    assert json.loads(shown.stdout) == [{"photo": "dora/1.png", "reason": "gone"}]
    assert not (home / "out").exists()
    (home / "dora.png").rename(home / "moved/dora/1.png")
    fix_set(home / "set", home / "merge.csv", home / "out", source=home / "moved")
    info = json.loads((home / "out/dataset.json").read_text())
    assert info["source"]["root"] == str(home / "moved")
    found, wanted = set_bytes(home / "out"), set_bytes(home / "wanted")
    assert {name for name in found | wanted if found.get(name) != wanted.get(name)} == {"dataset.json"}


def test_photos_that_were_never_searched_are_listed_before_anything_is_written(
    made: Path, tmp_path: Path
) -> None:
    (tmp_path / "lines.csv").write_text("action,photo,to_identity\nmove,stray.png,anna\n")
    with pytest.raises(
        PhotosLostError, match=r"prepare the photos anew with `facedata prepare … --corr"
    ) as no:
        fix_set(made / "folders", tmp_path / "lines.csv", tmp_path / "out")
    assert no.value.photos == [("stray.png", "never searched for faces; moved to anna")]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_damaged_crops_are_cut_again(made: Path, lines: Path, store: str) -> None:
    if store == "folders":
        good = (made / "folders/crops/emil/A.jpg").read_bytes()
        (made / "folders/crops/emil/A.jpg").write_bytes(good[:-9] + b"123456789")
        (made / "folders/crops/ben/1.jpg").unlink()
    else:
        tar = made / "tar/crops/00000.tar"
        tar.write_bytes(tar.read_bytes()[:1600] + b"damaged" + tar.read_bytes()[1607:])
    fix_set(made / store, lines, made / "out", workers=1)
    assert set_bytes(made / "out") == set_bytes(made / f"{store}-corrected")


@pytest.mark.parametrize(
    ("out", "said"),
    [("folders", "is the set itself"), ("folders/new", "lies in the set"), (".", "lies in the output")],
)
def test_a_set_is_never_changed_in_place(made: Path, lines: Path, out: str, said: str) -> None:
    before = snapshot(made)
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=f"{said}.*choose another --out"):
            fix_set(made / "folders", lines, made / out, overwrite=overwrite)
    assert snapshot(made) == before


def test_a_finished_output_is_left_alone_refused_or_overwritten(
    made: Path, lines: Path, tmp_path: Path
) -> None:
    out = made / "out"
    fix_set(made / "folders", lines, out)
    when = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    fix_set(made / "folders", lines, out)
    fix_set(made / "folders", lines, made / "folders-corrected")  # prepare's own set is the same one
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == when
    (tmp_path / "other.csv").write_text("action,photo\ndrop,ben/5.png\n")
    with pytest.raises(OtherSettingsError, match="corrections"):
        fix_set(made / "folders", tmp_path / "other.csv", out)
    (out / "crops/emil/A.jpg").unlink()
    with pytest.raises(SetError, match=r"or is damaged: make it again with --overwrite"):
        fix_set(made / "folders", lines, out)
    fix_set(made / "folders", lines, out, overwrite=True)
    assert set_bytes(out) == set_bytes(made / "folders-corrected")
    split_set(made / "folders", splits="train=0.5,test=0.5", seed=9)
    with pytest.raises(SetError, match="another state of"):
        fix_set(made / "folders", lines, out)
    assert not (out / ".work").exists()


def test_a_set_that_changes_meanwhile_is_refused(made: Path, lines: Path) -> None:
    def meddle(step: str) -> None:
        with pytest.raises(LockedError):
            split_set(made / "folders", seed=3)
        if step.startswith("drawing"):  # as another machine may, which the lock does not reach
            info = json.loads((made / "folders/dataset.json").read_text())
            (made / "folders/dataset.json").write_text(json.dumps({**info, "seed": 17}))

    with pytest.raises(SetError, match="was changed meanwhile: fix it again, with --overwrite"):
        fix_set(made / "folders", lines, made / "out", on_step=meddle)
    assert not (made / "out/dataset.json").exists()
    with pytest.raises(SetError, match="not finished: run the same `facedata fix` again"):
        open_set(made / "out")


def test_wrong_lines_leave_nothing_behind(made: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("action,photo\ndrop,nobody.png\ndrip,anna/1.png\n")
    with pytest.raises(CorrectionsError) as no:
        fix_set(made / "folders", tmp_path / "wrong.csv", tmp_path / "out")
    assert len(no.value.lines) == 2
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="there is no file of corrections"):
        fix_set(made / "folders", tmp_path / "none.csv", tmp_path / "out")
    with pytest.raises(UsageError, match="no file of corrections is given"):
        fix_set(made / "folders", [], tmp_path / "out")


def test_a_damaged_table_is_said(made: Path, lines: Path) -> None:
    (made / "folders/pairs.parquet").write_bytes(b"PAR1")
    with pytest.raises(SetError, match=r"pairs\.parquet is missing, damaged or of another state"):
        fix_set(made / "folders", lines, made / "out")
    assert not (made / "out").exists()


def test_linked_crops_keep_their_bytes_when_the_set_before_is_updated(made: Path, lines: Path) -> None:
    fix_set(made / "folders", lines, made / "out")
    linked = made / "out/crops/emil/A.jpg"
    assert linked.samefile(made / "folders/crops/emil/A.jpg")
    root = Path(open_set(made / "folders").info["source"]["root"])
    shutil.copytree(root, made / "own photos")
    write_marked(made / "own photos/emil/A.png", seed=777)
    info = json.loads((made / "folders/dataset.json").read_text())
    info["source"]["root"] = str(made / "own photos")
    (made / "folders/dataset.json").write_text(json.dumps(info))
    prepare(made / "own photos", made / "folders", **OPTIONS)
    assert (made / "folders/crops/emil/A.jpg").read_bytes() != linked.read_bytes()
    assert set_bytes(made / "out") == set_bytes(made / "folders-corrected")


def test_another_disk_that_is_read_only(made: Path, lines: Path, small_disk: Disk) -> None:
    shutil.copytree(made / "folders", small_disk.folder / "set")
    small_disk.remount("ro")
    fix_set(small_disk.folder / "set", lines, made / "out")
    small_disk.remount("rw")
    assert set_bytes(made / "out") == set_bytes(made / "folders-corrected")


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_a_full_disk_is_said_and_a_rerun_finishes(
    made: Path, lines: Path, small_disk: Disk, store: str
) -> None:
    small_disk.remount("size=72k")
    with pytest.raises(StoreError, match="No space left"):
        fix_set(made / store, lines, small_disk.folder / "out", workers=1)
    assert not (small_disk.folder / "out/dataset.json").exists()
    small_disk.remount("size=4m")
    fix_set(made / store, lines, small_disk.folder / "out", workers=1)
    assert set_bytes(small_disk.folder / "out") == set_bytes(made / f"{store}-corrected")


_STOPS = {
    "planned": "facedata.commands.fix:take_twins",
    "cut": "facedata.work.corrected_crops:bring_crops",
    "brought": "facedata.commands.fix:close_set",
    "closed": "facedata.progress.folder:PartsFolder.remove",
}
"""Where a run is killed, each by the function that it does not come to."""


@pytest.mark.parametrize("stop", _STOPS)
@pytest.mark.parametrize("store", ["folders", "tar"])
def test_a_killed_run_goes_on(made: Path, lines: Path, store: str, stop: str) -> None:
    module, _, name = _STOPS[stop].partition(":")
    holder, _, attribute = name.rpartition(".")
    kill = (
        "import os, signal, importlib\n"
        f"holder = importlib.import_module({module!r})\n"
        f"holder = getattr(holder, {holder!r}) if {holder!r} else holder\n"
        f"setattr(holder, {attribute!r}, lambda *_: os.kill(os.getpid(), signal.SIGKILL))\n"
        "from tests.support.inline_engine import inline; inline().__enter__()\n"
    )
    process = start("fix", made / store, lines, "--out", made / "out", "--workers", "1", before=kill)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    if stop != "closed":
        with pytest.raises(SetError, match="not finished: run the same `facedata fix`"):
            open_set(made / "out")
        root = open_set(made / store).info["source"]["root"]
        with pytest.raises(OtherSettingsError, match="fixed_from"):  # what it has is not prepare's
            prepare(root, made / "out", store=store, corrections=(str(lines),), **OPTIONS)
    fix_set(made / store, lines, made / "out", workers=1)
    assert set_bytes(made / "out") == set_bytes(made / f"{store}-corrected")
    assert not (made / "out/.work").exists()


def test_a_crop_cut_short_by_the_kill_is_made_again(
    made: Path, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fix, "close_set", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fix_set(made / "folders", lines, made / "out", workers=1)
    half = made / "out/crops/emil/A.jpg"
    data = half.read_bytes()
    half.unlink()
    half.write_bytes(data[:50])
    fix_set(made / "folders", lines, made / "out", workers=1)
    assert set_bytes(made / "out") == set_bytes(made / "folders-corrected")


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_sets_that_crop_made(made: Path, lines: Path, store: str) -> None:
    crop_set(made / store, made / "cropped", template="arcface112", workers=1)
    crop_set(made / f"{store}-corrected", made / "wanted", template="arcface112", workers=1)
    fix_set(made / "cropped", lines, made / "out", workers=1)
    assert set_bytes(made / "out") == set_bytes(made / "wanted")


def test_fixed_sets_can_be_cropped_split_and_fixed_again(made: Path, lines: Path) -> None:
    fixed = fix_set(made / "folders", lines, made / "out", workers=1)
    crop_set(made / "out", made / "cropped", template="arcface112", workers=1)
    assert open_set(made / "cropped").table("corrections").equals(fixed.table("corrections"))
    (made / "more.csv").write_text("action,photo,to_identity\nmove,ben/2.png,ben\ndrop,emil/a.png,\n")
    fix_set(made / "cropped", made / "more.csv", made / "again", workers=1)
    root = fixed.info["source"]["root"]
    files = (str(lines), str(made / "more.csv"))
    prepare(root, made / "wanted", corrections=files, **{**OPTIONS, "template": "arcface112", "size": None})
    assert set_bytes(made / "again") == set_bytes(made / "wanted")
    both = fix_set(made / "folders", files, made / "both", workers=1)
    prepare(root, made / "both wanted", corrections=files, **OPTIONS)
    assert set_bytes(made / "both") == set_bytes(made / "both wanted")
    assert both.table("corrections").column("file").to_pylist()[-1] == 2


def test_people_who_kept_their_splits_keep_them(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for seed in range(24):
        write_marked(photos / f"p{seed % 12}" / f"{seed}.png", seed=seed)
    later = [photos / f"p{number}" for number in range(6)]
    for folder in later:
        folder.rename(tmp_path / folder.name)
    prepare(photos, tmp_path / "set", **OPTIONS)
    for folder in later:
        (tmp_path / folder.name).rename(folder)
    grown = prepare(photos, tmp_path / "set", **OPTIONS)
    fresh = prepare(photos, tmp_path / "fresh", **OPTIONS)
    assert splits_of(grown) != splits_of(fresh)
    (tmp_path / "merge.csv").write_text(
        "action,photo,identity,to_identity\nmerge,,p1,p2\nmove,p3/3.png,,p4\n"
    )
    fixed = splits_of(fix_set(grown, tmp_path / "merge.csv", tmp_path / "out"))
    assert fixed == {name: split for name, split in splits_of(grown).items() if name not in ("p1", "p3")}
    anew = splits_of(fix_set(fresh, tmp_path / "merge.csv", tmp_path / "anew"))
    prepare(photos, tmp_path / "wanted", corrections=(str(tmp_path / "merge.csv"),), **OPTIONS)
    assert anew == splits_of(open_set(tmp_path / "wanted"))


def test_a_set_too_small_for_pairs(tmp_path: Path) -> None:
    """Which remedy a division names depends on the photos of each person too."""
    for seed in range(7):
        write_marked(tmp_path / f"photos/p{seed % 2}" / f"{seed}.png", seed=seed)
    (tmp_path / "drop.csv").write_text("action,photo\ndrop,p0/4.png\n")
    options: dict[str, Any] = {**TWO, "detector": FakeDetector}
    prepare(tmp_path / "photos", tmp_path / "set", **options)
    prepare(tmp_path / "photos", tmp_path / "wanted", corrections=str(tmp_path / "drop.csv"), **options)
    assert open_set(tmp_path / "set").info["counts"]["split"]["notes"]
    fix_set(tmp_path / "set", tmp_path / "drop.csv", tmp_path / "out")
    assert set_bytes(tmp_path / "out") == set_bytes(tmp_path / "wanted")


def splits_of(prepared: Any) -> dict[str, str]:
    table = prepared.table("classes", ["identity", "split"])
    return dict(zip(*(table.column(name).to_pylist() for name in ("identity", "split")), strict=True))


def test_options_of_later_draws_stay(made: Path, lines: Path) -> None:
    split_set(made / "folders", splits="train=0.5,test=0.5", split_by="photo", seed=5)
    triplets_set(made / "folders", per_photo=2, seed=8)
    fixed = fix_set(made / "folders", lines, made / "out")
    split_set(made / "folders-corrected", splits="train=0.5,test=0.5", split_by="photo", seed=5)
    wanted = triplets_set(made / "folders-corrected", per_photo=2, seed=8)
    assert fixed.info["drawing"] == open_set(made / "folders-corrected").info["drawing"]
    assert fixed.info["counts"] == wanted
    for kind in ("classes", "pairs", "triplets"):
        assert fixed.table(kind).equals(open_set(made / "folders-corrected").table(kind))


def test_pairs_of_a_file_follow_their_photos(made: Path, lines: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(
        "left,right,same\nanna/2.png,anna/1.png,1\nanna/2.png,anna/3.png,1\nben/2.png,finn/1.png,0\n"
        "ben/1.png,ben/2.png,1\nben/1.png,finn/2.png,0\n"
    )
    split_set(made / "folders", splits="train=1.0")
    pairs_set(made / "folders", strategy="file", from_file=tmp_path / "pairs.csv")
    fixed = fix_set(made / "folders", lines, made / "out")
    pairs = fixed.table("pairs").to_pandas().astype({"left_path": str, "right_path": str})
    assert pairs[["left_path", "right_path", "same"]].values.tolist() == [
        ["anna/2.jpg", "anna/3.jpg", True],
        ["ben/1.jpg", "finn/2~8c7717e5.jpg", False],
    ]
    assert [note.partition(",")[0] for note in fixed.info["counts"]["pairs"]["notes"]] == [
        "1 of 5 pairs are left out",
        "2 of 5 pairs are left out",
    ]


def test_a_set_of_version_1(made: Path, lines: Path) -> None:
    make_version_1(made / "folders")
    (made / "folders/.seen.arrow").unlink(missing_ok=True)
    fixed = fix_set(made / "folders", lines, made / "out")
    wanted = open_set(made / "folders-corrected")
    for kind in ("classes", "pairs", "triplets", "corrections"):
        assert fixed.table(kind).equals(wanted.table(kind))
    assert fixed.info["schema_version"] == schema.SCHEMA_VERSION


def test_a_set_of_many_row_groups(made: Path, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "ROW_GROUP_ROWS", 7)
    for module in (blocks, crop_names, ledger, shards, ledger_rows):
        monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    root = open_set(made / "tar").info["source"]["root"]
    for store in ("folders", "tar"):
        prepare(root, made / f"{store} 7", store=store, **OPTIONS)
        prepare(root, made / f"{store} 7 corrected", store=store, corrections=(str(lines),), **OPTIONS)
        fix_set(made / f"{store} 7", lines, made / f"{store} 7 fixed", workers=2)
        assert set_bytes(made / f"{store} 7 fixed") == set_bytes(made / f"{store} 7 corrected")


def test_sets_behind_urls(made: Path, lines: Path) -> None:
    there = f"file://{made}"
    fix_set(f"{there}/tar", lines, made / "out", workers=1)
    assert set_bytes(made / "out") == set_bytes(made / "tar-corrected")
    cache = str(made / "cache")
    fix_set(made / "tar", lines, f"{there}/from here", workers=1, cache=cache)
    fix_set(f"{there}/tar", lines, f"{there}/from there", workers=1, cache=cache)
    for name in ("from here", "from there"):
        assert set_bytes(made / name) == set_bytes(made / "tar-corrected")
    fix_set(f"{there}/tar", lines, f"{there}/from there", workers=1, cache=cache)
    with pytest.raises(UsageError, match="is the set itself"):
        fix_set(f"{there}/tar", lines, f"{there}/tar", cache=cache)
    with pytest.raises(UsageError, match="choose a folder"):
        fix_set(made / "folders", lines, f"{there}/folders out", cache=cache)


def test_what_is_printed(made: Path, lines: Path) -> None:
    shown = here("fix", made / "folders", lines, "--out", made / "out")
    assert shown.status == 0, shown.stderr
    assert "dropped            1 photo\n             anna/1.png of 'anna' (drop, line 2)" in shown.stdout
    assert (
        "moved              3 photos\n             ben/2.png of 'ben' to 'finn' (move, line 3)"
        in shown.stdout
    )
    assert "kept " in shown.stdout
    shown = here("fix", made / "folders", lines, "--out", made / "out", "--json")
    assert [row["record"] for row in json.loads(shown.stdout)["corrected"]] == [
        "anna/1.png", "ben/2.png", "dora/1-again.png", "dora/1.png",
    ]  # fmt: skip


def test_nothing_is_left(made: Path, tmp_path: Path) -> None:
    photos = open_set(made / "folders").table("photos", ["record", "path"]).to_pylist()
    drops = [f'drop,"{row["record"]}"' for row in photos]
    (tmp_path / "all.csv").write_text("\n".join(["action,photo", *drops]) + "\n")
    with pytest.raises(NothingKeptError):
        fix_set(made / "folders", tmp_path / "all.csv", tmp_path / "out")
    assert open_set(tmp_path / "out").table("classes").num_rows == 0
    assert events(tmp_path / "out")[-1]["event"] == "end"
