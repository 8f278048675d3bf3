"""The folder of a check's files: what is written, what is refused, and that no line of the user's is lost."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from facedata.checks.check_folder import open_check_folder
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding, Findings, Kind, Proposal, Severity
from facedata.checks.quality.measure import QUALITY
from facedata.checks.run_checks import Checked
from facedata.errors import LockedError, NotASetError, StoreError, UsageError
from facedata.files.locks import locked
from facedata.files.remote import Remote
from facedata.files.staged import StagedFiles
from facedata.sets.prepared import PreparedSet
from facedata.tables.parquet import read_footer
from tests.support.set_bytes import snapshot
from tests.support.small_set import make_set

HEADER = ["action", "photo", "identity", "to_identity", "note"]


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    """Two people with three photos each: ids 0 to 5."""
    return make_set(tmp_path / "faces", {"ana": 3, "bo": 3})


def drop(crop: int) -> Finding:
    why = f"crop {crop} shows two halves"
    return Finding(Kind.STRADDLING, Severity.SUSPECT, 0.5, why, left=crop, proposal=Proposal.DROP)


MERGE = Finding(
    Kind.DOUBLE_NAME, Severity.SUSPECT, 0.9, "one person", identity="bo", to_identity="ana",
    proposal=Proposal.MERGE,
)  # fmt: skip


def check(prepared: PreparedSet, findings: Sequence[Finding], out: Path | None = None) -> Findings:
    classes = prepared.table("classes")
    nothing: dict[str, Any] = {name: np.full(len(classes), np.nan) for name in QUALITY.names[1:]}
    quality = QUALITY.empty_table().from_pydict({"id": classes["id"], **nothing}, schema=QUALITY)
    readable, summary = np.ones(len(classes), np.bool_), {"crops": len(classes), "people": 2}
    with open_check_folder(prepared.path, out) as folder:
        checked = Checked(
            prepared.path, prepared, prepared.fingerprint, classes, readable, list(findings), quality, {},
            summary,
        )  # fmt: skip
        return close_check(folder, checked)


def lines_of(file: Path) -> list[list[str]]:
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    assert rows[0] == HEADER
    return rows[1:]


def write_lines(file: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8", mark: str = ",") -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=mark).writerows([HEADER, *rows])
    file.write_bytes(text.getvalue().encode(encoding))


def test_the_files_are_of_this_set_and_the_set_is_as_it_was(prepared: PreparedSet, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "faces")
    found = check(prepared, [drop(1), drop(4)])
    folder = tmp_path / "faces/check"
    assert found.folder == folder
    assert {file.name for file in folder.iterdir()} == {
        "findings.parquet", "quality.parquet", "corrections.csv", "summary.json",
    }  # fmt: skip
    for kind, count in (("findings", 2), ("quality", 6)):
        footer = read_footer(folder / f"{kind}.parquet")
        assert (footer.kind, footer.fingerprint, footer.rows) == (kind, prepared.fingerprint, count)
    assert pq.read_table(folder / "findings.parquet").to_pylist() == found.table.to_pylist()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == found.summary
    assert summary["findings"] == {"suspect": {"straddling": 2}}
    for name, about in summary["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == about["sha256"], name
    after = snapshot(tmp_path / "faces")
    assert {name: after[name] for name in before} == before
    assert {name for name in after if not name.startswith("check")} == before.keys()


def test_the_same_findings_in_any_order_give_the_same_bytes(prepared: PreparedSet, tmp_path: Path) -> None:
    check(prepared, [drop(1), drop(4), MERGE])
    first = snapshot(tmp_path / "faces/check")
    check(prepared, [MERGE, drop(4), drop(1)])
    assert snapshot(tmp_path / "faces/check") == first
    elsewhere = check(prepared, [drop(4), MERGE, drop(1)], tmp_path / "a/b")
    assert elsewhere.folder == tmp_path / "a/b"
    assert snapshot(tmp_path / "a/b") == first
    assert not [data for data in first.values() if data and bytes(tmp_path) in data]


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", ";"), ("utf-16", "\t")]
)
def test_edited_lines_stay_whatever_saved_them(
    prepared: PreparedSet, tmp_path: Path, encoding: str, mark: str
) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    check(prepared, [drop(0), drop(1), drop(4)])
    first, second, third = lines_of(file)
    edited = ["keep", second[1], second[2], "", "right, looked at it: é"]
    own = ["distinct", "", "ana", "bo", "sisters"]
    write_lines(file, [third, own, edited, first], encoding, mark)
    # another one is found, one no longer, and two are settled by now
    found = check(prepared, [drop(0), drop(1), drop(5), MERGE])
    assert lines_of(file) == [own, edited, first, ["drop", "photos/bo/2.jpg", "bo", "", lines_of(file)[3][4]]]
    assert found.summary["settled"] == {"keep": 1, "distinct": 1}
    assert found.table["left"].to_pylist() == [0, 5]
    assert found.summary["corrections"] == {"proposed": 2, "yours": 2}
    again = file.read_bytes()
    check(prepared, [drop(0), drop(1), drop(5), MERGE])
    assert file.read_bytes() == again


def test_a_file_that_has_all_lines_is_not_written_again(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    check(prepared, [drop(0), drop(1)])
    first, second = lines_of(file)
    write_lines(file, [second, ["keep", *first[1:]]], "utf-16", ";")
    before = file.read_bytes()
    check(prepared, [drop(0), drop(1)])
    assert file.read_bytes() == before
    assert len(list(file.parent.iterdir())) == 4


def test_what_else_is_in_the_users_file_is_kept_beside_it(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    check(prepared, [drop(0)])
    text = "action,photo,identity,to_identity,note,who\nkeep,photos/ana/0.jpg,,,fine,Ulla\n"
    file.write_text(text)
    check(prepared, [drop(0), drop(1)])
    assert [line[:2] for line in lines_of(file)] == [
        ["keep", "photos/ana/0.jpg"],
        ["drop", "photos/ana/1.jpg"],
    ]
    (kept,) = file.parent.glob("corrections-*.csv")
    assert kept.read_text() == text


def test_a_column_of_the_users_beside_our_lines_is_kept_too(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    check(prepared, [drop(0)])
    text = file.read_text("utf-8-sig").replace("note\n", "note,who\n").replace("]\n", "],Ulla\n")
    file.write_text(text)
    check(prepared, [drop(1)])
    assert [line[:2] for line in lines_of(file)] == [["drop", "photos/ana/1.jpg"]]
    (kept,) = file.parent.glob("corrections-*.csv")
    assert kept.read_text() == text


def test_without_edits_the_file_follows_the_findings(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    check(prepared, [drop(0), drop(1)])
    write_lines(file, lines_of(file)[::-1], "utf-16", ";")  # saved again, sorted, but not edited
    check(prepared, [drop(4)])
    assert [line[1] for line in lines_of(file)] == ["photos/bo/1.jpg"]
    assert len(list(file.parent.iterdir())) == 4
    check(prepared, [])
    assert file.read_bytes() == b"\xef\xbb\xbf" + ",".join(HEADER).encode() + b"\n"


def test_a_broken_file_is_refused_before_anything_is_done(prepared: PreparedSet, tmp_path: Path) -> None:
    check(prepared, [drop(0)])
    file = tmp_path / "faces/check/corrections.csv"
    write_lines(file, [["keep", "", "", "", ""], ["frob", "photos/ana/0.jpg", "", "", ""]])
    before = snapshot(tmp_path / "faces")
    with (
        pytest.raises(UsageError, match=r"(?s)line 2: .*line 3: .*not overwritten"),
        open_check_folder(prepared.path),
    ):
        raise AssertionError
    assert snapshot(tmp_path / "faces") == before


def test_a_file_that_is_broken_while_the_check_runs_is_not_overwritten(
    prepared: PreparedSet, tmp_path: Path
) -> None:
    check(prepared, [drop(0)])
    file = tmp_path / "faces/check/corrections.csv"
    with open_check_folder(prepared.path) as folder:
        file.write_text("action;photo\nkeep;")
        before = snapshot(tmp_path / "faces")
        empty = prepared.table("classes").slice(0, 0)
        checked = Checked(
            prepared.path, prepared, "", empty, np.zeros(0, np.bool_), [], QUALITY.empty_table(), {}, {}
        )
        with pytest.raises(UsageError, match="not overwritten"):
            close_check(folder, checked)
    assert snapshot(tmp_path / "faces") == before


def test_a_check_that_is_killed_between_two_files_loses_no_line(
    prepared: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "faces/check/corrections.csv"
    for renames in range(1, 5):
        check(prepared, [drop(0), drop(1)])
        first, second = lines_of(file)
        write_lines(file, [["keep", *first[1:]], second])
        left = [renames]

        def commit(self: StagedFiles, left: list[int] = left) -> None:
            for path, temporary in self._temporary.items():
                if not left[0]:
                    raise KeyboardInterrupt
                temporary.replace(path)
                left[0] -= 1

        with monkeypatch.context() as patched:
            patched.setattr(StagedFiles, "commit", commit)
            if renames < 4:
                with pytest.raises(KeyboardInterrupt):
                    check(prepared, [drop(1), drop(4)])
        check(prepared, [drop(1), drop(5)])
        assert [line[:2] for line in lines_of(file)] == [
            ["keep", "photos/ana/0.jpg"], ["drop", "photos/ana/1.jpg"], ["drop", "photos/bo/2.jpg"],
        ]  # fmt: skip
        file.unlink()


def test_two_checks_do_not_mix(prepared: PreparedSet, tmp_path: Path) -> None:
    with open_check_folder(prepared.path):
        with pytest.raises(LockedError), open_check_folder(prepared.path):
            raise AssertionError
        with pytest.raises(LockedError), locked(tmp_path / "faces"):  # a run that would change the set
            raise AssertionError
        with open_check_folder(prepared.path, tmp_path / "elsewhere"):
            assert True
    with locked(tmp_path / "faces"), pytest.raises(LockedError), open_check_folder(prepared.path):
        raise AssertionError


@pytest.mark.parametrize(
    ("set_name", "out", "error", "text"),
    [
        ("faces", "faces", UsageError, "lies in the set"),
        ("faces", "faces/crops/x", UsageError, "lies in the set"),
        ("faces", "memory://found", UsageError, "is a URL"),
        ("nowhere", None, NotASetError, "there is no folder"),
        ("other", None, NotASetError, "holds no prepared set"),
        ("other/file", None, NotASetError, "there is no folder"),
        ("faces", "other/file", StoreError, "cannot write"),
    ],
)
def test_folders_that_cannot_be_used(
    prepared: PreparedSet, tmp_path: Path, set_name: str, out: str | None, error: type[Exception], text: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    before = snapshot(tmp_path)
    place = out if out is None or "://" in out else tmp_path / out
    with pytest.raises(error, match=text), open_check_folder(tmp_path / set_name, place):
        raise AssertionError
    assert snapshot(tmp_path) == before


def test_a_set_at_a_url_needs_a_folder_here() -> None:
    with (
        pytest.raises(UsageError, match=r"memory://faces is at a URL.*--out"),
        open_check_folder(Remote("memory://faces")),
    ):
        raise AssertionError


def test_a_check_that_fails_leaves_no_folder(prepared: PreparedSet, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    with pytest.raises(StoreError), open_check_folder(prepared.path, tmp_path / "a/b/c"):
        raise StoreError("the store does not answer")
    assert snapshot(tmp_path) == before
