"""``--corrections`` for every source: as if photos were moved by hand, resumed, grown, cropped, refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest

from facedata import PreparedSet, crop_set, open_set, pairs_set, prepare, split_set
from facedata.config import PrepareConfig
from facedata.errors import OtherSettingsError
from facedata.plan.plan import plan_run
from facedata.sources.demo import DemoSource
from facedata.sources.lfw import LfwSource
from facedata.testing import FakeDetector, MarkedFace, marked_folder
from tests.support.facedata_command import SMALL, done, here, start
from tests.support.inline_engine import inline
from tests.support.marked_photos import write_marked
from tests.support.set_bytes import events, set_bytes
from tests.support.shared_data import SHARED, needs_shared
from tests.support.slow_runs import wait_for_parts

CELEBA = "img_align_celeba"
HEADER = "action,photo,identity,to_identity,note\n"


def written(folder: Path, *rows: str, name: str = "corrections.csv") -> Path:
    file = folder / name
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return file


def made(source: Any, out: Path, corrections: Any = (), **options: Any) -> PreparedSet:
    files = [corrections] if isinstance(corrections, Path) else corrections
    options = {"size": 64, "splits": "train=0.5,test=0.5", "min_photos": 1, **options}
    with inline():
        return prepare(
            source, out, detector=FakeDetector, workers=1, corrections=tuple(map(str, files)), **options
        )


def ledger(prepared: PreparedSet) -> pd.DataFrame:
    frame: pd.DataFrame = prepared.table("photos").to_pandas().set_index("record")
    return frame


def crops(prepared: PreparedSet) -> set[tuple[str, str]]:
    classes = prepared.table("classes").to_pandas()
    return set(zip(classes["identity"], classes["crop_sha256"], strict=True))


def test_as_if_photos_were_moved_by_hand(photos: Path, tmp_path: Path) -> None:
    rows = (
        "drop,person-00/00.png,,,",
        "move,person-00/01.png,person-00,person-01,",
        "merge,,person-02,person-03,",
        "move,person-01/02.png,,+Eve,",
    )
    corrected = made(photos, tmp_path / "corrected", written(tmp_path, *rows))
    by_hand = tmp_path / "by hand"
    shutil.copytree(photos, by_hand)
    (by_hand / "person-00/00.png").unlink()
    (by_hand / "person-00/01.png").rename(by_hand / "person-01/moved.png")
    for file in (by_hand / "person-02").iterdir():
        file.rename(by_hand / f"person-03/2-{file.name}")
    (by_hand / "Eve").mkdir()
    (by_hand / "person-01/02.png").rename(by_hand / "Eve/02.png")
    moved = made(by_hand, tmp_path / "moved")
    assert crops(corrected) == crops(moved)
    # splits and labels follow the corrected people
    people = [one.table("classes").to_pandas().groupby("identity").first() for one in (corrected, moved)]
    assert people[0][["split", "label"]].equals(people[1][["split", "label"]])
    rows_ = ledger(corrected)
    assert rows_.status.value_counts().to_dict() == {"kept": 15, "excluded": 1}
    assert rows_.reason["person-00/00.png"] == "dropped by line 2 of the corrections"
    assert list(rows_.loc["person-00/01.png", ["identity", "source_identity"]]) == ["person-01", "person-00"]
    assert corrected.info["counts"]["corrections"] == {
        "dropped": 1, "moved": 2, "merged_people": 1, "merged_photos": 4, "distinct": 0, "kept": 0,
    }  # fmt: skip


def a_folder(folder: Path) -> Any:
    marked_folder(folder, people=4, photos=4)
    return folder


def two_roots(folder: Path) -> list[str]:
    marked_folder(folder / "one", people=3, photos=3)
    marked_folder(folder / "two", people=3, photos=3, seed=1)
    return [f"a={folder / 'one'}", f"b={folder / 'two'}"]


def an_archive(folder: Path) -> Path:
    marked_folder(folder / "photos", people=4, photos=4)
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for file in sorted((folder / "photos").rglob("*.png")):
            archive.write(file, file.relative_to(folder / "photos"))
    return folder / "photos.zip"


def a_table(folder: Path) -> Path:
    """Two faces in each photo, of anna and ben; and dan, who is in one photo alone."""
    lines = ["path,identity,box"]
    faces = (MarkedFace((5, 5, 55, 65), 5.0), MarkedFace((60, 40, 115, 110), -9.0))
    for number in range(4):
        write_marked(folder / f"group/{number}.png", seed=number, faces=faces)
        for person, (box, _, _) in zip(("anna", "ben"), faces, strict=True):
            lines.append(f'group/{number}.png,{person},"{list(box)}"')
    write_marked(folder / "dan.png", seed=9, faces=faces[:1])
    (folder / "faces.csv").write_text("\n".join([*lines, 'dan.png,dan,"[5, 5, 55, 65]"']) + "\n")
    return folder / "faces.csv"


def an_lfw(folder: Path) -> Path:
    """Six people with View 1's pairs: three of train, three of test."""
    for person in range(6):
        for number in (1, 2, 3):
            name = f"P_{person}"
            face = MarkedFace((30, 20, 90 + number, 100), 4.0 * person)
            write_marked(folder / name / f"{name}_{number:04d}.png", seed=10 * person + number, faces=(face,))
    for split, (one, two, three) in {"Train": (0, 1, 2), "Test": (3, 4, 5)}.items():
        lines = ["2", f"P_{one}\t1\t2", f"P_{two}\t2\t3"]
        lines += [f"P_{one}\t3\tP_{two}\t2", f"P_{two}\t1\tP_{three}\t1"]
        (folder / f"pairsDev{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


def a_celeba(folder: Path) -> Path:
    names = [f"{number:06d}.png" for number in range(12)]
    for number, name in enumerate(names):
        write_marked(folder / CELEBA / name, seed=number)
    (folder / "identity_CelebA.txt").write_text("".join(f"{n} {i % 3}\n" for i, n in enumerate(names)))
    (folder / "list_eval_partition.txt").write_text("".join(f"{n} {i % 3}\n" for i, n in enumerate(names)))
    return folder


def a_url(folder: Path) -> str:
    marked_folder(folder, people=4, photos=4)
    url = f"memory://{folder.as_posix()}"
    fsspec.filesystem("memory").put(str(folder), url, recursive=True)
    return url


SOURCES = [
    ("folder", a_folder, "person-00/00.png", "person-01/00.png", "person-02", "person-03", {}),
    ("folder", a_folder, "person-00/00.png", "person-01/00.png", "person-02", "person-03", {"store": "tar"}),
    ("folder", two_roots, "a/person-00/00.png", "b/person-02/00.png", "person-01", "person-00", {}),
    ("folder", an_archive, "person-00/00.png", "person-01/00.png", "person-02", "person-03", {}),
    ("folder", a_url, "person-00/00.png", "person-01/00.png", "person-02", "person-03", {}),
    ("table", a_table, "group/0.png#1", "group/1.png#2", "dan", "anna", {}),
    ("lfw", an_lfw, "P_0/P_0_0001.png", "P_3/P_3_0001.png", "P_4", "P_5", {}),
    ("celeba", a_celeba, f"{CELEBA}/000000.png", f"{CELEBA}/000001.png", "2", "0", {"split_by": "official"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "make", "dropped", "moved", "merged", "into", "options"),
    SOURCES,
    ids=["folder", "tars", "two-roots", "archive", "url", "table", "lfw", "celeba"],
)
def test_every_source(
    tmp_path: Path,
    kind: str,
    make: Callable[[Path], Any],
    dropped: str,
    moved: str,
    merged: str,
    into: str,
    options: dict[str, Any],
) -> None:
    source = make(tmp_path / "source")
    options = {
        "kind": kind,
        "cache": str(tmp_path / "cache"),
        "splits": "train=0.4,val=0.3,test=0.3",
        **options,
    }
    rows = (f"drop,{dropped},,,", f"move,{moved},,new: Somebody Else,", f"merge,,{merged},{into},")
    file = written(tmp_path, *rows)
    before = ledger(made(source, tmp_path / "plain", **options))
    corrected = made(source, tmp_path / "set", file, **options)
    after = ledger(corrected)
    assert list(after.index) == list(before.index)  # every row is still accounted for
    expected = before.identity.replace(merged, into)
    expected[moved] = "Somebody Else"
    assert after.identity.equals(expected)
    assert after.source_identity.equals(before.source_identity)
    assert after.status[dropped] == "excluded"
    columns = ["width", "faces", "score", "tilt_deg", "sha256"]
    assert after[columns].equals(before[columns].where(after.status != "excluded"))
    assert corrected.info["notes"] == open_set(tmp_path / "plain").info["notes"]
    table = corrected.table("corrections").to_pandas()
    assert dict(zip(table.record, table.action, strict=True)) == {
        **dict.fromkeys(before.index[before.identity == merged], "merge"),
        dropped: "drop",
        moved: "move",
    }
    # nothing to do, twice; and other crops of it are what prepare makes
    there, said = set_bytes(tmp_path / "set"), len(events(tmp_path / "set"))
    made(source, tmp_path / "set", file, **options)
    assert (set_bytes(tmp_path / "set"), len(events(tmp_path / "set"))) == (there, said)
    made(source, tmp_path / "arcface", file, template="arcface112", **{**options, "size": 112})
    with inline():  # no other process sees what is at memory://
        crop_set(tmp_path / "set", tmp_path / "cropped", template="arcface112", cache=options["cache"])
    assert set_bytes(tmp_path / "cropped") == set_bytes(tmp_path / "arcface")


def test_the_demo_too(tmp_path: Path) -> None:
    file = written(tmp_path, "drop,Amara/01.jpg,,,", "move,Birgit/02.jpg,,Amara,", "merge,,Chidi,Amara,")
    plan, _ = plan_run(DemoSource(), PrepareConfig(kind="demo", corrections=(str(file),)))
    rows = plan.records.to_pandas().set_index("record")
    assert rows.status["Amara/01.jpg"] == "excluded"
    assert rows.crop_path["Birgit/02.jpg"].startswith("Amara/02")
    assert not (rows.identity == "Chidi").any()


def test_official_pairs_and_splits_of_corrected_photos(tmp_path: Path) -> None:
    source = an_lfw(tmp_path / "lfw")
    rows = (
        "drop,P_0/P_0_0002.png,,,",  # of P_0's pair of one person
        "move,P_1/P_1_0003.png,,P_0,",  # of P_1's
        "merge,,P_4,P_5,",  # a pair of two people, now of one
        "move,P_3/P_3_0003.png,,P_2,",  # from test to train
    )
    prepared = made(source, tmp_path / "set", written(tmp_path, *rows), kind="lfw")
    section = prepared.info["counts"]["pairs"]
    assert (section["official"], section["complete"], section["other_split"]) == (8, 7, 1)
    assert [pair["missing"] for pair in section["missing"]] == [["P_0/P_0_0002.png"]]
    named = [(one["left"], one["right"], one["same"]) for one in section["contradicted"]]
    assert named == [
        ("P_1/P_1_0002.png", "P_1/P_1_0003.png", True),
        ("P_4/P_4_0001.png", "P_5/P_5_0001.png", False),
    ]
    assert [note for note in section["notes"] if "a person of another split" in note]
    assert [note for note in section["notes"] if "2 of 8 official pairs say something else" in note]
    people = prepared.table("classes").to_pandas().set_index("id")["identity"]
    pairs = prepared.table("pairs").to_pandas()
    assert len(pairs) == 4
    assert ((people[pairs.left].values == people[pairs.right].values) == pairs.same).all()
    # as published, all of them
    assert prepared.table("protocol").num_rows == 8
    splits = prepared.table("classes").to_pandas().groupby("identity")["split"].unique()
    assert {person: list(names) for person, names in splits.items()} == {
        "P_0": ["train"], "P_1": ["train"], "P_2": ["train"], "P_3": ["test"], "P_5": ["test"],
    }  # fmt: skip
    there = set_bytes(tmp_path / "set")
    pairs_set(tmp_path / "set", strategy="official")
    assert set_bytes(tmp_path / "set")["pairs.parquet"] == there["pairs.parquet"]
    assert open_set(tmp_path / "set").info["counts"]["pairs"] == section


def test_dividing_and_drawing_again_keeps_the_corrections(photos: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "merge,,person-02,person-03,")
    before = made(photos, tmp_path / "set", file).table("corrections")
    split_set(tmp_path / "set", seed=3)
    prepared = open_set(tmp_path / "set")
    assert prepared.table("corrections").equals(before)
    assert prepared.is_intact()
    assert prepared.info["settings"]["corrections"]


def test_several_files_are_applied_in_turn(photos: Path, tmp_path: Path) -> None:
    first = written(tmp_path, "merge,,person-02,person-03,", "drop,person-00/00.png,,,")
    second = written(
        tmp_path, "move,person-02/00.png,person-03,+Eve,", "drop,person-00/01.png,,,", name="more.csv"
    )
    done(
        "prepare",
        "folder",
        photos,
        "--out",
        tmp_path / "set",
        "--corrections",
        first,
        "--corrections",
        second,
        *SMALL,
    )
    rows = ledger(open_set(tmp_path / "set"))
    assert rows.identity["person-02/00.png"] == "Eve"
    assert rows.identity["person-02/01.png"] == "person-03"
    assert rows.reason["person-00/00.png"] == "dropped by line 3 of the corrections"
    assert rows.reason["person-00/01.png"] == "dropped by line 3 of corrections file 2"
    finished = here("prepare", "folder", photos, "--out", tmp_path / "set", "--corrections", second, *SMALL)
    assert finished.status == 2
    assert f"{second}, line 2: 'person-02/00.png' is of 'person-02', not of 'person-03'" in finished.stderr
    finished = here("prepare", "folder", photos, "--out", tmp_path / "set", "--corrections", first, *SMALL)
    assert finished.status == 1
    assert "was made with other settings (corrections: ['sha256:" in finished.stderr


def test_only_the_content_of_a_file_counts(photos: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "drop,person-00/00.png,,,")
    made(photos, tmp_path / "set", file)
    there = set_bytes(tmp_path / "set")
    moved = file.rename(tmp_path / "elsewhere.csv")
    made(photos, tmp_path / "set", moved)
    assert set_bytes(tmp_path / "set") == there
    assert b"elsewhere" not in b"".join(path.read_bytes() for path in (tmp_path / "set").glob("*.parquet"))
    moved.write_text(moved.read_text() + "drop,person-00/01.png,,,\n")
    with pytest.raises(OtherSettingsError, match="corrections: "):
        made(photos, tmp_path / "set", moved)


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    first = written(
        tmp_path, "dorp,person-00/00.png,,,", "drop,person-00/09.png,,,", "merge,,person-00,person-00,"
    )
    second = written(tmp_path, "move,person-00/00.png,,,", name="more.csv")
    finished = here(
        "prepare",
        "folder",
        photos,
        "--out",
        tmp_path / "set",
        "--corrections",
        first,
        "--corrections",
        second,
    )
    assert finished.status == 2
    said = [line.strip() for line in finished.stderr.splitlines()[1:]]
    assert [line.split(": ")[0] for line in said] == [
        *(f"{first}, line {number}" for number in (2, 3, 4)),
        f"{second}, line 2",
    ]
    assert not (tmp_path / "set").exists()


def test_a_set_without_corrections_shows_nothing_of_them(finished_set: tuple[Path, Path]) -> None:
    _, out = finished_set
    info = json.loads((out / "dataset.json").read_text())
    assert "corrections" not in {*info["settings"], *info["counts"], *info["tables"]}
    assert not (out / "corrections.parquet").exists()
    assert open_set(out).info["settings"]["corrections"] == []


def test_a_file_that_corrects_nothing(photos: Path, tmp_path: Path) -> None:
    prepared = made(photos, tmp_path / "set", written(tmp_path))
    assert not prepared.has("corrections")
    assert prepared.info["settings"]["corrections"]
    there = set_bytes(tmp_path / "set")
    made(photos, tmp_path / "set", written(tmp_path))
    assert set_bytes(tmp_path / "set") == there


def test_a_grown_set_equals_a_fresh_one(photos: Path, tmp_path: Path) -> None:
    file = written(
        tmp_path, "merge,,person-00,+Eve,", "move,person-01/00.png,,person-02,", "keep,person-03/00.png,,,"
    )
    late = [photos / "person-00/03.png", photos / "person-03/02.png"]
    for index, path in enumerate(late):
        path.rename(tmp_path / f"late-{index}.png")
    made(photos, tmp_path / "set", file, stable=True)
    for index, path in enumerate(late):
        (tmp_path / f"late-{index}.png").rename(path)
    grown = made(photos, tmp_path / "set", file, stable=True)
    made(photos, tmp_path / "fresh", file, stable=True)
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "fresh")
    assert grown.info["counts"]["corrections"]["merged_photos"] == 4
    (photos / "person-03/00.png").unlink()
    finished = here(
        "prepare", "folder", photos, "--out", tmp_path / "set", "--corrections", file, *SMALL, "--stable"
    )
    assert "line 4: there is no photo 'person-03/00.png'" in finished.stderr


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_a_killed_run_goes_on_and_equals_a_fresh_one(tmp_path: Path, store: str) -> None:
    photos = tmp_path / "photos"
    marked_folder(photos, people=20, photos=8)
    file = written(tmp_path, "merge,,person-02,person-03,", "drop,person-00/00.png,,,")
    slow = "from tests.support.slow_runs import SlowFactory\nfactory = SlowFactory(0.01)"
    typed = ("--corrections", file, "--store", store, "--size", "64")
    process = start(
        "prepare", "folder", photos, "--out", tmp_path / "set", *typed, "--workers", "1", detector=slow
    )
    wait_for_parts(tmp_path / "set", 1, process)  # type: ignore[arg-type]  # text or bytes
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with pytest.raises(OtherSettingsError, match="corrections: "):
        made(photos, tmp_path / "set", store=store, splits="train=0.75,test=0.25")
    for out in ("set", "fresh"):
        made(photos, tmp_path / out, file, store=store, splits="train=0.75,test=0.25")
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "fresh")
    assert sum(event["event"] == "start" for event in events(tmp_path / "set")) == 2


