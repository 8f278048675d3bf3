"""What is looked for is the person's alone: what others share with them, and other names, are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facedata import check, report_set
from facedata.forgetting.needles import collect_needles, recall_needles
from facedata.forgetting.search import search_folders
from facedata.forgetting.traces.patterns import CROP, PHOTO
from facedata.sets.prepared import PreparedSet
from facedata.tables.tombstones import Tombstones
from tests.support.people_set import face
from tests.support.small_set import make_set

PEOPLE = {"Ann": 3, "Ann Lee": 3, "Berta": 4}


def change_ledger(prepared: PreparedSet, **columns: dict[str, str]) -> PreparedSet:
    """Give some records other values in some columns of the ledger."""
    rows = prepared.table("photos").to_pylist()
    for name, values in columns.items():
        for row in rows:
            row[name] = values.get(row["record"], row[name])
    table = pa.Table.from_pylist(rows, schema=prepared.table("photos").schema)
    prepared.update({"photos": table}, {})
    return PreparedSet(prepared.path)


def records_of(prepared: PreparedSet, person: str) -> list[str]:
    photos = prepared.table("photos")
    records: list[str] = (
        photos.filter(pc.equal(photos.column("identity"), person)).column("record").to_pylist()
    )
    return records


def test_names_paths_and_digests_of_one_person(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, picture=face)
    sha = {record: hashlib.sha256(record.encode()).hexdigest() for record in records_of(prepared, "Ann")}
    prepared = change_ledger(prepared, sha256=sha)
    needles = collect_needles(prepared, ["Ann"], records_of(prepared, "Ann"))
    assert (needles.names, needles.others) == (("Ann",), ("Ann Lee",))
    assert needles.paths == tuple(
        sorted(f"{start}Ann/{number}.jpg" for number in range(3) for start in ("", "photos/"))
    )
    crops = {
        hashlib.sha256((tmp_path / f"faces/crops/Ann/{number}.jpg").read_bytes()).hexdigest()
        for number in range(3)
    }
    assert needles.digests == dict.fromkeys(crops, CROP) | dict.fromkeys(sha.values(), PHOTO)
    assert len(needles.slices) == 3


def test_what_others_share_is_theirs(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, picture=face)
    prepared = change_ledger(
        prepared,
        # the first was under Berta's name; the second is of a photo with two faces
        source_identity={"photos/Ann/0.jpg": "Berta", "photos/Ann/2.jpg": "Annie"},
        photo={"photos/Ann/1.jpg": "photos/group.jpg", "photos/Berta/1.jpg": "photos/group.jpg"},
        sha256={
            "photos/Ann/1.jpg": "ab" * 32,
            "photos/Berta/1.jpg": "ab" * 32,
            "photos/Ann/2.jpg": "cd" * 32,
        },
    )
    needles = collect_needles(prepared, ["Ann"], records_of(prepared, "Ann"))
    assert needles.names == ("Ann", "Annie")
    assert "photos/group.jpg" not in needles.paths
    assert "photos/Ann/1.jpg" in needles.paths
    assert [kind for digest, kind in needles.digests.items() if digest in ("ab" * 32, "cd" * 32)] == [PHOTO]


def test_single_photos_are_not_their_person(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, picture=face)
    needles = collect_needles(prepared, [], ["photos/Berta/3.jpg", "photos/lost.jpg"])
    assert needles.names == ()
    assert needles.paths == ("Berta/3.jpg", "photos/Berta/3.jpg", "photos/lost.jpg")
    assert len(needles.digests) == 1


def test_kept_embeddings_are_looked_for(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, picture=face)
    rows = np.random.default_rng(0).normal(size=(10, 12)).astype(np.float32)
    rows[1] = np.nan
    (tmp_path / "faces" / "check").mkdir()
    file = tmp_path / "faces" / "check" / "embeddings-0123456789ab.parquet"
    ids = prepared.table("classes").column("id")
    pq.write_table(pa.table({"id": ids, "embedding": list(rows)}), file)
    about = {"facedata.kind": "embeddings", "facedata.fingerprint": prepared.fingerprint}
    beside = pa.table({"id": ids, "embedding": list(rows * 2)})
    pq.write_table(beside.replace_schema_metadata(about), tmp_path / "mine.parquet")
    pq.write_table(
        beside.replace_schema_metadata({**about, "facedata.fingerprint": "x"}), tmp_path / "other.parquet"
    )
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "faces" / "check" / "embeddings-ffff.parquet").write_bytes(b"PAR1 torn")
    needles = collect_needles(prepared, ["Ann"], records_of(prepared, "Ann"))
    assert [some.tobytes() for some in needles.embeddings] == [rows[:3].tobytes(), (rows[:3] * 2).tobytes()]
    found = search_folders(needles, [file])
    assert [(one.inside, one.what, one.count) for one in found.traces] == [
        ("column embedding, row 0", "embedding", 2)
    ]


def test_a_whole_set_holds_traces_everywhere_and_one_without_them_none(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, picture=face)
    check(prepared)
    report_set(prepared)
    needles = collect_needles(prepared, ["Ann"], records_of(prepared, "Ann"))
    found = search_folders(needles, [tmp_path / "faces"])
    files = {Path(one.file).relative_to(tmp_path / "faces").as_posix() for one in found.traces}
    assert files >= {
        "photos.parquet", "classes.parquet", "pairs.parquet", "triplets.parquet", "dataset.json",
        "report/index.html", "crops/Ann", "crops/Ann/0.jpg",
    }  # fmt: skip
    assert not [file for file in files if file.startswith(("crops/Ann Lee", "crops/Berta"))]
    other = make_set(
        tmp_path / "other", {name: count for name, count in PEOPLE.items() if name != "Ann"}, picture=face
    )
    report_set(other)
    clean = search_folders(needles, [tmp_path / "other"])
    assert (clean.traces, clean.not_searched) == ((), ())
    assert clean.files > 10


def test_after_the_fact_the_name_and_the_tombstones_are_left(tmp_path: Path) -> None:
    whole = make_set(tmp_path / "faces", PEOPLE, picture=face)
    crop = (tmp_path / "faces/crops/Ann/0.jpg").read_bytes()
    told = Tombstones().bury(
        people=["Ann"], records=records_of(whole, "Ann"), crops=[hashlib.sha256(crop).hexdigest()]
    )
    after = make_set(
        tmp_path / "after", {name: count for name, count in PEOPLE.items() if name != "Ann"}, picture=face
    )
    needles = recall_needles(after, ["Ann"], told)
    assert (needles.names, needles.others) == (("Ann",), ("Ann Lee",))
    assert search_folders(needles, [tmp_path / "after"]).is_clean
    (tmp_path / "copy.jpg").write_bytes(crop)
    (trace,) = search_folders(needles, [tmp_path / "copy.jpg"]).traces
    assert trace.what == "a forgotten crop"
    assert recall_needles(after, ["Berta"], told).names == ()
