"""Folders as people have them: flat ones, zipped ones, names that look the same, typed anyhow."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from facedata import open_set
from facedata.errors import OtherSettingsError, StoreError
from facedata.progress.output import open_output
from tests.support.facedata_command import SMALL, done, here
from tests.support.marked_photos import CannotRun, prepare_marked, write_marked
from tests.support.set_bytes import events, set_bytes

NFC, NFD = "Jos\u00e9", "Jose\u0301"


def write_people(root: Path, *people: str, photos: int = 2, seed: int = 0) -> Path:
    for person in people:
        for number in range(photos):
            seed += 1
            write_marked(root / person / f"{number}.png", seed=seed)
    return root


def ledger(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_set(out).table("photos").to_pylist()
    return rows


def test_one_person_under_two_spellings_is_in_one_split(tmp_path: Path) -> None:
    photos = write_people(tmp_path / "photos", "Anna", "Anna ", NFC, NFD, "Ben", "Zoe")
    finished = done("prepare", "folder", photos, "--out", tmp_path / "faces", *SMALL)
    rows = ledger(tmp_path / "faces")
    assert {row["identity"] for row in rows} == {"Anna", NFC, "Ben", "Zoe"}
    assert {row["source_identity"] for row in rows} == {"Anna", "Anna ", NFC, NFD, "Ben", "Zoe"}
    classes = open_set(tmp_path / "faces").table("classes").to_pylist()
    assert len({(row["identity"], row["split"]) for row in classes}) == 4
    assert len({row["path"] for row in classes}) == len(rows) == 12
    assert r"'José' (also written 'Jose\u0301')" in finished.stdout


def test_exact_names_are_another_setting(tmp_path: Path) -> None:
    photos = write_people(tmp_path / "photos", "Anna", "Anna ")
    exact = prepare_marked(photos, tmp_path / "exact", size=64, names="exact")
    assert exact.info["counts"]["people"] == 2
    with pytest.raises(OtherSettingsError, match="names: 'exact' before, 'merge' now"):
        prepare_marked(photos, tmp_path / "exact", size=64)


def test_people_without_twins_make_the_set_that_exact_names_make(tmp_path: Path) -> None:
    photos = write_people(tmp_path / "photos", NFD, "Ben ", "Anna")
    merged = prepare_marked(photos, tmp_path / "merged", size=64)
    exact = prepare_marked(photos, tmp_path / "exact", size=64, names="exact")
    for table in ("photos", "classes", "pairs", "triplets"):
        assert merged.table(table).equals(exact.table(table))
    assert merged.info["notes"] == exact.info["notes"] == []


@pytest.mark.parametrize(("first", "later"), [(NFD, NFC), (NFC, NFD), ("Anna ", "Anna"), ("Anna ", " Anna")])
def test_in_a_grown_set_people_keep_their_split_under_a_new_spelling(
    tmp_path: Path, first: str, later: str
) -> None:
    for seed in range(4):  # by chance alone a person would keep the split in some
        folder = tmp_path / str(seed)
        photos = write_people(folder / "photos", first, "Ben", "Cleo", "Dina")
        half: dict[str, Any] = {"size": 64, "splits": "train=0.5,test=0.5", "seed": seed}
        before = prepare_marked(photos, folder / "faces", **half).table("classes").to_pylist()
        write_people(photos, later, "Eve", "Finn", seed=100)
        after = prepare_marked(photos, folder / "faces", **half).table("classes").to_pylist()
        split = {row["photo"]: row["split"] for row in after}
        assert {row["photo"]: row["split"] for row in before}.items() <= split.items()
        assert len({split[f"{name}/{number}.png"] for name in (first, later) for number in range(2)}) == 1


def test_people_who_were_in_two_splits_under_two_spellings_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in sets that were made before names were merged."""
    photos = write_people(tmp_path / "photos", "Anna", "Anna\u00a0", "Ben", "Cleo")
    half: dict[str, Any] = {"size": 64, "splits": "train=0.5,test=0.5"}
    for seed in range(20):
        out = tmp_path / f"{seed}"
        exact = prepare_marked(photos, out, names="exact", seed=seed, **half).table("classes").to_pylist()
        split_of = {row["identity"]: row["split"] for row in exact}
        if split_of["Anna"] != split_of["Anna\u00a0"]:
            break
    info = (out / "dataset.json").read_text().replace('"names": "exact"', '"names": "merge"')
    (out / "dataset.json").write_text(info)
    merged = prepare_marked(photos, out, seed=seed, **half).table("classes").to_pylist()
    now = {row["identity"]: row["split"] for row in merged}
    assert now == {name: split_of[name] for name in ("Anna", "Ben", "Cleo")}
    assert r"'Anna\xa0', until now in" in caplog.text
    assert any("is the same person as 'Anna'" in str(event) for event in events(out))