def test_a_photo_of_nobody_gets_a_person_and_is_searched(photos: Path, tmp_path: Path) -> None:
    (photos / "person-00/00.png").rename(photos / "lonely.png")
    prepared = made(photos, tmp_path / "set", written(tmp_path, "move,lonely.png,,person-00,"))
    row = ledger(prepared).loc["lonely.png"]
    assert (row.status, row.identity, row.path) == ("kept", "person-00", "person-00/lonely.jpg")
    assert pd.isna(row.source_identity)


@pytest.mark.parametrize("names", ["merge", "exact"])
def test_spellings_of_names(tmp_path: Path, names: str) -> None:
    for seed, person in enumerate(["Jose\u0301", "Anna", "Ben ", "Anna"]):
        write_marked(tmp_path / "photos" / person / f"{seed}.png", seed=seed)
    file = written(tmp_path, "merge,,José,Anna,", "merge,, Ben,Anna,")
    prepared = made(tmp_path / "photos", tmp_path / "set", file, names=names)
    assert set(ledger(prepared).identity) == {"Anna"}


def test_the_summary_says_what_was_corrected(photos: Path, tmp_path: Path) -> None:
    rows = ("drop,person-00/00.png,,,", "merge,,person-02,person-03,", "keep,person-01/00.png,,,")
    file = written(tmp_path, *rows)
    finished = done("prepare", "folder", photos, "--out", tmp_path / "set", "--corrections", file, *SMALL)
    line = "corrected  1 photo dropped, 1 person merged into another, 1 photo kept as right"
    assert line in finished.stdout.splitlines()


