from __future__ import annotations

from pathlib import Path

from facedata.report.report_folder import is_report_of


def test_a_report_is_that_of_the_set_whose_fingerprint_it_shows(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert not is_report_of(folder, "abc")
    folder.mkdir()
    (folder / "index.html").write_text("… abc …")
    (tmp_path / ".report.new").mkdir()
    assert is_report_of(folder, "abc")
    assert not is_report_of(folder, "abd")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report"]