@pytest.mark.parametrize(
    "words", [("folder", "flat"), ("flat",), ("folder", "flat.zip"), ("folder", "a=flat", "b=flat2")]
)
def test_a_flat_folder_is_refused_before_any_detection_and_leaves_nothing(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_people(tmp_path, "flat", "flat2", photos=5)
    shutil.make_archive("flat", "zip", "flat")
    before = Counter(tmp_path.rglob("*"))
    refused = here("prepare", *words, "--out", "new/faces", *SMALL)
    assert refused.status == 1
    assert "each person's photos are expected in a folder of their own" in refused.error
    assert "5 photos" in refused.error or "10 photos" in refused.error
    assert Counter(tmp_path.rglob("*")) == before


def test_a_run_that_fails_before_it_writes_leaves_no_folder_above_either(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreError, match="no"), open_output(tmp_path / "a/b/c/faces", None, False):
        raise StoreError("no")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


@pytest.mark.parametrize("ending", ["zip", "gztar"])
def test_a_zipped_folder_makes_the_set_of_the_folder(tmp_path: Path, ending: str) -> None:
    photos = write_people(tmp_path / "in/photos", "Anna", NFC, "Ben")
    write_people(photos / "Anna", "@eaDir")
    archive = shutil.make_archive(str(tmp_path / "photos"), ending, photos)
    options = ("--cache", tmp_path / "cache", *SMALL, "--workers", "2")
    done("prepare", "folder", photos, "--out", tmp_path / "one", *options)
    finished = done("prepare", archive, "--out", tmp_path / "two", *options)
    assert finished.stdout.startswith(f"source     {archive}, taken as a folder\n")
    one, two = (set_bytes(tmp_path / name) for name in ("one", "two"))
    crops = {path: digest for path, digest in one.items() if path.startswith("crops/")}
    assert len(crops) == 6
    assert crops == {path: digest for path, digest in two.items() if path.startswith("crops/")}
    rows, others = (open_set(tmp_path / name).table("photos") for name in ("one", "two"))
    assert rows.drop_columns(["source"]).equals(others.drop_columns(["source"]))
    assert open_set(tmp_path / "one").fingerprint == open_set(tmp_path / "two").fingerprint
    prepare_marked(
        Path(archive), tmp_path / "two", detector=CannotRun(), size=64, splits="train=0.5,test=0.5"
    )
    crop = ("--template", "arcface112", "--cache", tmp_path / "cache", "--workers", "1")
    done("crop", tmp_path / "one", "--out", tmp_path / "one112", *crop)
    done("crop", tmp_path / "two", "--out", tmp_path / "two112", *crop)
    assert {p: d for p, d in set_bytes(tmp_path / "one112").items() if p.startswith("crops/")} == {
        p: d for p, d in set_bytes(tmp_path / "two112").items() if p.startswith("crops/")
    }


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("photos",), "folder"),
        (("photos/",), "folder"),
        (("one=photos", "two=more"), "folder"),
        (("./lfw",), "folder"),
        (("list.csv",), "table"),
        (("list.csv", "photos"), "table"),
    ],
)
def test_a_path_in_place_of_a_kind_is_the_source(
    words: tuple[str, ...], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "more", "lfw"):
        write_people(tmp_path / folder, "Anna", "Ben")
    shutil.copytree("photos/Anna", "Anna")
    Path("list.csv").write_text("path,identity\nAnna/0.png,Anna\nAnna/1.png,Ben\n")
    finished = done("prepare", *words, "--out", "faces", *SMALL)
    assert finished.stdout.startswith(f"source     {words[0]}, taken as a {kind}\n")
    assert open_set("faces").info["source"]["kind"] == kind
    assert "source " not in done("prepare", kind, *words, "--out", "faces", *SMALL).stdout


def test_a_kind_s_name_means_the_kind_whatever_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_people(tmp_path / "table", "Anna", "Ben")
    assert "no source is given" in here("prepare", "table", "--out", "faces").error


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("foldr", "'foldr' is neither a kind of source nor a path that exists; did you mean folder?"),
        ("qqq", "the kinds are demo, folder, table, celeba, lfw"),
        ("nowhere/", "cannot open the folder nowhere: No such file"),
        ("nowhere.csv", "cannot read the table nowhere.csv: No such file"),
        ("s3://bucket/list.csv", "reads from this machine only"),
    ],
)
def test_a_name_that_is_nothing_is_one_line(
    name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert what in here("prepare", name, "--out", "faces").error
    assert list(tmp_path.iterdir()) == []