@needs_shared
def test_the_published_errors_of_lfw(tmp_path: Path) -> None:
    root = SHARED / "data/lfw"
    plain, _ = plan_run(LfwSource(root), PrepareConfig(kind="lfw"))
    people = plain.records.to_pandas().set_index("record")["identity"]
    splits = plain.records.to_pandas().groupby("identity")["official_split"].first()
    errors = pd.read_csv(root / "known_errors.csv")
    rows, expected = [], people.copy()
    for kind, left, right in errors[["kind", "left", "right"]].itertuples(index=False):
        if kind == "double_name" and {left, right} <= set(people):
            rows.append(f"merge,,{left},{right},")
            expected[people == left] = right
        elif kind == "wrong_name" and right in set(people):
            (record,) = [key for key in people.index if f"/{left}." in key]
            rows.append(f"move,{record},{people[record]},{right},")
            expected[record] = right
    assert len(rows) >= 3
    plan, config = plan_run(
        LfwSource(root), PrepareConfig(kind="lfw", corrections=(str(written(tmp_path, *rows)),))
    )
    after = plan.records.to_pandas().set_index("record")
    assert after.identity.equals(expected)
    assert after.official_split.equals(expected.map(splits))  # everybody is in one split
    assert config.split_by == "official"
    assert plan.notes == plain.notes
